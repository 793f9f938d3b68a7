"""Time and memory of a cine loop: `python Testing/benchmarks/benchmark_cine.py [--model DIR]`.

Time per frame of the analysis, and of the analysis with its images written to disk, as multiples of the bare batched
forward pass on ready-made inputs; frames and masks are in memory beforehand. The three are measured in turns on pieces
of the loop and their medians compared, so that other load on the machine falls on all alike; processor time, which
counts all threads, hardly depends on that load. Peak memory is that of a process of its own for each length, from the
first frame on where the system can tell (Linux); its frames are made when they are asked for.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "BreastMassXAI"))

from BreastMassXAILib.core.cine import Cine
from BreastMassXAILib.core.frame import Frame, Provenance, Spacing
from BreastMassXAILib.core.propagation import MassTrack
from BreastMassXAILib.core.result import Settings
from BreastMassXAILib.pipeline import analyze_cine
from BreastMassXAILib.writers.cine_results import CineWriter

SHAPE = (600, 800)
SPACING = Spacing(0.06, 0.05, Provenance.DICOM_REGION)
BATCH = 8
PIECE = 24


def synthetic_cine(count: int) -> Cine:
    """Speckle that drifts: a cut-out of a larger image, another one for each frame."""
    speckle = np.random.default_rng(0).rayleigh(40, (SHAPE[0] + 64, SHAPE[1] + 64)).clip(0, 255).astype(np.float32)

    def read(index: int) -> Frame:
        row, column = index % 61, index % 53
        return Frame(speckle[row : row + SHAPE[0], column : column + SHAPE[1]], SPACING)

    return Cine(count, read, np.arange(count) / 25.0)


def mass(row: float = 220, column: float = 400) -> np.ndarray:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return ((rows - row) / 70) ** 2 + ((columns - column) / 100) ** 2 < 1


def tracks(count: int) -> dict[str, MassTrack]:
    moving = [(0, mass()), (count // 2, mass(240, 430)), (count - 1, mass(230, 380))]
    return {
        "one mask, held": MassTrack([(0, mass())], propagate=True),
        "three masks, interpolated": MassTrack(moving, propagate=True),
    }


def bare_pass(bundle, count: int) -> None:
    import torch

    inputs = torch.randn(BATCH, 3, bundle.preprocessing.size, bundle.preprocessing.size)
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        for _ in range(count // BATCH):
            bundle.network(inputs)


def analysis(bundle, cine: Cine, track: MassTrack, frames: range, folder: Path | None = None) -> None:
    if folder is None:
        analyze_cine(cine, track, bundle, Settings(), frames=frames, batch=BATCH)
    else:
        with CineWriter(folder) as writer:
            analyze_cine(cine, track, bundle, Settings(), frames=frames, batch=BATCH, each=writer.add)


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock and of this process's processors."""
    clock, processors = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processors


def show_times(bundle, count: int, turns: int) -> None:
    cine = synthetic_cine(count)
    bare_pass(bundle, PIECE)  # warms up
    for name, track in tracks(count).items():
        rounds = []
        for start in list(range(0, count - PIECE + 1, PIECE)) * turns:
            piece = range(start, start + PIECE)
            ready = Cine(count, {index: cine.read(index) for index in piece}.__getitem__)
            with tempfile.TemporaryDirectory() as folder:
                rounds.append(
                    (
                        measured(lambda: bare_pass(bundle, PIECE)),
                        measured(lambda: analysis(bundle, ready, track, piece)),  # noqa: B023
                        measured(lambda: analysis(bundle, ready, track, piece, Path(folder))),  # noqa: B023
                    )
                )
        bare, alone, stored = np.median(rounds, axis=0)
        print(
            f"{count} frames, {name}: bare pass {1000 * bare[0] / PIECE:.1f} ms a frame; analysis "
            f"{alone[0] / bare[0]:.2f} times that by the clock, {alone[1] / bare[1]:.2f} in processor time; with "
            f"saliency and regions written {stored[0] / bare[0]:.2f} and {stored[1] / bare[1]:.2f}",
            flush=True,
        )


def show_memory(bundle, count: int) -> None:
    loaded = peak_memory(restart=True)
    with tempfile.TemporaryDirectory() as folder:
        analysis(bundle, synthetic_cine(count), tracks(count)["three masks, interpolated"], range(count), Path(folder))
    print(f"{count} frames, images written: peak {peak_memory():.0f} MiB, before the first frame {loaded:.0f} MiB")


def peak_memory(restart: bool = False) -> float:
    """Peak of the resident memory in MiB; `restart` lets the peak begin again from what is held now."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if restart:
        Path("/proc/self/clear_refs").write_text("5")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="model folder (default: the shipped model)")
    parser.add_argument("--frames", type=int, default=120, help="frames of the loop that is timed")
    parser.add_argument("--turns", type=int, default=3, help="how often each piece of the loop is timed")
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    import torch

    from BreastMassXAILib.network.bundle import load_bundle

    torch.set_num_threads(2)
    bundle = load_bundle(options.model)
    if options.memory:
        show_memory(bundle, options.memory)
        return
    show_times(bundle, options.frames, options.turns)
    for count in (120, 1200):
        command = [sys.executable, __file__, "--memory", str(count)]
        subprocess.run(command + (["--model", str(options.model)] if options.model else []), check=True)


if __name__ == "__main__":
    main()
