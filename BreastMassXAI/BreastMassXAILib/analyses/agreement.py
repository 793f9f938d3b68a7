"""Two sets of outlines compared, from their files to a folder with table, numbers and picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cohorts.manifest import read_manifest
from ..core.agreement import Agreement, compare, summary_of
from ..core.cohort import Skipped
from ..core.errors import BreastMassXAIError, InputError
from ..core.frame import Frame, Spacing
from ..core.progress import Progress, silent
from ..core.result import Settings
from ..core.settling import Said, SpacingAssumption, settle, with_said_spacing
from ..core.writing import atomic_folder
from ..pipeline import analyze, check_choices, load_model
from ..readers.frames import read_frame, read_frame_and_mask
from ..readers.masks import read_mask
from ..writers.agreement import write_picture, write_table

if TYPE_CHECKING:
    from ..network.bundle import Bundle

NUMBERS_FILE = "agreement.json"


@dataclass(frozen=True, kw_only=True)
class AgreementRequest:
    """What is compared: two masks, two folders of masks (by file name), or two manifests (by identifier).

    Parameters
    ----------
    a, b : Path
    images : Path, optional
        The frame, or a folder of frames under the masks' names; manifests bring their own.
    model : Path, optional
        That looks at every frame with both outlines; needs images.
    assumption : SpacingAssumption
        Where no file tells the pixel size.
    """

    a: Path
    b: Path
    images: Path | None = None
    model: Path | None = None
    settings: Settings = field(default_factory=Settings)
    assumption: SpacingAssumption = field(default_factory=SpacingAssumption)
    out: Path | None = None
    force: bool = False


@dataclass(frozen=True)
class _Pair:
    identifier: str
    a: tuple[Path, ...]
    b: tuple[Path, ...]
    image: Path | None
    spacing: Spacing | None = None
    frame: int | None = None
    segments: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    flip_rows: bool = False


def agree(request: AgreementRequest, progress: Progress = silent) -> tuple[Path, dict[str, Any]]:
    """Compare and write ``agreement.csv``, ``agreement.json`` and ``agreement.png``.

    Returns
    -------
    Path
        The folder that was written.
    dict
        See :func:`~..core.agreement.summary_of`, with ``left_out``.

    Raises
    ------
    BreastMassXAIError
        When nothing can be compared; of two single files, with their own fault.
    """
    single = request.a.is_file() and not _is_table(request.a)
    pairs, skipped = _pairs(request)
    if not pairs:
        raise InputError(
            f"Nothing in {request.a.name} and {request.b.name} goes together: the masks of one mass need the same file "
            "name (or identifier, in manifests) on both sides."
        )
    if request.model is not None and any(pair.image is None for pair in pairs):
        raise InputError("A model needs the frames: give them with --images, under the masks' names.")
    bundle = None if request.model is None else load_model(request.model)
    if bundle is not None:
        check_choices(bundle.classifier, request.settings)
    compared: list[Agreement] = []
    with atomic_folder(request.out or Path("agreement"), request.force, NUMBERS_FILE) as folder:
        for done, pair in enumerate(pairs):
            progress(done, len(pairs), "outlines")
            try:
                compared.append(_compared(pair, request, bundle))
            except BreastMassXAIError as error:
                if single:
                    raise
                skipped.append(Skipped(pair.identifier, str(error)))
        if not compared:
            raise InputError(f"No pair could be compared; the first: {skipped[0].identifier}: {skipped[0].reason}")
        found = summary_of(compared)
        found["left_out"] = [asdict(entry) for entry in skipped]
        write_table(folder / "agreement.csv", compared, skipped)
        (folder / NUMBERS_FILE).write_text(
            json.dumps({"a": request.a.name, "b": request.b.name, **found}, indent=1, allow_nan=False) + "\n",
            encoding="utf-8",
        )
        write_picture(folder / "agreement.png", compared, found, (request.a.name, request.b.name))
    progress(len(pairs), len(pairs), "outlines")
    return request.out or Path("agreement"), found


def _compared(pair: _Pair, request: AgreementRequest, bundle: Bundle | None) -> Agreement:
    if pair.image is None:
        frame = _grid(pair.a[0])
        a, b = (read_mask(path, frame.shape, ()).pixels for path in (pair.a[0], pair.b[0]))
        spacing = with_said_spacing(frame, Said(otherwise=request.assumption)).spacing
        return compare(pair.identifier, a, b, spacing.mm() if spacing.known else None)
    cases = []
    for masks, segments in zip((pair.a, pair.b), pair.segments, strict=True):
        frame, mass, source = read_frame_and_mask(
            pair.image, masks, pair.frame, segments=segments, flip_rows=pair.flip_rows
        )
        cases.append(settle(frame, mass, Said(spacing=pair.spacing, otherwise=request.assumption), source))
    spacing = cases[0].frame.spacing
    results = None
    if bundle is not None:
        # One frame for both, so that nothing but the outline differs.
        both = (cases[0], replace(cases[0], mass=cases[1].mass, mass_source=cases[1].mass_source))
        one, two = (analyze(case, bundle, request.settings).result for case in both)
        results = one, two
    masses: list[np.ndarray] = [case.mass for case in cases]
    return compare(pair.identifier, masses[0], masses[1], spacing.mm() if spacing.known else None, results)


def _grid(path: Path) -> Frame:
    """A mask's file read as an image: its size, and its pixel size where it tells one."""
    try:
        return read_frame(path)
    except InputError as error:
        raise InputError(
            f"The mask {path.name} cannot be read on its own ({error}): give its frame with --images."
        ) from error


def _pairs(request: AgreementRequest) -> tuple[list[_Pair], list[Skipped]]:
    a, b = request.a, request.b
    for path in (a, b, request.images):
        if path is not None and not path.exists():
            raise InputError(f"There is no {path}.")
    if _is_table(a) and _is_table(b):
        return _of_manifests(a, b)
    if a.is_dir() and b.is_dir():
        if request.images is not None and not request.images.is_dir():
            raise InputError("Two folders of masks need a folder of frames.")
        return _of_folders(a, b, request.images)
    if a.is_file() and b.is_file() and not _is_table(a) and not _is_table(b):
        if request.images is not None and not request.images.is_file():
            raise InputError("Two masks need one frame, not a folder.")
        return [_Pair(_key(a), (a,), (b,), request.images)], []
    raise InputError("Compare two masks, two folders of masks, or two manifests: not one kind with another.")


def _is_table(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() == ".csv"


def _of_manifests(a: Path, b: Path) -> tuple[list[_Pair], list[Skipped]]:
    one, two = read_manifest(a), read_manifest(b)
    others = {record.identifier: record for record in two.records}
    pairs, skipped = [], [*one.skipped, *two.skipped]
    for record in one.records:
        other = others.pop(record.identifier, None)
        if other is None:
            skipped.append(Skipped(record.identifier, f"it is not in {b.name}"))
            continue
        pairs.append(
            _Pair(
                record.identifier,
                (record.mask, *record.more_masks),
                (other.mask, *other.more_masks),
                record.image,
                record.spacing,
                record.frame,
                (record.segments, other.segments),
                record.flip_rows,
            )
        )
    return pairs, skipped + [Skipped(name, f"it is not in {a.name}") for name in others]


def _of_folders(a: Path, b: Path, images: Path | None) -> tuple[list[_Pair], list[Skipped]]:
    one, two = dict(_files(a)), dict(_files(b))
    frames = None if images is None else dict(_files(images))
    pairs, skipped = [], []
    for key, path in one.items():
        if key not in two:
            skipped.append(Skipped(path.name, f"there is none of this name in {b.name}"))
        elif frames is not None and key not in frames:
            skipped.append(Skipped(path.name, "there is no frame of this name"))
        else:
            pairs.append(_Pair(key, (path,), (two[key],), None if frames is None else frames[key]))
    return pairs, skipped + [
        Skipped(path.name, f"there is none of this name in {a.name}") for key, path in two.items() if key not in one
    ]


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files of a folder by what is left of their names without extension and the word mask; no hidden ones."""
    seen: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if (
            path.is_file()
            and not path.name.startswith(".")
            and path.suffix.lower() not in (".txt", ".csv", ".json", ".md")
        ):
            key = _key(path)
            if key in seen:
                raise InputError(f"{seen[key].name} and {path.name} in {folder.name} are both the mask of '{key}'.")
            seen[key] = path
            yield key, path


def _key(path: Path) -> str:
    name = path.name
    for ending in (".seg.nrrd", ".nii.gz"):
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
            break
    else:
        name = path.stem
    for word in ("mask", "seg", "segmentation"):
        for joint in ("_", "-"):
            name = name.removeprefix(f"{word}{joint}").removesuffix(f"{joint}{word}")
    return name
