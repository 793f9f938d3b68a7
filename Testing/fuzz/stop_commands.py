"""Commands stopped by a signal at random moments: one clean end, and nothing left behind.

    python Testing/fuzz/stop_commands.py --moments 50 --seed 0

Each of ``analyze``, ``analyze-cine`` and ``evaluate`` (in turn with one and two processes) is run once to its end, to
know how long it takes, and then stopped by SIGINT, SIGTERM and SIGHUP at moments drawn evenly from that time. A finding
is: another exit code than 128 + the signal's number; anything but one sentence on standard error; a file or folder left
in the working or the temporary folder; a process that goes on. A command that was through already must have ended with
0 and with all of its files. What comes before the program's own first line (Python's start) is Python's to answer, and
counted as "early". The same seed draws the same shares of the time. Unix only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "BreastMassXAI" / "Resources" / "SampleData"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE_S = 120
"""After the signal. It counts while the process is given the processor: see :func:`_wait`."""
LONGEST_WAIT_S = 1200
SLOWER = 1.1
"""Moments are drawn from this much more than the undisturbed time, so that the very end is among them."""
TORCHS_OWN = "torchinductor_"
"""An empty folder that torch makes when it is loaded, in every run; it finds it again."""
SENTENCE = "breast-mass-xai: Stopped; "


@dataclass(frozen=True)
class Command:
    """A command line whose result goes to the folder `out`, with the file by which that is known."""

    name: str
    arguments: tuple[str, ...]
    marker: str

    def words(self) -> list[str]:
        return [sys.executable, "-m", "BreastMassXAILib", *self.arguments, "--out", "out", "--progress", "json"]


def write_inputs(folder: Path) -> list[Command]:
    """A frame, a loop and a small cohort made of the sample data."""
    for name in ("benign", "malignant"):
        for end in (".png", "_mask.png"):
            shutil.copy(SAMPLES / f"{name}{end}", folder / f"{name}{end}")
    frame, mask = (np.array(Image.open(folder / f"benign{end}").convert("L")) for end in (".png", "_mask.png"))
    for name, image in (("loop", frame), ("masks", mask)):
        stack = np.stack([np.roll(image, 3 * step, axis=1) for step in range(8)])
        head = f"NRRD0004\ntype: uint8\ndimension: 3\nsizes: {stack.shape[2]} {stack.shape[1]} {len(stack)}\n"
        (folder / f"{name}.nrrd").write_bytes(f"{head}encoding: raw\n\n".encode() + stack.tobytes())
    manifest = ["image,mask,label,patient,identifier"]
    for number in range(7):
        for label in ("benign", "malignant"):
            files = [f"{label}{number}{end}" for end in (".png", "_mask.png")]
            for file in files:  # the same image and mask twice would be a fault
                shutil.copy(folder / file.replace(str(number), "", 1), folder / file)
            manifest.append(",".join([*files, label, f"p{number}{label}", f"{label}{number}"]))
    (folder / "cohort.csv").write_text("\n".join(manifest) + "\n")
    evaluate = ("evaluate", str(folder / "cohort.csv"), "--spacing", "0.065", "--pictures", "1")
    return [
        Command(
            "analyze",
            ("analyze", str(folder / "benign.png"), "--mask", str(folder / "benign_mask.png"), "--spacing", "0.065"),
            "result.json",
        ),
        Command(
            "analyze-cine",
            ("analyze-cine", str(folder / "loop.nrrd"), "--mask", str(folder / "masks.nrrd"), "--spacing", "0.065"),
            "cine.json",
        ),
        Command("evaluate", evaluate, "report.json"),
        Command("evaluate --jobs 2", (*evaluate, "--jobs", "2"), "report.json"),
    ]


def run(command: Command, number: signal.Signals | None, after_s: float, place: Path) -> tuple[float, str]:
    """Run a command, stop it after some seconds, and look around.

    Returns
    -------
    seconds : float
        That it took.
    verdict : str
        ``stopped``, ``through``, ``early``, or what is wrong.
    """
    shutil.rmtree(place, ignore_errors=True)
    work, temporary = place / "work", place / "temporary"
    work.mkdir(parents=True)
    temporary.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "BreastMassXAI"),
        "TMPDIR": str(temporary),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    started = time.monotonic()
    with (place / "error").open("w+b") as error:
        process = subprocess.Popen(
            command.words(), cwd=work, env=environment, stdout=subprocess.DEVNULL, stderr=error, start_new_session=True
        )
        try:
            if number is not None:
                try:
                    process.wait(after_s)
                except subprocess.TimeoutExpired:
                    # A terminal sends to every process that it started, a Stop button or a system to one or to all.
                    (os.killpg if number is not signal.SIGTERM else os.kill)(process.pid, number)
            code = _wait(process)
        except subprocess.TimeoutExpired as late:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return time.monotonic() - started, f"still running {late.timeout:.0f} s after the signal"
        seconds = time.monotonic() - started
        error.seek(0)
        said = [line for line in error.read().decode(errors="replace").splitlines() if not line.startswith("{")]
    files = (*work.iterdir(), *temporary.iterdir())
    left = [str(file.relative_to(place)) for file in files if not file.name.startswith(TORCHS_OWN)]
    if code == 0:
        whole = left == ["work/out"] and (work / "out" / command.marker).is_file()
        talk = [line for line in said if not line.startswith(SENTENCE)]
        return seconds, "through" if whole and not talk else f"exit 0, left {left}, said {said[-3:]}"
    if number is None:
        return seconds, f"exit {code}: {said[-3:]}"
    if left:
        return seconds, f"left behind: {left} (exit {code})"
    if _goes_on(process.pid):
        return seconds, "a process goes on"
    early = code == -number
    if early and all("Lib" not in line for line in said):
        return seconds, "early"
    if code != 128 + number:
        return seconds, f"exit {code}, said {said[-3:]}"
    if len(said) != 1 or not said[0].startswith(SENTENCE):
        return seconds, f"exit {code}, said {said}"
    return seconds, "stopped"


def _nothing(number: int, frame: object) -> None:
    """A signal that is caught, even so, is not ignored by the programs that are started."""


def _wait(process: subprocess.Popen) -> int:
    """The exit code; on a busy machine, where a process that wants to run may wait for minutes, later than on an idle
    one."""
    began, ready = time.monotonic(), 0
    while (seconds := time.monotonic() - began) < LONGEST_WAIT_S:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(1)
        with suppress(OSError, IndexError):  # Linux; elsewhere all time counts
            ready += Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] in ("R", "D")
        if seconds - ready > PATIENCE_S:
            break
    raise subprocess.TimeoutExpired(process.args, seconds)


def _goes_on(group: int) -> bool:
    """Whether a process of the group lives 2 s after its first one has ended."""
    for _ in range(40):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:  # its last process ended just now
        return False
    return True


def stop_commands(
    moments: int,
    seed: int,
    folder: Path,
    names: Sequence[str] = (),
    signals: Sequence[signal.Signals] = SIGNALS,
    tell: bool = False,
) -> dict:
    """Stop each command by each signal at so many moments, and count what came of it; `tell` each on standard error."""
    for number in signals:
        # A background job of a shell, and whatever nohup runs, ignores some of them, and hands that on.
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _nothing)
    draw = random.Random(seed)
    inputs = folder / "inputs"
    inputs.mkdir(parents=True)
    commands = [command for command in write_inputs(inputs) if not names or command.name in names]
    counts: dict[str, Counter[str]] = {}
    findings = []
    lasting = {command.name: 0.0 for command in commands}
    for command in commands:
        lasting[command.name], verdict = run(command, None, 0, folder / "place")
        if verdict != "through":
            findings.append({"command": command.name, "signal": "none", "verdict": verdict})
    kinds: dict[str, list[Command]] = {}
    for command in commands:
        kinds.setdefault(command.arguments[0], []).append(command)
    for kind, ways in kinds.items():
        for number in signals:
            for moment in range(moments):
                command = ways[moment % len(ways)]
                after_s = draw.random() * SLOWER * lasting[command.name]
                seconds, verdict = run(command, number, after_s, folder / "place")
                if tell:
                    line = f"{command.name} {number.name} {moment + 1}: after {after_s:.2f} s, ended at {seconds:.2f} s"
                    print(f"{line}: {verdict}", file=sys.stderr, flush=True)
                good = verdict in ("stopped", "through", "early")
                counts.setdefault(f"{kind} {number.name}", Counter())[verdict if good else "finding"] += 1
                if not good:
                    finding = {"command": command.name, "signal": number.name, "after_s": round(after_s, 3)}
                    findings.append({**finding, "verdict": verdict})
                    print(findings[-1], file=sys.stderr, flush=True)
    return {
        "seed": seed,
        "seconds": {name: round(seconds, 2) for name, seconds in lasting.items()},
        "counts": {name: dict(count) for name, count in counts.items()},
        "findings": findings,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", action="append", default=[], help="only this one (may be repeated)")
    parser.add_argument("--tell", action="store_true", help="a line on standard error for every stop")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = stop_commands(options.moments, options.seed, Path(folder), options.command, tell=options.tell)
    print(json.dumps(report, indent=2))
    return 1 if report["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
