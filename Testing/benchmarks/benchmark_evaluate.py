"""Throughput of a whole `evaluate` as a share of the bare batched forward pass of its own network, and its memory.

    python Testing/benchmarks/benchmark_evaluate.py DATA [--frames 600] [--rounds 3] [--jobs 2] [--assume-width 40]

DATA is any data set that `evaluate` reads; `--frames` of its cases, evenly chosen, are taken (0: all). The bare pass is
the shipped network, folded for inference, in batches of the same size over frames that are decoded and preprocessed
already; once in one process with as many threads as the machine has cores, and once laid out as the command is, in
`--jobs` processes that share the cores. The whole command reads, classifies and explains the frames, sweeps ring width
and tolerance, and writes table and report. They run in turn, each in processes of its own, and every whole run is
compared with the mean of the bare passes before and after it, so that a machine that slows down slows all. Work is
compared in processor time too, which other programs on the machine hardly change. A plain torchvision ResNet-50 is
timed beside them. Memory is the sum over the command's processes (Linux only).
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from BreastMassXAILib.analyses.cohort_worker import BATCH
from BreastMassXAILib.cohorts.datasets import CaseRecord, read_case, read_dataset

FEW = 2 * BATCH
"""Cases of the short run, whose time is that of starting, of the tables and of the report."""
BARE = 240
"""Frames of a bare pass, which are all in memory."""
_COLUMNS = ("identifier", "image", "mask", "label", "patient", "view", "spacing_row_mm", "spacing_col_mm")


class Bare(NamedTuple):
    """Seconds a frame, seconds of processor time a frame, and seconds a frame of a plain ResNet-50."""

    seconds: float
    work: float
    plain: float


class Whole(NamedTuple):
    """Seconds of the whole command, of processor time in all its processes, and their memory at most."""

    seconds: float
    work: float
    peak_gib: float


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
    """Prints seconds a frame, seconds of processor time a frame, and seconds a frame of a plain ResNet-50."""
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
    print(*_time_a_frame(bundle.network, batches), _time_a_frame(plain, [b.contiguous() for b in batches[:5]])[0])


def _time_a_frame(network: Any, batches: list[Any]) -> tuple[float, float]:
    import torch

    with torch.inference_mode():
        network(batches[0])  # warms up
        start, worked = time.perf_counter(), time.process_time()
        for batch in batches:
            network(batch)
    count = sum(len(batch) for batch in batches)
    return (time.perf_counter() - start) / count, (time.process_time() - worked) / count


def time_bare(data: Path, processes: int, threads: int) -> Bare:
    command = [sys.executable, __file__, str(data), "--bare", str(threads)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    found = [tuple(map(float, process.communicate()[0].split())) for process in running]
    rate = sum(1 / own for own, _, _ in found)
    return Bare(1 / rate, statistics.mean(work for _, work, _ in found), found[0][2])


def time_whole(data: Path, jobs: int, width_mm: float, out: Path) -> Whole:
    command = [sys.executable, "-m", "BreastMassXAILib", "evaluate", str(data), "--jobs", str(jobs)]
    options = ["--assume-width", str(width_mm), "--out", str(out), "--force", "--progress", "none"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start, peak = time.perf_counter(), 0.0
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, memory_of_tree(process.pid))
            time.sleep(0.1)
        if process.returncode:
            raise SystemExit("evaluate failed.")
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Whole(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak)


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
    records, cores = read_dataset(options.data).records, os.cpu_count() or 1
    chosen = records[:: max(len(records) // options.frames, 1)][: options.frames] if options.frames else records
    count, few = len(chosen), min(FEW, len(chosen))
    layouts = {1: cores, options.jobs: max(cores // options.jobs, 1)}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        data = write_manifest(place / "data", chosen)
        short_data = write_manifest(place / "short", chosen[:few])
        bare_data = write_manifest(place / "bare", chosen[:: max(count // BARE, 1)][:BARE])

        def bare_round() -> dict[int, Bare]:
            return {processes: time_bare(bare_data, processes, threads) for processes, threads in layouts.items()}

        def whole_run(what: Path) -> Whole:
            return time_whole(what, options.jobs, options.assume_width, place / "out")

        bare, whole, short = [bare_round()], [], []
        for _ in range(options.rounds):
            short.append(whole_run(short_data))
            whole.append(whole_run(data))
            bare.append(bare_round())
    print(f"{count} frames, {cores} cores, batches of {BATCH}, evaluate --jobs {options.jobs}")
    print(f"whole evaluate: {1000 * statistics.median(run.seconds for run in whole) / count:.1f} ms a frame")
    print(
        f"start-up, tables and report (evaluate of {few} frames): {statistics.median(r.seconds for r in short):.1f} s"
    )
    print(f"peak memory of all processes: {max(run.peak_gib for run in whole):.2f} GiB")
    plain = statistics.median(found[1].plain for found in bare)
    print(f"plain torchvision ResNet-50, {cores} threads: {1000 * plain:.1f} ms a frame")
    for processes, threads in layouts.items():
        passes = [(before[processes], after[processes]) for before, after in pairwise(bare)]
        seconds = [(before.seconds + after.seconds) / 2 for before, after in passes]
        work = [(before.work + after.work) / 2 for before, after in passes]
        layout = f"{processes} x {threads} threads"
        print(f"bare forward pass, {layout}: {1000 * statistics.median(seconds):.1f} ms a frame. evaluate as a share:")
        print_share("throughput", [b * count / run.seconds for b, run in zip(seconds, whole, strict=True)])
        if count > few:
            gained = [run.seconds - start.seconds for run, start in zip(whole, short, strict=True)]
            print_share(
                "throughput, start-up and report excluded",
                [b * (count - few) / s for b, s in zip(seconds, gained, strict=True)],
            )
        print_share("processor time", [b * count / run.work for b, run in zip(work, whole, strict=True)])


def print_share(what: str, shares: list[float]) -> None:
    reach = f"{min(shares):.2f} to {max(shares):.2f} in {len(shares)} rounds"
    print(f"  {what}: {statistics.median(shares):.2f} ({reach})")


if __name__ == "__main__":
    main()
