"""Whether two checkouts of this repository say the same: `analyze`, `analyze-cine` and `evaluate`, byte by byte.

    python Testing/experiments/compare_outputs.py OLD_CHECKOUT [--busbra FOLDER] [--frames 6] [--keep FOLDER]

Each command is run by OLD_CHECKOUT's code and by this one's, in processes of their own, in the folders `old` and `new`
with the same names in them, on the shipped samples, on a loop that is made of one, and on some frames of BUS-BRA.
Both use this checkout's models, so that a difference is the code's. What is printed and what is written is compared
to the byte; pictures by their pixels, scenes (.mrb) by the images that they hold.

What tells when, or how fast, something ran is left out: the version, times and durations, and the command line as the
report keeps it. Keys and columns that only the newer code writes are told, and are no difference.

Ends with code 1 when anything differs.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parents[2]
SAMPLES = HERE / "BreastMassXAI" / "Resources" / "SampleData"
MODELS = HERE / "BreastMassXAI" / "Resources" / "Models"
LEFT_OUT = {"software", "version", "seconds", "finished"}
"""Keys of JSON files that tell when, how fast or by which version."""
PICTURES = {".png", ".jpg"}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("old", type=Path, metavar="OLD_CHECKOUT")
    parser.add_argument("--busbra", type=Path, help="BUS-BRA's folder")
    parser.add_argument("--frames", type=int, default=6, help="how many of its frames")
    parser.add_argument("--keep", type=Path, help="where the outputs stay; by default they are thrown away")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = (options.keep or Path(temporary)).resolve()
        place.mkdir(parents=True, exist_ok=True)
        runs = dict(commands(place / "inputs", options.busbra, options.frames))
        told: list[str] = []
        for which, checkout in (("old", options.old.resolve()), ("new", HERE)):
            (place / which).mkdir(exist_ok=True)
            for name, arguments in runs.items():
                said = run(checkout, [*arguments, "--out", name], place / which)
                (place / which / f"{name}.said.txt").write_text(said, encoding="utf-8")
        counts, differences = compare(place / "old", place / "new", told)
    for sentence in dict.fromkeys(re.sub(r"/\d+/", "/*/", sentence) for sentence in told):
        print(f"Note: {sentence}")
    print(f"{len(runs)} runs compared: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
    for sentence in differences:
        print(f"DIFFERENT: {sentence}")
    print("All the same." if not differences else f"{len(differences)} differences.")
    return 1 if differences else 0


def commands(inputs: Path, busbra: Path | None, frames: int) -> Iterator[tuple[str, list[str]]]:
    """The runs, each with the name of its folder, and the inputs that they need."""
    inputs.mkdir(parents=True, exist_ok=True)
    models = {name: ["--model", str(MODELS / name)] for name in ("busbra", "busbra-paper")}
    for kind in ("benign", "malignant"):
        mask = ["--mask", str(SAMPLES / f"{kind}_mask.png")]
        size = ["--spacing", (SAMPLES / f"{kind}_spacing_mm.txt").read_text().strip()]
        for model, chosen in models.items():
            yield f"{kind}-dcm-{model}", ["analyze", str(SAMPLES / f"{kind}.dcm"), *mask, *chosen]
        yield f"{kind}-png", ["analyze", str(SAMPLES / f"{kind}.png"), *mask, *size, *models["busbra"]]
    loop, mask = _loop(inputs)
    yield "loop", ["analyze-cine", str(loop), "--mask", f"1={mask}", "--propagate", *models["busbra"]]
    yield "samples", ["evaluate", str(_manifest(inputs)), *models["busbra"], *models["busbra-paper"]]
    if busbra is not None:
        data = _part_of(busbra, inputs / "BUSBRA", frames)
        yield "busbra", ["evaluate", str(data), "--assume-width", "40", *models["busbra"], *models["busbra-paper"]]
        first = next((data / "Images").glob("*.png"))
        mask = data / "Masks" / first.name.replace("bus_", "mask_")
        yield "frame", ["analyze", str(first), "--mask", str(mask), "--assume-width", "40", *models["busbra"]]


def _loop(inputs: Path) -> tuple[Path, Path]:
    """Five frames in which the benign sample moves to the right, as a volume, and the mask of the first."""
    import SimpleITK

    mask = SAMPLES / "benign_mask.png"
    pixels = np.asarray(Image.open(SAMPLES / "benign.png").convert("L"))
    volume = SimpleITK.GetImageFromArray(np.stack([np.roll(pixels, 3 * k, axis=1) for k in range(5)]))
    size = [float(value) for value in (SAMPLES / "benign_spacing_mm.txt").read_text().replace(",", " ").split()]
    volume.SetSpacing((size[-1], size[0], 1.0))
    SimpleITK.WriteImage(volume, str(inputs / "loop.nrrd"), useCompression=True)
    return inputs / "loop.nrrd", mask


def _manifest(inputs: Path) -> Path:
    path = inputs / "samples.csv"
    rows = [f"{SAMPLES / kind}.dcm,{SAMPLES / kind}_mask.png,{kind},{kind}" for kind in ("benign", "malignant")]
    path.write_text("\n".join(["image,mask,label,patient", *rows]) + "\n")
    return path


def _part_of(busbra: Path, folder: Path, count: int) -> Path:
    """BUS-BRA's first benign and first malignant cases, half each, in a folder of its form."""
    lines = (busbra / "bus_data.csv").read_text(encoding="utf-8").splitlines()
    chosen: list[str] = []
    for label in ("benign", "malignant"):
        chosen += [line for line in lines[1:] if f",{label}," in line][: count // 2]
    for part in ("Images", "Masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "bus_data.csv").write_text("\n".join([lines[0], *chosen]) + "\n", encoding="utf-8")
    for line in chosen:
        name = line.split(",")[0]
        for part, file in (("Images", f"{name}.png"), ("Masks", f"{name.replace('bus_', 'mask_')}.png")):
            (folder / part / file).write_bytes((busbra / part / file).read_bytes())
    return folder


def run(checkout: Path, arguments: list[str], folder: Path) -> str:
    """What a checkout's command line prints; its results lie in `folder`."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "BreastMassXAI"), "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "BreastMassXAILib", *arguments, "--force", "--progress", "none"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    said = f"{done.stdout}{done.stderr}exit code {done.returncode}\n"
    return said.replace(str(checkout), "CHECKOUT")


def compare(old: Path, new: Path, told: list[str]) -> tuple[dict[str, int], list[str]]:
    """How many files of each kind were compared, and a sentence for each that differs."""
    counts: dict[str, int] = {}
    differences = []
    files = [{f.relative_to(place).as_posix() for f in place.rglob("*") if f.is_file()} for place in (old, new)]
    differences += [f"{name} is written by the older code only" for name in sorted(files[0] - files[1])]
    for name in sorted(files[1] - files[0]):
        told.append(f"{name} is written by the newer code only")
    for name in sorted(files[0] & files[1]):
        kind = Path(name).suffix or "other"
        counts[kind] = counts.get(kind, 0) + 1
        differences += [f"{name}: {sentence}" for sentence in _compared(old / name, new / name, name, told)]
    return counts, differences


def _compared(old: Path, new: Path, name: str, told: list[str]) -> list[str]:
    if old.read_bytes() == new.read_bytes():
        return []
    if old.suffix == ".json":
        return _values(json.loads(old.read_text()), json.loads(new.read_text()), "", name, told)
    if old.suffix == ".csv":
        tables = [list(csv.DictReader(file.open(encoding="utf-8", newline=""))) for file in (old, new)]
        return _values(*tables, "", name, told)
    if old.suffix in PICTURES:
        return _pixels(old.read_bytes(), new.read_bytes())
    if old.suffix == ".mrb":
        return _scenes(old, new)
    texts = [_timeless(file.read_text(encoding="utf-8", errors="replace")) for file in (old, new)]
    if texts[0] == texts[1]:
        return []
    lines = [text.splitlines() for text in texts]
    first = next((pair for pair in zip(*lines, strict=False) if pair[0] != pair[1]), ("its length", "its length"))
    return [f"{first[0][:160]!r} became {first[1][:160]!r}"]


def _timeless(text: str) -> str:
    """A text without dates, times of day, durations and versions."""
    text = re.sub(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?", "DATE", text)
    text = re.sub(r"after \d+(\.\d+)? s\b", "after SECONDS", text)
    return re.sub(r"breast-mass-xai \d[\w.]*", "VERSION", text)


def _values(old: Any, new: Any, path: str, name: str, told: list[str]) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(new.keys() - old.keys()):
            told.append(f"{name}: {path}/{key} is written by the newer code only")
        found = [f"{path}/{key} is gone" for key in sorted(old.keys() - new.keys())]
        for key in sorted(old.keys() & new.keys() - LEFT_OUT):
            found += _values(old[key], new[key], f"{path}/{key}", name, told)
        return found
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            s for k, (a, b) in enumerate(zip(old, new, strict=True)) for s in _values(a, b, f"{path}/{k}", name, told)
        ]
    return [] if old == new else [f"{path}: {str(old)[:120]!r} became {str(new)[:120]!r}"]


def _pixels(old: bytes, new: bytes) -> list[str]:
    first, second = (np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int) for data in (old, new))
    if first.shape != second.shape:
        return [f"{first.shape} became {second.shape}"]
    differing = int((first != second).any(-1).sum())
    return [f"{differing} pixels differ"] if differing else []


def _scenes(old: Path, new: Path) -> list[str]:
    """The images and tables in scenes; node ids and the times of saving are not compared."""
    archives = [zipfile.ZipFile(file) for file in (old, new)]
    parts = [
        {Path(entry).name: archive.read(entry) for entry in archive.namelist() if entry.endswith((".nrrd", ".tsv"))}
        for archive in archives
    ]
    found = [f"{name} is gone" for name in sorted(parts[0].keys() - parts[1].keys())]
    return found + [
        f"{name} differs" for name in sorted(parts[0].keys() & parts[1].keys()) if parts[0][name] != parts[1][name]
    ]


if __name__ == "__main__":
    raise SystemExit(main())
