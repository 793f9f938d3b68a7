"""What a frame's file holds is what a Frame says, and nothing that it does not hold."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.frame import Provenance, Spacing
from BreastMassXAILib.readers.cines import open_cine
from BreastMassXAILib.readers.frames import read_frame
from BreastMassXAILib.readers.masks import read_mask

VOLUMES = (".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".nii.gz")


def write_volume(path: Path, array: np.ndarray, spacing=(0.08, 0.11), vector: bool = False) -> Path:
    """`spacing` is (row, column)."""
    image = SimpleITK.GetImageFromArray(array, isVector=vector)
    image.SetSpacing((spacing[1], spacing[0], 1.0)[: image.GetDimension()])
    SimpleITK.WriteImage(image, str(path))
    return path


def huge_png(path: Path, columns: int, rows: int) -> Path:
    """A valid header of that size over next to no data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff"])
def test_a_lossless_picture_keeps_every_grey_value_and_has_no_spacing(tmp_path, speckle, suffix):
    path = tmp_path / f"frame{suffix}"
    Image.fromarray(speckle).save(path, dpi=(300, 300))
    frame = read_frame(path)
    np.testing.assert_array_equal(frame.pixels, speckle)
    assert frame.pixels.dtype == np.float32
    assert frame.spacing == Spacing.unknown()
    assert frame.warnings == ()
    assert frame.source.file_name == path.name
    assert frame.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_jpeg_is_close_to_its_original_and_its_dpi_is_no_spacing(tmp_path):
    smooth = np.add.outer(np.arange(40), np.arange(56)).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "frame.jpg", quality=95, dpi=(96, 96))
    frame = read_frame(tmp_path / "frame.jpg")
    assert np.abs(frame.pixels - smooth).max() <= 4
    assert frame.spacing == Spacing.unknown()


@pytest.mark.parametrize("suffix", VOLUMES)
@pytest.mark.parametrize("slices", [False, True], ids=["2D", "one slice"])
def test_a_volume_format_gives_its_pixels_upright_and_its_spacing_as_row_and_column(tmp_path, speckle, suffix, slices):
    path = write_volume(tmp_path / f"frame{suffix}", speckle[None] if slices else speckle)
    frame = read_frame(path)
    np.testing.assert_array_equal(frame.pixels, speckle)
    assert frame.spacing.provenance is Provenance.HEADER
    assert frame.spacing.mm() == pytest.approx((0.08, 0.11))
    assert frame.warnings == ()


def test_content_goes_before_the_suffix(tmp_path, speckle):
    Image.fromarray(speckle).save(tmp_path / "frame.png")
    (tmp_path / "frame.png").rename(tmp_path / "frame.jpg")
    np.testing.assert_array_equal(read_frame(tmp_path / "frame.jpg").pixels, speckle)


def test_two_detached_headers_with_other_pixels_have_other_hashes(tmp_path, speckle):
    hashes = set()
    for folder, pixels in (("a", speckle), ("b", 255 - speckle)):
        (tmp_path / folder).mkdir()
        hashes.add(read_frame(write_volume(tmp_path / folder / "frame.mhd", pixels)).source.sha256)
    headers = {(tmp_path / folder / "frame.mhd").read_bytes() for folder in "ab"}
    assert len(headers) == 1 and len(hashes) == 2


@pytest.mark.parametrize("suffix", VOLUMES)
def test_exactly_one_millimetre_in_a_header_is_nobodys_measurement(tmp_path, speckle, suffix):
    frame = read_frame(write_volume(tmp_path / f"frame{suffix}", speckle, spacing=(1, 1)))
    assert frame.spacing == Spacing.unknown()
    assert "exactly 1 x 1 mm" in frame.warnings[0]


def test_an_nrrd_without_spacing_or_in_other_units_has_none(tmp_path, speckle):
    header = b"NRRD0004\ntype: unsigned char\ndimension: 2\nsizes: 56 40\nencoding: raw\n"
    (tmp_path / "plain.nrrd").write_bytes(header + b"\n" + speckle.tobytes())
    (tmp_path / "um.nrrd").write_bytes(header + b'spacings: 80 110\nunits: "um" "um"\n\n' + speckle.tobytes())
    (tmp_path / "mm.nrrd").write_bytes(header + b'spacings: 0.11 0.08\nunits: "mm" "mm"\n\n' + speckle.tobytes())
    assert not read_frame(tmp_path / "plain.nrrd").spacing.known
    micrometres = read_frame(tmp_path / "um.nrrd")
    assert not micrometres.spacing.known and "um" in micrometres.warnings[0]
    assert read_frame(tmp_path / "mm.nrrd").spacing.mm() == (0.08, 0.11)


def test_a_nifti_without_units_is_millimetres_with_a_warning_and_micrometres_are_converted(tmp_path, speckle):
    data = bytearray(write_volume(tmp_path / "frame.nii", speckle).read_bytes())
    units = 123  # xyzt_units in the NIfTI-1 header
    data[units] = 0
    (tmp_path / "none.nii").write_bytes(data)
    data[units] = 3
    (tmp_path / "um.nii").write_bytes(data)
    without = read_frame(tmp_path / "none.nii")
    assert without.spacing.mm() == pytest.approx((0.08, 0.11))
    assert "no unit" in without.warnings[0]
    tiny = read_frame(tmp_path / "um.nii")
    assert not tiny.spacing.known and "e-05" in tiny.warnings[0], "0.08 micrometres is no pixel of a frame"


def test_patient_axes_never_turn_the_frame(tmp_path, speckle):
    image = SimpleITK.GetImageFromArray(speckle[None])
    image.SetSpacing((0.1, 0.2, 1))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    SimpleITK.WriteImage(image, str(tmp_path / "turned.nrrd"))
    frame = read_frame(tmp_path / "turned.nrrd")
    np.testing.assert_array_equal(frame.pixels, speckle)
    assert "first stored row is taken as the skin" in frame.warnings[0]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_single_slice_may_lie_along_any_axis(tmp_path, speckle, axis):
    image = SimpleITK.GetImageFromArray(np.expand_dims(speckle, axis))
    spacing = [0.11, 0.08]
    spacing.insert(2 - axis, 5.0)
    image.SetSpacing(spacing)
    SimpleITK.WriteImage(image, str(tmp_path / "frame.mha"))
    frame = read_frame(tmp_path / "frame.mha")
    np.testing.assert_array_equal(frame.pixels, speckle)
    assert frame.spacing.mm() == pytest.approx((0.08, 0.11))


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii.gz"])
def test_several_slices_are_refused_with_their_number(tmp_path, speckle, suffix):
    path = write_volume(tmp_path / f"loop{suffix}", np.stack([speckle] * 3))
    with pytest.raises(InputError, match=r"holds 3 frames.*--frame 1 to 3.*cine"):
        read_frame(path)


def test_a_picture_with_several_pages_is_refused(tmp_path, speckle):
    pages = [Image.fromarray(speckle), Image.fromarray(255 - speckle)]
    pages[0].save(tmp_path / "loop.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(InputError, match=r"holds 2 frames.*--frame 1 to 2"):
        read_frame(tmp_path / "loop.tif")


@pytest.mark.parametrize("name", ["frame.png", "frame.nrrd", "frame.nii", "frame.mha"])
def test_a_grey_frame_in_rgb_keeps_its_values_exactly_and_is_not_called_coloured(tmp_path, speckle, name):
    colours = np.repeat(speckle[..., None], 3, axis=2)
    if name.endswith("png"):
        Image.fromarray(colours).save(tmp_path / name)
    else:
        write_volume(tmp_path / name, colours, vector=True)
    frame = read_frame(tmp_path / name)
    np.testing.assert_array_equal(frame.pixels, speckle)
    assert frame.warnings == ()


@pytest.mark.parametrize(("rows", "warned"), [(0, False), (6, True)])
def test_colour_becomes_luminance_and_is_named_when_substantial(tmp_path, speckle, rows, warned):
    colours = np.repeat(speckle[..., None], 3, axis=2)
    colours[:rows] = (200, 30, 90)
    colours[20, 20] = (0, 255, 0)  # one coloured caliper pixel is no colour Doppler
    Image.fromarray(colours).save(tmp_path / "frame.png")
    frame = read_frame(tmp_path / "frame.png")
    assert frame.pixels[20, 20] == pytest.approx(0.587 * 255, abs=1e-3)
    if rows:
        assert frame.pixels[0, 0] == pytest.approx(0.299 * 200 + 0.587 * 30 + 0.114 * 90, abs=1e-3)
    assert any("coloured" in warning for warning in frame.warnings) is warned


def test_palette_and_alpha(tmp_path, speckle):
    grey = Image.fromarray(speckle)
    palette = grey.convert("P")
    palette.putpalette([255 - level for level in range(256) for _ in range(3)])  # entry 0 is white
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_frame(tmp_path / "palette.png").pixels, 255 - speckle.astype(np.float32))
    transparent = Image.fromarray(np.dstack([speckle] * 3 + [np.zeros_like(speckle)]))
    transparent.save(tmp_path / "alpha.png")
    np.testing.assert_array_equal(read_frame(tmp_path / "alpha.png").pixels, speckle)
    Image.merge("LA", (grey, Image.new("L", grey.size, 9))).save(tmp_path / "la.png")
    np.testing.assert_array_equal(read_frame(tmp_path / "la.png").pixels, speckle)


@pytest.mark.parametrize("name", ["frame.png", "frame.tif", "frame.nrrd", "frame.nii.gz"])
def test_sixteen_bits_are_mapped_from_the_values_found_and_the_range_is_named(tmp_path, speckle, name):
    values = speckle.astype(np.uint16) * 100 + 1000
    if name.endswith(("png", "tif")):
        Image.fromarray(values).save(tmp_path / name)
    else:
        write_volume(tmp_path / name, values)
    frame = read_frame(tmp_path / name)
    np.testing.assert_allclose(frame.pixels, speckle, atol=1e-3)
    assert "1000 to 26500" in frame.warnings[0]


def png16(path: Path, values: np.ndarray) -> Path:
    """A PNG of 16 bits, shape (rows, columns, channels), which pillow does not write."""
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[values.shape[2]]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    data = b"\x89PNG\r\n\x1a\n"
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, kind, 0, 0, 0)
    for name, body in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        data += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    path.write_bytes(data)
    return path


def tiff(path: Path, values: np.ndarray, photometric: int = 1, order: str = "<", planar: int = 1) -> Path:
    """A TIFF of any depth, shape (rows, columns, samples), in strips of 7 rows, deflated."""
    rows, columns, samples = values.shape
    planes = [values] if planar == 1 else [values[..., k] for k in range(samples)]
    step = rows if planar == 2 else 7
    pieces = [plane[k : k + step] for plane in planes for k in range(0, rows, step)]
    data, offsets, lengths = bytearray(8), [], []
    for piece in pieces:
        packed = zlib.compress(piece.astype(values.dtype.newbyteorder(order)).tobytes())
        offsets.append(len(data))
        lengths.append(len(packed))
        data += packed
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    fields = {256: [columns], 257: [rows], 258: [values.dtype.itemsize * 8] * samples, 259: [8], 262: [photometric]}
    fields |= {273: offsets, 277: [samples], 278: [step], 279: lengths, 284: [planar], 339: [kind] * samples}
    if samples in (2, 4):
        fields[338] = [2]
    entries = b""
    for tag, found in sorted(fields.items()):
        body = struct.pack(f"{order}{len(found)}I", *found)
        if len(found) > 1:
            place, data = len(data), data + body
            body = struct.pack(f"{order}I", place)
        entries += struct.pack(f"{order}HHI", tag, 4, len(found)) + body
    data[:8] = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, len(data))
    path.write_bytes(bytes(data) + struct.pack(f"{order}H", len(fields)) + entries + bytes(4))
    return path


CHANNELS = {"grey": 1, "grey and alpha": 2, "RGB": 3, "RGB and alpha": 4}


def with_channels(grey: np.ndarray, channels: int, opaque: float) -> np.ndarray:
    """The same grey values in every colour, with an alpha that hides nothing."""
    colours = np.repeat(grey[..., None], 3 if channels > 2 else 1, axis=2)
    return colours if channels in (1, 3) else np.dstack([colours, np.full_like(grey, opaque)])


@pytest.mark.parametrize("factor", [1, 4, 16, 256, 257])
@pytest.mark.parametrize("channels", CHANNELS.values(), ids=CHANNELS)
def test_a_png_of_16_bits_in_any_colour_model_is_the_frame_of_8_bits(tmp_path, speckle, channels, factor):
    grey = speckle // 2  # a stretch to the values found would show
    values = with_channels(grey.astype(np.uint16) * factor, channels, 65535)
    frame = read_frame(png16(tmp_path / "frame.png", values))
    np.testing.assert_allclose(frame.pixels, grey, atol=1e-3)


@pytest.mark.parametrize("channels", CHANNELS.values(), ids=CHANNELS)
def test_a_png_of_16_bits_keeps_its_depth_in_any_colour_model(tmp_path, speckle, channels):
    values = np.arange(speckle.size, dtype=np.uint16).reshape(speckle.shape) * 13  # far more than 256 levels
    frame = read_frame(png16(tmp_path / "frame.png", with_channels(values, channels, 65535)))
    np.testing.assert_allclose(frame.pixels, values * (255 / values.max()), atol=1e-3)
    assert len(np.unique(frame.pixels)) == speckle.size


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("samples", "planar"), [(1, 1), (2, 1), (3, 1), (4, 1), (3, 2)])
@pytest.mark.parametrize(
    ("dtype", "factor"),
    [("u2", 1), ("u2", 16), ("u2", 257), ("u4", 1), ("i2", 1), ("f4", 1), ("f8", 1), ("f8", 1 / 255)],
)
def test_a_tiff_of_any_depth_is_the_frame_of_8_bits(tmp_path, speckle, dtype, factor, samples, planar, order, inverted):
    if inverted and samples > 2:
        pytest.skip("colours have no white for zero")
    grey = speckle // 2
    values = grey.astype(np.float64) * factor
    if inverted:
        top = 65535 if factor in (16, 257) else 255 * factor
        values = top - values
    stored = with_channels(values.astype(dtype), samples, 1)
    photometric = 2 if samples > 2 else int(not inverted)
    frame = read_frame(tiff(tmp_path / "frame.tif", stored, photometric, order, planar))
    np.testing.assert_allclose(frame.pixels, grey, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("black", [1, 255, 65535])
def test_a_mask_in_white_for_zero_marks_what_is_white(tmp_path, ellipse, dtype, black):
    if black > np.iinfo(dtype).max:
        pytest.skip("does not fit")
    stored = np.where(ellipse, 0, black).astype(dtype)[..., None]
    mask, _ = read_mask(tiff(tmp_path / "mask.tif", stored, 0), ellipse.shape)[:2]
    np.testing.assert_array_equal(mask, ellipse)


def test_pages_in_white_for_zero_share_one_grey_scale(tmp_path, speckle):
    """One page is darker than any 8 bits of it could tell."""
    pages = [speckle.astype(np.uint16) * 100, speckle.astype(np.uint16)]
    whole = tmp_path / "loop.tif"
    images = [Image.fromarray(65535 - page) for page in pages]
    images[0].save(whole, save_all=True, append_images=images[1:], tiffinfo={262: 0})
    cine = open_cine(whole)
    for index, page in enumerate(pages):
        np.testing.assert_allclose(cine.read(index).pixels, page * (255 / 25500), atol=1e-2)


def test_a_tiff_that_nobody_reads_is_called_what_it_is(tmp_path, speckle):
    for values, photometric, words in (
        (np.repeat(speckle[..., None], 5, 2), 9, r"5 value\(s\) of 8 bits a pixel, colour model 9, compression def"),
        (speckle[..., None].astype("f8"), 8, "1 floating-point value.* 64 bits a pixel, Lab"),
    ):
        with pytest.raises(InputError, match=words):
            read_frame(tiff(tmp_path / "frame.tif", values, photometric))


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_grey_values_of_8_bits_in_a_wider_type_stay_as_they_are(tmp_path, speckle, dtype):
    frame = read_frame(write_volume(tmp_path / "frame.nrrd", (speckle // 2).astype(dtype)))
    np.testing.assert_array_equal(frame.pixels, speckle // 2)
    assert frame.warnings == ()


def test_fractions_are_stretched_with_a_warning(tmp_path, speckle):
    frame = read_frame(write_volume(tmp_path / "frame.mha", (speckle / 255 - 0.5).astype(np.float32)))
    np.testing.assert_allclose(frame.pixels, speckle, atol=1e-3)
    assert "-0.5 to 0.5" in frame.warnings[0]


def test_an_orientation_tag_is_named_and_not_followed(tmp_path, speckle):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter clockwise
    for name in ("frame.png", "frame.tif"):
        Image.fromarray(speckle).save(tmp_path / name, exif=exif)
    frame = read_frame(tmp_path / "frame.png")
    np.testing.assert_array_equal(frame.pixels, speckle)
    assert "not done here" in frame.warnings[0]
    with pytest.raises(InputError, match="save it again upright"):
        read_frame(tmp_path / "frame.tif")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused(tmp_path, speckle, bad):
    values = speckle.astype(np.float32)
    values[5, 5] = bad
    with pytest.raises(InputError, match="not numbers"):
        read_frame(write_volume(tmp_path / "frame.nrrd", values))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [(np.array([[7]], np.uint8), "1 x 1 pixels"), (np.full((9, 9), 80, np.uint8), "constant")],
)
def test_frames_without_anything_to_see_are_refused(tmp_path, values, sentence):
    Image.fromarray(values).save(tmp_path / "frame.png")
    with pytest.raises(InputError, match=sentence):
        read_frame(tmp_path / "frame.png")
    with pytest.raises(InputError, match=sentence):
        read_frame(write_volume(tmp_path / "frame.nrrd", values))


@pytest.mark.parametrize(("columns", "rows"), [(20000, 20000), (8001, 8001), (10001, 10000)])
def test_a_huge_picture_is_refused_by_its_header(tmp_path, capfd, columns, rows):
    with pytest.raises(InputError, match="too large"):
        read_frame(huge_png(tmp_path / "huge.png", columns, rows))
    assert capfd.readouterr() == ("", "")


def test_a_huge_volume_is_refused_by_its_header(tmp_path):
    sizes = b"sizes: 20000 20000\nencoding: raw\n\n"
    (tmp_path / "huge.nrrd").write_bytes(b"NRRD0004\ntype: unsigned char\ndimension: 2\n" + sizes + b"\0" * 9)
    mha = b"ObjectType = Image\nNDims = 2\nDimSize = 20000 20000\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    (tmp_path / "huge.mha").write_bytes(mha + b"\0" * 9)
    for name in ("huge.nrrd", "huge.mha"):
        with pytest.raises(InputError, match="20000 x 20000"):
            read_frame(tmp_path / name)


def test_what_is_no_file_or_no_image_is_said_in_one_sentence(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "notes.txt").write_text("BI-RADS 4a")
    (tmp_path / "notes.png").write_text("BI-RADS 4a")
    for name, sentence in {
        "absent.png": "There is no file",
        "": "is a folder",
        "empty.png": "is empty",
        "notes.txt": "no image of a kind that can be read",
        "notes.png": "no image of a kind that can be read",
    }.items():
        with pytest.raises(InputError, match=sentence) as caught:
            read_frame(tmp_path / name)
        assert str(caught.value).count("\n") == 0


def test_an_absent_data_file_of_a_header_is_an_input_error(tmp_path, speckle):
    path = write_volume(tmp_path / "frame.mhd", speckle)
    (tmp_path / "frame.raw").unlink()
    with pytest.raises(InputError, match="incomplete: there is no file frame"):
        read_frame(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(tmp_path, speckle):
    path = tmp_path / "frame.png"
    Image.fromarray(speckle).save(path)
    path.chmod(0)
    with pytest.raises(InputError, match="permission"):
        read_frame(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".nrrd", ".mha", ".nii", ".nii.gz"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.97])
def test_a_file_cut_short_is_refused_and_no_library_chatters(tmp_path, speckle, capfd, suffix, share):
    path = tmp_path / f"frame{suffix}"
    if suffix in VOLUMES:
        write_volume(path, speckle)
    else:
        Image.fromarray(speckle).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError):
        read_frame(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_a_compressed_volume_cut_short_is_refused(tmp_path, speckle, suffix):
    path = tmp_path / f"frame{suffix}"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(speckle), str(path), True)
    whole = path.read_bytes()
    path.write_bytes(whole[:-400])
    with pytest.raises(InputError, match="damaged or incomplete"):
        read_frame(path)


@pytest.mark.parametrize("suffix", [".png", ".nrrd", ".mha", ".nii", ".nii.gz", ".dcm"])
def test_rubbish_behind_a_known_suffix_is_refused_quietly(tmp_path, capfd, suffix):
    (tmp_path / f"frame{suffix}").write_bytes(np.random.default_rng(1).bytes(3000))
    with pytest.raises(InputError):
        read_frame(tmp_path / f"frame{suffix}")
    assert capfd.readouterr() == ("", "")


def test_a_gzipped_nifti_with_a_broken_checksum_is_refused(tmp_path, speckle):
    data = gzip.compress(write_volume(tmp_path / "frame.nii", speckle).read_bytes(), mtime=0)
    broken = bytearray(data)
    broken[len(data) // 2] ^= 0xFF
    (tmp_path / "broken.nii.gz").write_bytes(broken)
    with pytest.raises(InputError):
        read_frame(tmp_path / "broken.nii.gz")


def test_a_compressed_nifti_is_not_mixed_up_with_its_neighbour(tmp_path, speckle):
    write_volume(tmp_path / "frame.nii", 255 - speckle)
    np.testing.assert_array_equal(read_frame(write_volume(tmp_path / "frame.nii.gz", speckle)).pixels, speckle)
    np.testing.assert_array_equal(read_frame(tmp_path / "frame.nii").pixels, 255 - speckle.astype(np.float32))


frames_8_bit = arrays(np.uint8, st.tuples(st.integers(2, 9), st.integers(2, 9))).filter(lambda a: a.min() < a.max())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pixels=frames_8_bit, suffix=st.sampled_from([".png", ".bmp", ".tif", *VOLUMES]))
def test_any_8_bit_frame_comes_back_from_any_lossless_format(tmp_path, pixels, suffix):
    path = tmp_path / f"frame{suffix}"
    if suffix in VOLUMES:
        write_volume(path, pixels)
    else:
        Image.fromarray(pixels).save(path)
    np.testing.assert_array_equal(read_frame(path).pixels, pixels)
