"""PNG, JPEG, BMP and TIFF files through pillow. Their pixel sizes are never trusted (a printer's dpi, if anything)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError
from ..core.frame import MAX_PIXELS
from .files import reading, refuse_huge

if TYPE_CHECKING:
    from PIL import Image

_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns) or (rows, columns, 3)
    alpha : ndarray of uint8, shape (rows, columns), optional
    indices : ndarray of uint8, shape (rows, columns), optional
        The entries of a picture with a palette, whose colours are in `pixels`.
    lossy : bool
        Whether the compression blurs edges (JPEG).
    warnings : tuple of str
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    indices: np.ndarray | None
    lossy: bool
    warnings: tuple[str, ...]


def count_pages(path: Path) -> int:
    """Number of images that a picture file holds: a TIFF's pages are slices or moments, all else is one picture.

    Raises
    ------
    InputError
        When the file is damaged, or an animated PNG.
    """
    with _opened(path) as image:
        # A JPEG's further images (MPO) are previews and other eyes.
        pages = getattr(image, "n_frames", 1) if image.format in ("TIFF", "PNG") else 1
        if pages > 1 and image.format == "PNG":
            raise InputError(f"{path.name} is an animated PNG of {pages} images: save it as a TIFF.")
        return pages


def read_picture(path: Path, page: int | None = None) -> Picture:
    """Decode a PNG, JPEG, BMP or TIFF file.

    The pixels stay as they are stored: an EXIF orientation is not followed, since masks and other programs' results
    lie on the stored grid; it is named in the warnings instead. A TIFF with such a tag is refused: pillow follows it
    there, and garbles uncompressed pixels when it stands for a quarter turn.

    Parameters
    ----------
    path : Path
    page : int, optional
        Which image of a TIFF, counted from 0; without it, the file must hold a single one.

    Raises
    ------
    InputError
        When the file is damaged, too large, holds several images, or is a TIFF file that asks to be turned.
    """
    if page is None and (pages := count_pages(path)) > 1:
        raise InputError(f"{path.name} holds {pages} images, where one is expected.")
    with _opened(path) as image:
        if page:
            image.seek(page)
        refuse_huge(path.name, *image.size)
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
        notes: tuple[str, ...] = ()
        if orientation not in (0, 1):
            if image.format == "TIFF":
                raise InputError(
                    f"{path.name} asks viewers to turn or mirror it (orientation tag): save it again upright."
                )
            notes = ("The file asks viewers to turn or mirror the picture (EXIF orientation): not done here.",)
        lossy = image.format in ("JPEG", "MPO") or "jpeg" in str(image.info.get("compression", ""))
        return Picture(*_decode(image), lossy, notes)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    from PIL import Image

    with reading(path, "a picture"):
        try:
            image = Image.open(path, formats=("PNG", "JPEG", "BMP", "TIFF"))
        except Image.DecompressionBombError as error:
            raise InputError(
                f"{path.name} is too large: at most {MAX_PIXELS // 1_000_000} million pixels can be read."
            ) from error
        with image:
            yield image


def _decode(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Pixels, alpha and palette indices of an opened picture."""
    image.load()
    if image.mode in ("1", "L"):
        return np.array(image.convert("L")), None, None
    if image.mode == "F" or image.mode.startswith("I"):
        return np.array(image), None, None
    if image.mode in ("LA", "La"):
        values = np.array(image.convert("LA"))
        return values[..., 0], values[..., 1], None
    indices = np.array(image) if image.mode == "P" else None
    if image.has_transparency_data:
        values = np.array(image.convert("RGBA"))
        return values[..., :3], values[..., 3], indices
    return np.array(image.convert("RGB")), None, indices
