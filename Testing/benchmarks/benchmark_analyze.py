"""Time of an analysis as multiples of a plain eager torchvision ResNet-50 forward pass, in one process, and its memory.

    python Testing/benchmarks/benchmark_analyze.py [--rounds 15] [--threads 2]

The steps are measured in turn, round after round, so that a machine that slows down slows all of them; medians are
compared. Prints one line a figure.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image

from BreastMassXAILib.core.explain import explain
from BreastMassXAILib.core.frame import Case, Frame, Provenance, Spacing
from BreastMassXAILib.core.result import Settings
from BreastMassXAILib.network.bundle import load_bundle
from BreastMassXAILib.network.cam import class_activation_map
from BreastMassXAILib.network.resnet import Architecture, ScaledResNet

ROWS, COLUMNS = 800, 1000


def large_case() -> Case:
    generator = np.random.default_rng(0)
    rows, columns = np.ogrid[:ROWS, :COLUMNS]
    mass = ((rows - 300) / 110) ** 2 + ((columns - 520) / 170) ** 2 < 1
    pixels = generator.rayleigh(60, (ROWS, COLUMNS)).clip(0, 255) * np.where(mass, 0.4, 1)
    return Case(Frame(pixels, Spacing(0.05, 0.05, Provenance.CALIBRATED)), mass)


def medians(steps: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 2):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if number >= 2:  # the first two warm up
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def peak_memory_of_analyze() -> float:
    """GiB of the largest process of a whole `analyze`, files and Slicer scene included."""
    case = large_case()
    with tempfile.TemporaryDirectory() as folder:
        frame, mask = Path(folder) / "frame.png", Path(folder) / "mask.png"
        Image.fromarray(case.frame.pixels.astype(np.uint8)).save(frame)
        Image.fromarray(case.mass.astype(np.uint8) * 255).save(mask)
        command = [sys.executable, "-m", "BreastMassXAILib", "analyze", str(frame), "--mask", str(mask)]
        subprocess.run([*command, "--spacing", "0.05", "--out", f"{folder}/out"], check=True, stdout=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    case, bundle, settings = large_case(), load_bundle(), Settings()
    inputs = bundle.preprocessing(case.frame.pixels, bundle.rule.field(case.mass))
    fast_inputs = inputs.contiguous(memory_format=torch.channels_last)
    plain = torchvision.models.resnet50(weights=None).eval()
    full_depth = ScaledResNet(Architecture(50)).fold_for_inference()
    output = class_activation_map(bundle, case)

    with torch.inference_mode():
        found = medians(
            {
                "plain": lambda: plain(inputs),
                "forward + CAM, shipped bundle": lambda: bundle.network(fast_inputs),
                "forward + CAM, ResNet-50 to its last stage": lambda: full_depth(fast_inputs),
                "preprocessing": lambda: bundle.preprocessing(case.frame.pixels, output.field),
                "grid, extremes, regions, pointing, contributions": lambda: explain(
                    case, output, bundle.classifier, settings, {}
                ),
            },
            options.rounds,
        )
    base = found.pop("plain")
    print(f"plain torchvision ResNet-50 forward pass, 224 x 224, {options.threads} threads: {1000 * base:.0f} ms")
    for name, value in found.items():
        print(f"{name}: {value / base:.2f}")
    print(f"peak memory of analyze on a {COLUMNS} x {ROWS} frame: {peak_memory_of_analyze():.2f} GiB")


if __name__ == "__main__":
    main()
