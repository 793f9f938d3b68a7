"""Our maps beside those of pytorch-grad-cam, torchcam, captum and MONAI: the same network, the same frame, one run.

    make benchmark-peers
    python Testing/benchmarks/benchmark_peers.py [--rounds 9] [--threads 2]

The peers get the network as their users have it: eager, batch norms unfolded, the tensor that enters pooling as the
output of one module. Times are medians of rounds in which all take turns, as multiples of the bare eager forward pass
of that very network: by the clock, and of the processors, which hold on a busy machine with --threads 1. Their maps are
compared before any resizing: whether a sign is left, and how far they are from the signed map once the one factor that
fits best is taken out.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import Tensor, nn

from BreastMassXAILib.core.counter_check import replaced
from BreastMassXAILib.core.explain import explain, partition
from BreastMassXAILib.core.frame import Case
from BreastMassXAILib.core.result import Settings
from BreastMassXAILib.methods import method_of
from BreastMassXAILib.methods.counter_check import changes_of
from BreastMassXAILib.methods.running import saliency_map
from BreastMassXAILib.network.bundle import Bundle, load_bundle, read_tensors, with_counters
from BreastMassXAILib.network.resnet import ScaledResNet
from BreastMassXAILib.readers.frames import read_frame_and_mask
from BreastMassXAILib.resources import DEFAULT_MODEL, resource

IDENTICAL = 1e-4
"""Largest difference, as a share of the map's range, at which two maps count as one."""


class Eager(nn.Module):
    """The bundle's network as anyone would write it: `features`, average pooling, one linear layer."""

    def __init__(self, network: ScaledResNet) -> None:
        super().__init__()
        self.features = Features(network)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(network.linear.in_features, 1)
        self.fc.load_state_dict(network.linear.state_dict())

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(self.features(x)).flatten(1))


class Features(nn.Module):
    """What enters pooling, the blocks' outputs side by side."""

    def __init__(self, network: ScaledResNet) -> None:
        super().__init__()
        self.backbone, self.scaling = network.backbone, network.scaling
        self.kept, self.last = network.architecture.pooled_blocks, network.architecture.last_stage

    def forward(self, x: Tensor) -> Tensor:
        net = self.backbone
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        outputs: list[Tensor] = []
        for number in range(1, self.last + 1):
            for block, scale in zip(getattr(net, f"layer{number}"), self.scaling[f"stage{number}"], strict=True):
                x = scale(block(x))
                outputs = [*outputs, x] if number == self.last else []
        return torch.cat(outputs[-self.kept :], 1)


def eager_network(bundle: Bundle) -> Eager:
    """The same weights, not folded."""
    network = ScaledResNet(bundle.network.architecture)
    folder = resource("Models", DEFAULT_MODEL)
    own = folder / "backbone.safetensors"
    shipped = resource("Models", "backbones") / f"{bundle.description['backbone']['name']}.safetensors"
    backbone = with_counters(read_tensors(own if own.is_file() else shipped))
    state = {**{f"backbone.{name}": value for name, value in backbone.items()}}
    network.load_state_dict({**state, **read_tensors(folder / "weights.safetensors")})
    return Eager(network).eval().requires_grad_(True)


def peers(model: Eager, inputs: Tensor) -> dict[str, Callable[[], np.ndarray]]:
    """What each library gives for the logit, before resizing where it lets us have that."""
    from captum.attr import LayerGradCam
    from monai.visualize import CAM as MonaiCam
    from monai.visualize import GradCAM as MonaiGradCam
    from pytorch_grad_cam import GradCAM as PytorchGradCam
    from pytorch_grad_cam import HiResCAM as PytorchHiResCam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    from torchcam.methods import CAM as TorchCam
    from torchcam.methods import GradCAM as TorchGradCam

    layer, raw = model.features, lambda values: values
    torch_cam = TorchCam(model, target_layer="features", fc_layer="fc")
    torch_cam.disable_hooks()
    torch_grad = TorchGradCam(model, target_layer="features")
    torch_grad.disable_hooks()
    captum_grad = LayerGradCam(model, layer)

    def of_torchcam(extractor, grad: bool) -> np.ndarray:
        extractor.enable_hooks()
        with torch.set_grad_enabled(grad):
            scores = model(inputs.clone().requires_grad_(grad))
            found = extractor(0, scores, normalized=False)[0]
        extractor.disable_hooks()
        return found.detach().squeeze().numpy()

    def of_pytorch(kind) -> np.ndarray:
        with kind(model=model, target_layers=[layer]) as cam:
            return cam(input_tensor=inputs, targets=[ClassifierOutputTarget(0)])[0]

    def of_monai(kind, *more, **options) -> np.ndarray:
        found = kind(model, "features", *more, **options)(inputs, class_idx=[0] if kind is MonaiCam else 0)
        return np.asarray(found.detach() if isinstance(found, Tensor) else found).squeeze()

    return {
        "torchcam CAM": lambda: of_torchcam(torch_cam, False),
        "torchcam GradCAM": lambda: of_torchcam(torch_grad, True),
        "captum LayerGradCam": lambda: captum_grad.attribute(inputs, 0).detach().squeeze().numpy(),
        "pytorch-grad-cam GradCAM": lambda: of_pytorch(PytorchGradCam),
        "pytorch-grad-cam HiResCAM": lambda: of_pytorch(PytorchHiResCam),
        "MONAI CAM": lambda: of_monai(MonaiCam, "fc"),
        "MONAI CAM, raw": lambda: of_monai(MonaiCam, "fc", upsampler=lambda _: raw, postprocessing=raw),
        "MONAI CAM, raw, less the bias in each cell": lambda: (
            of_monai(MonaiCam, "fc", upsampler=lambda _: raw, postprocessing=raw) - float(model.fc.bias.detach()[0])
        ),
        "MONAI GradCAM": lambda: of_monai(MonaiGradCam),
    }


def ours(bundle: Bundle, case: Case) -> dict[str, Callable[[], np.ndarray]]:
    return {
        f"ours, {name}": (lambda name=name: saliency_map(bundle, case, method_of(name)).cells)
        for name in ("cam", "grad-cam", "hires-cam", "grad-cam:2", "grad-cam++", "layer-cam")
    }


def medians(steps: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """Of each step the median seconds by the clock, and of the processors."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for number in range(rounds + 2):
        for name, step in steps.items():
            start, worked = time.perf_counter(), time.process_time()
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                step()
            if number >= 2:  # the first two warm up
                times[name].append((time.perf_counter() - start, time.process_time() - worked))
    return {name: tuple(map(statistics.median, zip(*values, strict=True))) for name, values in times.items()}


def compared(theirs: np.ndarray, signed: np.ndarray) -> tuple[str, str, str]:
    """Whether a sign is left, the factor that fits best, and the largest difference left, as a share of the range."""
    if theirs.shape != signed.shape:  # resized already: on its grid the signed map is bilinear, too
        size = tuple(theirs.shape)
        whole = torch.from_numpy(signed)[None, None]
        signed = nn.functional.interpolate(whole, size, mode="bilinear", align_corners=False)[0, 0].numpy()
    theirs = theirs.astype(np.float64)
    factor = float((theirs * signed).sum() / (theirs**2).sum()) if theirs.any() else 0.0
    gap = float(np.abs(factor * theirs - signed).max() / np.ptp(signed))
    sign = "yes" if theirs.min() < 0 < theirs.max() else "no"
    return sign, f"{factor:.4g}", "identical" if gap <= IDENTICAL else f"off by {gap:.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sample", choices=("benign", "malignant"), default="benign", help="a shipped frame")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore")

    folder: Path = resource("SampleData")
    frame, mass, source = read_frame_and_mask(folder / f"{options.sample}.dcm", folder / f"{options.sample}_mask.png")
    case, bundle = Case(frame, mass, source), load_bundle()
    inputs = bundle.preprocessing(frame.pixels, bundle.rule.field(mass)).contiguous()
    model, plain = eager_network(bundle), torchvision.models.resnet50(weights=None).eval()
    output = saliency_map(bundle, case)
    labels = partition(case, output.field, output.cells.shape, Settings()).labels
    images = list(replaced(case, labels, output.field, "inpaint")[0].values())
    four = bundle.preprocessing.batch((image, output.field) for image in images)

    @torch.inference_mode()
    def bare() -> Tensor:
        return model(inputs)

    @torch.inference_mode()
    def plain_pass() -> Tensor:
        return plain(inputs)

    @torch.inference_mode()
    def network_of_check() -> Tensor:
        return bundle.network(four.contiguous(memory_format=torch.channels_last))[0]

    gap = float((bare()[0, 0] - output.logit).abs())
    print(f"the same network: logits differ by {gap:.1e}")
    maps = {**ours(bundle, case), **peers(model, inputs)}
    steps: dict[str, Callable[[], object]] = {"bare": bare, "plain": plain_pass, **maps}
    steps["ours, cam with regions, hits and contributions"] = lambda: explain(
        case, saliency_map(bundle, case), bundle.classifier, Settings(), {}
    )
    steps["ours, counter-check, its four passes"] = network_of_check
    steps["ours, counter-check with filling in"] = lambda: changes_of(bundle, case, output, labels)
    found = medians(steps, options.rounds)
    base, worked = found.pop("bare")
    print(f"bare eager forward pass of this network: {1000 * base:.0f} ms, {1000 * worked:.0f} ms of processors")
    print(f"plain torchvision ResNet-50: {found['plain'][0] / base:.2f} and {found.pop('plain')[1] / worked:.2f} of it")
    print(f"{'':46}  time  processors  sign kept  factor to ours  what is left then")
    for name, (seconds, processors) in found.items():
        told = compared(np.asarray(maps[name]()), output.cells) if name in maps else ("", "", "")
        times = f"{seconds / base:4.2f}  {processors / worked:10.2f}"
        print(f"{name:46}  {times}  {told[0]:9}  {told[1]:>14}  {told[2]}".rstrip())


if __name__ == "__main__":
    main()
