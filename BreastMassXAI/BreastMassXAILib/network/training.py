"""Transfer learning on labelled frames: deep representation scaling (DRS), with the paper's settings as defaults.

Paper: binary cross-entropy, Adam with learning rate 0.001, batches of 12, 224 x 224, augmentation, early stop after 8
epochs without improvement. The paper watches the loss on its test set, which leaks; here it is watched on validation
patients taken out of the training part.

Stages below the first trained one never change, so their outputs are computed once for a few augmented variants of
every frame and kept; an epoch then costs the trained stages only.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit
from torch import Tensor, nn

from ..core.errors import InputError
from ..core.field import Field, FieldRule
from ..core.frame import Case
from ..core.progress import Progress, silent
from ..core.statistics import roc_auc
from .preprocessing import Preprocessing, resample_field
from .resnet import ScaledResNet


@dataclass(frozen=True)
class TrainingSettings:
    """Hyperparameters; those that the paper names have its values.

    Parameters
    ----------
    first_stage : int
        Scaling layers from this stage on are trained; the stages before are cached.
    variants : int
        Augmented variants of each frame that are kept: the frame, its mirror image, then random ones.
    validation_share : float
        Share of the training patients whose loss decides when to stop.
    """

    method: str = "drs"
    first_stage: int = 3
    learning_rate: float = 0.001
    batch: int = 12
    patience: int = 8
    epochs: int = 60
    variants: int = 4
    validation_share: float = 0.125
    seed: int = 0


@dataclass(frozen=True)
class Epoch:
    """One line of the training log."""

    epoch: int
    training_loss: float
    validation_loss: float
    validation_auc: float


def augment(pixels: np.ndarray, field: Field, size: int, generator: np.random.Generator) -> np.ndarray:
    """A random variant that ultrasound could have produced: mirrored, shifted, scaled, other gain and contrast.

    Never upside down: shadow and enhancement lie below a mass.

    Returns
    -------
    ndarray, shape (size, size), float32
        Grey 0..255.
    """
    scale = generator.uniform(0.9, 1.1)
    down, aside = generator.uniform(-0.06, 0.06, size=2)
    height, width = field.height * scale, field.width * scale
    row = field.row + (field.height - height) / 2 + down * field.height
    column = field.column + (field.width - width) / 2 + aside * field.width
    grey = resample_field(pixels, Field(row, column, height, width), size)
    if generator.random() < 0.5:
        grey = grey[:, ::-1]
    grey = 255 * (grey / 255) ** np.exp(generator.uniform(-0.25, 0.25))
    return np.clip(grey * generator.uniform(0.85, 1.15), 0, 255).astype(np.float32)


def split_patients(
    labels: np.ndarray, patients: Sequence[str | None], share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of training and validation frames; a patient is in one of them only, classes in proportion.

    Raises
    ------
    InputError
        When one of the parts would lack a class.
    """
    generator = np.random.default_rng(seed)
    names = np.array([f"#{k}" if name is None else name for k, name in enumerate(patients)])
    held: set[str] = set()
    malignant = {name: bool(labels[names == name].any()) for name in np.unique(names)}
    for positive in (False, True):
        group = sorted(name for name, value in malignant.items() if value == positive)
        held.update(generator.permutation(group)[: round(share * len(group))].tolist())
    validation = np.isin(names, list(held))
    for part in (labels[validation], labels[~validation]):
        if part.all() or not part.any():
            raise InputError("There are too few patients of one class to hold some out for validation.")
    return np.flatnonzero(~validation), np.flatnonzero(validation)


@torch.no_grad()
def cache_stage_outputs(
    network: ScaledResNet,
    cases: Sequence[Case],
    rule: FieldRule,
    preprocessing: Preprocessing,
    settings: TrainingSettings,
    progress: Progress = silent,
) -> Tensor:
    """Outputs of the last frozen stage, float16, shape (variants, n, channels, height, width)."""
    generator = np.random.default_rng(settings.seed)
    network.eval().to(memory_format=torch.channels_last)
    cached: Tensor | None = None
    for index, case in enumerate(cases):
        field, size = rule.field(case.mass, case.frame.scan_area), preprocessing.size
        grey = resample_field(case.frame.pixels, field, size)
        variants = [grey, np.ascontiguousarray(grey[:, ::-1])][: settings.variants]
        while len(variants) < settings.variants:
            variants.append(augment(case.frame.pixels, field, size, generator))
        inputs = preprocessing.normalise(torch.from_numpy(np.stack(variants)))
        outputs = network.stages(
            network.stem(inputs.contiguous(memory_format=torch.channels_last)), 1, settings.first_stage - 1
        )
        if cached is None:
            cached = torch.empty((len(variants), len(cases), *outputs.shape[1:]), dtype=torch.float16)
        cached[:, index] = outputs.half()
        progress(index + 1, len(cases), "frozen stages")
    if cached is None:
        raise InputError("There is no frame to train on.")
    return cached


def train(
    network: ScaledResNet,
    cached: Tensor,
    labels: np.ndarray,
    training: np.ndarray,
    validation: np.ndarray,
    settings: TrainingSettings,
    log: Callable[[Epoch], None] = lambda epoch: None,
    progress: Progress = silent,
) -> list[Epoch]:
    """Train the scaling layers and the linear layer; the network is left in the state of the best epoch.

    Parameters
    ----------
    cached : Tensor, shape (variants, n, channels, height, width)
        From :func:`cache_stage_outputs`; variant 0 is the frame itself, which validation uses.
    labels : ndarray of bool, shape (n,)
        True for malignant.
    training, validation : ndarray of int
        Indices into the frames.
    """
    torch.manual_seed(settings.seed)
    generator = np.random.default_rng(settings.seed + 1)
    network.set_trainable(settings.method, settings.first_stage)
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=settings.learning_rate)
    loss_function = nn.BCEWithLogitsLoss()
    target = torch.from_numpy(labels.astype(np.float32))
    best, best_state, epochs = math.inf, copy.deepcopy(network.adapter_state()), []
    steps = math.ceil(len(training) / settings.batch)
    for number in range(1, settings.epochs + 1):
        network.train()
        losses = []
        for step, batch in enumerate(np.array_split(generator.permutation(training), steps)):
            variant = generator.integers(len(cached), size=len(batch))
            logits = cached_logits(network, cached[variant, batch], settings.first_stage)
            loss = loss_function(logits, target[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
            progress((number - 1) * steps + step + 1, settings.epochs * steps, f"epoch {number}")
        held = predict_cached(network, cached[0], validation, settings)
        validation_loss = float(loss_function(torch.from_numpy(held), target[validation]))
        epochs.append(Epoch(number, float(np.mean(losses)), validation_loss, roc_auc(labels[validation], held)))
        log(epochs[-1])
        if validation_loss < best:
            best, best_state = validation_loss, copy.deepcopy(network.adapter_state())
        elif number - min(epochs, key=lambda e: e.validation_loss).epoch >= settings.patience:
            break
    network.load_state_dict(best_state, strict=False)
    network.eval()
    return epochs


def fit_linear_layer(
    network: ScaledResNet,
    cached: Tensor,
    labels: np.ndarray,
    training: np.ndarray,
    validation: np.ndarray,
    settings: TrainingSettings,
    progress: Progress = silent,
) -> float:
    """Set the linear layer to the logistic regression on the pretrained network's pooled features.

    Adam at the paper's learning rate needs dozens of epochs to get here from random weights. The strength of the ridge
    penalty is the one with the smallest loss on the validation frames.

    Returns
    -------
    float
        That loss.
    """
    pooled = pooled_features(network, cached, settings, progress)
    mean, spread = pooled[:, training].mean(axis=(0, 1)), pooled[:, training].std(axis=(0, 1)) + 1e-6
    pooled = (pooled - mean) / spread
    features, target = pooled[:, training].reshape(-1, pooled.shape[-1]), np.tile(labels[training], len(pooled))
    sign = np.where(target, 1.0, -1.0)
    held, held_sign = pooled[0, validation], np.where(labels[validation], 1.0, -1.0)

    def objective(parameters: np.ndarray, penalty: float) -> tuple[float, np.ndarray]:
        weights, bias = parameters[:-1], parameters[-1]
        margin = sign * (features @ weights + bias)
        slope = -sign * expit(-margin) / len(sign)
        loss = np.logaddexp(0, -margin).mean() + penalty / 2 * weights @ weights
        return loss, np.append(features.T @ slope + penalty * weights, slope.sum())

    best, solution = math.inf, np.zeros(features.shape[1] + 1)
    for penalty in (1.0, 0.3, 0.1, 0.03, 0.01):  # from strong to weak, each from the solution before
        found = minimize(objective, solution, args=(penalty,), jac=True, method="L-BFGS-B").x
        loss = float(np.logaddexp(0, -held_sign * (held @ found[:-1] + found[-1])).mean())
        if loss > best:
            break
        best, solution = loss, found
    weights = solution[:-1] / spread
    with torch.no_grad():
        network.linear.weight.copy_(torch.from_numpy(weights)[None])
        network.linear.bias.fill_(float(solution[-1] - weights @ mean))
    return best


@torch.no_grad()
def pooled_features(
    network: ScaledResNet, cached: Tensor, settings: TrainingSettings, progress: Progress = silent
) -> np.ndarray:
    """What the linear layer sees, shape (variants, n, channels), float64."""
    network.eval()
    last = network.architecture.last_stage
    parts = []
    batches = cached.flatten(0, 1).split(24)
    for index, batch in enumerate(batches):
        features = batch.float().contiguous(memory_format=torch.channels_last)
        parts.append(network.stages(features, settings.first_stage, last).mean((2, 3)))
        progress(index + 1, len(batches), "pooled features")
    return torch.cat(parts).reshape(*cached.shape[:2], -1).double().numpy()


def cached_logits(network: ScaledResNet, outputs: Tensor, first_stage: int) -> Tensor:
    """Logits from the outputs of the stage before `first_stage`."""
    features = outputs.float().contiguous(memory_format=torch.channels_last)
    return network.head(network.stages(features, first_stage, network.architecture.last_stage))[0]


@torch.no_grad()
def predict_cached(
    network: ScaledResNet, outputs: Tensor, indices: np.ndarray, settings: TrainingSettings
) -> np.ndarray:
    """Logits (float32) of some frames from one variant's cached outputs."""
    network.eval()
    parts = np.array_split(indices, max(math.ceil(len(indices) / 24), 1))
    return np.concatenate([cached_logits(network, outputs[part], settings.first_stage).numpy() for part in parts])


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T that minimises the cross-entropy of ``sigmoid(logit / T)`` on frames not trained on."""
    signed = np.where(labels, logits, -logits).astype(float)
    found = minimize_scalar(
        lambda log_t: np.logaddexp(0, -signed / np.exp(log_t)).mean(), bounds=(-3, 3), method="bounded"
    )
    return float(np.exp(found.x))
