"""PNG, JPEG, BMP and TIFF files through pillow. Their pixel sizes are never trusted (a printer's dpi, if anything)."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError
from ..core.frame import MAX_PIXELS
from ..core.sizes import SAME
from .files import plainly_named, reading, refuse_huge
from .tiff import PHOTOMETRIC, WHITE_IS_ZERO, Page, read_page, read_pages

if TYPE_CHECKING:
    from PIL import Image

_ORIENTATION = 0x0112
_COLOUR, _GREY_AND_ALPHA, _COLOUR_AND_ALPHA = 2, 4, 6
"""Colour types of a PNG."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns) or (rows, columns, 3)
        In the file's own depth; small values are black, whatever the file says of them.
    alpha : ndarray of uint8 or bool, shape (rows, columns), optional
    indices : ndarray of uint8, shape (rows, columns), optional
        The entries of a picture with a palette, whose colours are in `pixels`.
    lossy : bool
        Whether the compression blurs edges (JPEG).
    warnings : tuple of str
    aspect : float, optional
        A pixel's height over its width, where the file says that it is not square. (Of its resolution, a printer's
        matter, that much may be true.)
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    indices: np.ndarray | None
    lossy: bool
    warnings: tuple[str, ...]
    aspect: float | None = None


def count_pages(path: Path) -> int:
    """Number of images that a picture file holds: a TIFF's pages are slices or moments, all else is one picture.

    Raises
    ------
    InputError
        When the file is damaged, or an animated PNG.
    """
    if _is_tiff(path) and (pages := read_pages(path)):
        return len(pages)
    with _opened(path) as image:
        # A JPEG's further images (MPO) are previews and other eyes.
        pages_found = getattr(image, "n_frames", 1) if image.format in ("TIFF", "PNG") else 1
        if pages_found > 1 and image.format == "PNG":
            raise InputError(f"{path.name} is an animated PNG of {pages_found} images: save it as a TIFF.")
        return pages_found


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
    if page is None and (count := count_pages(path)) > 1:
        raise InputError(f"{path.name} holds {count} images, where one is expected.")
    stored = next(iter(read_pages(path, page or 0)), None) if _is_tiff(path) else None
    if stored is not None and stored[_ORIENTATION] not in (0, 1):
        raise InputError(f"{path.name} asks viewers to turn or mirror it (orientation tag): save it again upright.")
    if stored is not None and stored.needs_us:
        with reading(path, "a picture"):
            alone = len(read_pages(path)) == 1
            pixels, alpha = read_page(path, stored, alone)
            return Picture(pixels, alpha, None, False, ())
    with _opened(path, stored) as image:
        if page:
            image.seek(page)
        refuse_huge(path.name, *image.size)
        orientation = image.getexif().get(_ORIENTATION, 1)
        notes: tuple[str, ...] = ()
        if orientation not in (0, 1):
            notes = ("The file asks viewers to turn or mirror the picture (EXIF orientation): not done here.",)
        lossy = image.format in ("JPEG", "MPO") or "jpeg" in str(image.info.get("compression", ""))
        pixels, alpha, indices = _deep_png(path, image) or _decode(image)
        if stored is not None and stored[PHOTOMETRIC] == WHITE_IS_ZERO and pixels.ndim == 2 and pixels.min() >= 254:
            pixels = pixels - np.uint8(254)  # zeros and ones: one bit, in a byte
        return Picture(pixels, alpha, indices, lossy, notes, _aspect(image.info, image.size))


def _aspect(info: Mapping[Any, Any], size: tuple[int, int]) -> float | None:
    """From dots per unit, across and down: the aspect of a PNG or JFIF, or a resolution in dpi.

    Some programs write the picture's own `size` (width, height) there, as in all of BUS-BRA: a page to fill, which says
    nothing of a pixel, or every frame of whatever depth would be as deep as it is wide.
    """
    for name in ("aspect", "jfif_density", "dpi", "resolution"):
        try:
            across, down = (float(each) for each in info.get(name) or ())
        except (TypeError, ValueError, ZeroDivisionError):
            continue
        if (across, down) == size:
            return None
        if across > 0 and down > 0 and 0.2 < across / down < 5:
            return None if abs(across / down - 1) < SAME else across / down
    return None


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@contextmanager
def _opened(path: Path, page: Page | None = None) -> Iterator[Image.Image]:
    from PIL import Image, UnidentifiedImageError

    with reading(path, "a picture"):
        try:
            image = Image.open(path, formats=("PNG", "JPEG", "BMP", "TIFF"))
        except Image.DecompressionBombError as error:
            raise InputError(
                f"{path.name} is too large: at most {MAX_PIXELS // 1_000_000} million pixels can be read."
            ) from error
        except UnidentifiedImageError as error:
            if page is None or not page.whole:
                raise
            raise InputError(
                f"{path.name} is a TIFF of a kind that cannot be read here ({page.words}): save it as PNG, or as a "
                "TIFF of 8 or 16 bits."
            ) from error
        with image:
            yield image


def _deep_png(path: Path, image: Image.Image) -> tuple[np.ndarray, np.ndarray | None, None] | None:
    """The colours, or grey and alpha, of a PNG of 16 bits, of which pillow drops the lower 8; None for all others."""
    if image.format != "PNG":
        return None
    with path.open("rb") as file:
        bits, kind = file.read(26)[24:]
    if bits != 16 or kind not in (_COLOUR, _GREY_AND_ALPHA, _COLOUR_AND_ALPHA):
        return None
    image.load()  # pillow sees damage that the other reader overlooks
    if kind == _GREY_AND_ALPHA:
        values = _as_bytes(path)
        return values[..., 0], values[..., 1] >> 8, None
    import SimpleITK

    with plainly_named(path) as plain:
        values = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(plain), imageIO="PNGImageIO"))
    if values.dtype != np.uint16 or values.ndim != 3 or values.shape[:2] != image.size[::-1] or values.shape[2] < 3:
        raise ValueError("another size or depth")
    return values[..., :3], values[..., 3] >> 8 if values.shape[2] > 3 else None, None


def _as_bytes(path: Path) -> np.ndarray:
    """Grey and alpha of 16 bits, shape (rows, columns, 2), packed as four bytes are, which pillow reads."""
    from PIL import Image

    data = path.read_bytes()
    head = data[12:24] + bytes((8, _COLOUR_AND_ALPHA)) + data[26:29]
    patched = data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]
    with Image.open(io.BytesIO(patched), formats=("PNG",)) as image:
        content = np.array(image)
    return content.reshape(*content.shape[:2], 4).view(">u2").astype(np.uint16)


def _decode(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Pixels, alpha and palette indices of an opened picture."""
    image.load()
    if image.mode in ("1", "L"):
        return np.asarray(image if image.mode == "L" else image.convert("L")), None, None
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
