"""A model's trunk learns another question: a linear layer on what it sees and, where needed, its last stage.

The cheap way to many networks that differ in what they decide by: the trunk runs once over the images, every question
costs a logistic regression, and only the last stage is trained where the trunk does not see what is asked for.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .linear_probe import fit_linear_probe, set_linear_layer
from .preprocessing import Preprocessing
from .resnet import ScaledResNet

PENALTIES = (0.003, 0.03, 0.3)
"""Ridge penalties of the linear layer: the one that is best on the validation images is kept, or the strongest such."""
DEPTHS = ("last-stage", "linear")
"""What learns: the last stage with the linear layer, as in the shipped models, or the linear layer alone."""
EPOCHS, MOST_EPOCHS = 6, 12
"""Of the last stage: so many, and then more until the aim is reached, at most the second number."""
BATCH = 12
LEARNING_RATE = 0.0003
AT_ONCE = 20


@dataclass(frozen=True, eq=False)
class Retrained:
    """A network that answers another question.

    Parameters
    ----------
    network : ScaledResNet
        In evaluation mode; no gradients.
    accuracy : float
        On the validation images, by which the training was stopped.
    how : str
        ``linear layer``, or ``last stage`` where that had to learn too.
    epochs : int
        Of the last stage; 0 where it did not learn.
    """

    network: ScaledResNet
    accuracy: float
    how: str
    epochs: int


def grey_inputs(grey: np.ndarray, preprocessing: Preprocessing) -> Tensor:
    """Images of grey 0..255, shape (n, size, size), as the network takes them; they have its size already."""
    inputs = preprocessing.normalise(torch.from_numpy(grey.astype(np.float32)))
    return inputs.contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def averaged_features(network: ScaledResNet, grey: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """What the linear layer sees of each image, shape (n, channels), float32."""
    found = []
    for first in range(0, len(grey), AT_ONCE):
        inputs = grey_inputs(grey[first : first + AT_ONCE], preprocessing)
        found.append(network.averaged(inputs).numpy())
    return np.concatenate(found)


def retrained(
    network: ScaledResNet,
    features: np.ndarray,
    labels: np.ndarray,
    training: np.ndarray,
    validation: np.ndarray,
    images: Callable[[np.ndarray], Tensor],
    aim: float,
    seed: int = 0,
    depth: str = "last-stage",
) -> Retrained:
    """Train the linear layer and, where it shall learn or the linear layer misses the aim, the last stage.

    Parameters
    ----------
    network : ScaledResNet
        Folded for inference; it is not changed. Only one head is trained, whatever it had.
    features : ndarray, shape (n, channels)
        From :func:`averaged_features`.
    labels : ndarray of bool, shape (n,)
    training, validation : ndarray of int
        Indices into these.
    images : callable
        From indices to the network's inputs; asked only where the last stage learns.
    aim : float
        Accuracy on the validation images from which on the training may end.
    depth : str
        Of ``DEPTHS``.
    """
    network = copy.deepcopy(network)
    network.heads = None
    answers = []
    for penalty in PENALTIES:
        probe = fit_linear_probe(features[None], labels, training, penalty)
        right = float(((features[validation] @ probe.weight + probe.bias > 0) == labels[validation]).mean())
        answers.append((right, penalty, probe))
    accuracy, _, probe = max(answers, key=lambda answer: answer[:2])
    set_linear_layer(network, probe)
    if accuracy >= aim and depth == "linear":
        return Retrained(_at_rest(network), accuracy, "linear layer", 0)
    return _with_last_stage(network, labels, training, validation, images, (aim, accuracy, seed))


def _with_last_stage(
    network: ScaledResNet,
    labels: np.ndarray,
    training: np.ndarray,
    validation: np.ndarray,
    images: Callable[[np.ndarray], Tensor],
    goal: tuple[float, float, int],
) -> Retrained:
    aim, accuracy, seed = goal
    last = network.architecture.last_stage
    with torch.no_grad():
        before = {
            int(index): stage[0].clone()
            for index in np.concatenate([training, validation])
            for stage in [network.stages(network.stem(images(np.array([index]))), 1, last - 1)]
        }
    network.set_trainable("fine-tune", last)
    learning = [value for value in network.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=LEARNING_RATE, weight_decay=0.01)
    targets = torch.from_numpy(labels.astype(np.float32))
    epochs = 0
    while epochs < EPOCHS or (accuracy < aim and epochs < max(EPOCHS, MOST_EPOCHS)):
        order = np.random.default_rng((seed, epochs)).permutation(training)
        for batch in np.array_split(order, max(len(order) // BATCH, 1)):
            stage = torch.stack([before[int(index)] for index in batch])
            with torch.enable_grad():
                answer = network.head(network.pooled(stage, last))[0]
                loss = nn.functional.binary_cross_entropy_with_logits(answer, targets[batch])
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(learning, 1.0)
                optimizer.step()
        with torch.no_grad():
            parts = np.array_split(validation, max(len(validation) // AT_ONCE, 1))
            answers = [
                network.head(network.pooled(torch.stack([before[int(index)] for index in part]), last))[0]
                for part in parts
            ]
        accuracy = float(((torch.cat(answers) > 0).numpy() == labels[np.concatenate(parts)]).mean())
        epochs += 1
    return Retrained(_at_rest(network), accuracy, "last stage", epochs)


def _at_rest(network: ScaledResNet) -> ScaledResNet:
    return network.eval().requires_grad_(False)
