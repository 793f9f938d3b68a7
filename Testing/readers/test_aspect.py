"""The shape of a pixel, as pictures tell it."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from BreastMassXAILib.readers.frames import read_frame


@pytest.mark.parametrize(
    ("dots", "aspect"),
    [((3, 2), 1.5), ((2, 4), 0.5), ((7, 7), None), ((56, 40), None), ((40, 56), 40 / 56), (None, None)],
    ids=["flat", "tall", "square", "the picture's own size", "its sides swapped", "none"],
)
def test_pixels_of_a_png(tmp_path, speckle, dots, aspect):
    """BUS-BRA's files state their own width and height as dots per unit, which no scanner's pixels follow."""
    Image.fromarray(speckle).save(tmp_path / "us.png")
    if dots:
        whole, header = (tmp_path / "us.png").read_bytes(), 33  # signature and IHDR
        chunk = b"pHYs" + struct.pack(">IIB", *dots, 0)
        chunk = struct.pack(">I", 9) + chunk + struct.pack(">I", zlib.crc32(chunk))
        (tmp_path / "us.png").write_bytes(whole[:header] + chunk + whole[header:])
    frame = read_frame(tmp_path / "us.png")
    assert np.array_equal(frame.pixels, speckle)
    assert frame.aspect == (None if aspect is None else pytest.approx(aspect))
    row_mm, column_mm = frame.with_assumed_width(28).spacing.mm()
    assert (row_mm, column_mm) == pytest.approx((0.5 * (aspect or 1), 0.5))
