"""What a user may ask of every explanation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from ..core.result import Settings
from ..core.settling import Said
from ..readers.masks import read_mask


@dataclass(frozen=True, kw_only=True)
class FrameRules:
    """How a frame's file is to be read, and where what comes of it is to be written.

    Parameters
    ----------
    said : Said
        What the user says of the frame.
    area_file : Path, optional
        A mask of the scan area, instead of `said`'s.
    flip_rows : bool
        Whether the file's first row is the deepest.
    confirmed_size : bool
        A frame that is narrower or wider than any probe images is no slip.
    out : Path, optional
        What to write; named after the input, if not given.
    force : bool
        Replace an earlier result.
    """

    said: Said = field(default_factory=Said)
    area_file: Path | None = None
    flip_rows: bool = False
    confirmed_size: bool = False
    out: Path | None = None
    force: bool = False

    def said_of(self, shape: tuple[int, int]) -> Said:
        """What is said of a frame of that shape (rows, columns), with the scan area read from its file.

        Raises
        ------
        InputError
            When that cannot be read or does not fit.
        """
        if self.area_file is None:
            return self.said
        area = read_mask(self.area_file, shape)
        said = f"The scan area was given ({area.source.file_name})."
        return replace(self.said, scan_area=area.pixels, area_notes=(said, *area.notes))


@dataclass(frozen=True, kw_only=True)
class Request(FrameRules):
    """What a user may ask of every explanation; `out` is a folder, the input's name with ``-explained`` by default.

    Parameters
    ----------
    segments : tuple of str
        Names or values of a mask that mean mass.
    model : Path, optional
        A model's folder; the shipped default, if not given.
    network_field : {"frame", "scan-area"}, optional
        What a network for whole frames looks at instead of its own field.
    settings : Settings
    methods : tuple of str
        Further methods beside the settings' own.
    """

    segments: tuple[str, ...] = ()
    model: Path | None = None
    network_field: str | None = None
    settings: Settings = field(default_factory=Settings)
    methods: tuple[str, ...] = ()


MASK_AND_PROMPT = "The mass is outlined in a mask already: leave out either the mask or the clicks and the box."


def stem(path: Path) -> str:
    """A file's name without its suffix."""
    name = path.name
    for suffix in (".nii.gz", path.suffix):
        if suffix and name.lower().endswith(suffix.lower()) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name
