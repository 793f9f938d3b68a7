"""Throughput of a whole `evaluate` as a share of the bare batched forward pass of its own network, and its memory.

    python Testing/benchmarks/benchmark_evaluate.py DATA [--frames 600] [--rounds 3] [--jobs 2] [--assume-width 40]

DATA is any data set that `evaluate` reads; `--frames` of its cases, evenly chosen, are taken (0: all). The bare pass is
the shipped network, folded for inference, in batches of the same size over frames that are decoded and preprocessed
already, with as many threads as the machine has cores. The whole command reads, classifies and explains the frames,
sweeps ring width and tolerance, and writes table and report. Both run in turn, each in a process of its own, and every
whole run is compared with the mean of the bare passes before and after it, so that a machine that slows down slows
both. A plain torchvision ResNet-50 is timed beside them. Memory is the sum over the command's processes (Linux only).
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from BreastMassXAILib.hosts.cohort_worker import BATCH
from BreastMassXAILib.readers.datasets import CaseRecord, read_case, read_dataset

FEW = 2 * BATCH
"""Cases of the short run, whose time is that of starting, of the tables and of the report."""
_COLUMNS = ("identifier", "image", "mask", "label", "patient", "view", "spacing_row_mm", "spacing_col_mm")


def write_manifest(folder: Path, records: Sequence[CaseRecord]) -> Path:
    folder.mkdir()
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(_COLUMNS)
        for record in records:
            masks = ";".join(str(path.resolve()) for path in (record.mask, *record.more_masks))
            sizes = record.spacing.mm() if record.spacing is not None else ("", "")
            table.writerow(
                (record.identifier, record.image.resolve(), masks, record.label, record.patient, record.view, *sizes)
            )
    return folder


def bare_passes(data: Path, threads: int) -> None:
    """Seconds a frame of the shipped network and of a plain ResNet-50, printed; to be run in a process of its own."""
    import torch
    import torchvision

    from BreastMassXAILib.network.bundle import load_bundle

    torch.set_num_threads(threads)
    bundle, batches = load_bundle(), []
    records = read_dataset(data).records
    for start in range(0, len(records), BATCH):
        cases = [read_case(record) for record in records[start : start + BATCH]]
        fields = [bundle.rule.field(case.mass, case.frame.scan_area) for case in cases]
        inputs = bundle.preprocessing.batch(zip((case.frame.pixels for case in cases), fields, strict=True))
        batches.append(inputs.contiguous(memory_format=torch.channels_last))
    plain = torchvision.models.resnet50(weights=None).eval()
    with torch.inference_mode():
        for network, some in ((bundle.network, batches), (plain, [batch.contiguous() for batch in batches[:10]])):
            network(some[0])  # warms up
            start_s = time.perf_counter()
            for batch in some:
                network(batch)
            print((time.perf_counter() - start_s) / sum(len(batch) for batch in some))


def time_bare(data: Path, threads: int) -> tuple[float, float]:
    command = [sys.executable, __file__, str(data), "--bare", str(threads)]
    own, plain = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(own), float(plain)


def time_whole(data: Path, jobs: int, width_mm: float, out: Path) -> tuple[float, float]:
    """Seconds of the whole command, and GiB of all its processes at most."""
    command = [sys.executable, "-m", "BreastMassXAILib", "evaluate", str(data), "--jobs", str(jobs)]
    options = ["--assume-width", str(width_mm), "--out", str(out), "--force", "--progress", "none"]
    start, peak = time.perf_counter(), 0.0
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, memory_of_tree(process.pid))
            time.sleep(0.1)
        if process.returncode:
            raise SystemExit("evaluate failed.")
    return time.perf_counter() - start, peak


def memory_of_tree(root: int) -> float:
    """GiB of resident memory of a process and its descendants; shared pages count for each of them."""
    parents, sizes = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        parents[int(entry.name)], sizes[int(entry.name)] = int(fields[1]), int(fields[21])
    family = {root}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(sizes.get(member, 0) for member in family) * os.sysconf("SC_PAGE_SIZE") / 2**30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--assume-width", type=float, default=40.0)
    parser.add_argument("--bare", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        bare_passes(options.data, options.bare)
        return
    records, threads = read_dataset(options.data).records, os.cpu_count() or 1
    chosen = records[:: max(len(records) // options.frames, 1)][: options.frames] if options.frames else records
    with tempfile.TemporaryDirectory() as folder:
        data, few = (
            write_manifest(Path(folder) / name, some) for name, some in (("data", chosen), ("few", chosen[:FEW]))
        )
        bare, whole, short = [time_bare(data, threads)], [], []
        for _ in range(options.rounds):
            short.append(time_whole(few, options.jobs, options.assume_width, Path(folder) / "out")[0])
            whole.append(time_whole(data, options.jobs, options.assume_width, Path(folder) / "out"))
            bare.append(time_bare(data, threads))
    count = len(chosen)
    print(f"{count} frames, {threads} cores, batches of {BATCH}, evaluate --jobs {options.jobs}")
    print(f"bare forward pass, shipped network: {1000 * statistics.median(own for own, _ in bare):.1f} ms a frame")
    print(f"plain torchvision ResNet-50: {1000 * statistics.median(plain for _, plain in bare):.1f} ms a frame")
    print(f"whole evaluate: {1000 * statistics.median(seconds for seconds, _ in whole) / count:.1f} ms a frame")
    own = [(before[0] + after[0]) / 2 for before, after in pairwise(bare)]
    print_share("start-up and report included", [b * count / s for b, (s, _) in zip(own, whole, strict=True)])
    if count > FEW:
        marginal = [b * (count - FEW) / (s - f) for b, (s, _), f in zip(own, whole, short, strict=True)]
        print_share("start-up and report excluded", marginal)
    print(f"start-up, tables and report (evaluate of {min(FEW, count)} frames): {statistics.median(short):.1f} s")
    print(f"peak memory of all processes: {max(peak for _, peak in whole):.2f} GiB")


def print_share(what: str, shares: list[float]) -> None:
    """In frames a second; the same, every round's."""
    print(
        f"evaluate's throughput as a share of the bare pass, {what}: {statistics.median(shares):.2f} "
        f"({min(shares):.2f} to {max(shares):.2f} in {len(shares)} rounds)"
    )


if __name__ == "__main__":
    main()
