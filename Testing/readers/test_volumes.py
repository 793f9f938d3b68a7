"""Headers of volumes: which files hold the pixels, and which way is up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.readers.cines import open_cine
from BreastMassXAILib.readers.frames import read_frame, read_frame_and_mask

HEAD = "ObjectType = Image\nNDims = {n}\nDimSize = {size}\nElementSpacing = {mm}\nElementType = {kind}\n"


@pytest.fixture
def loop(speckle) -> np.ndarray:
    return np.stack([np.roll(speckle, 7 * k, axis=1) for k in range(5)])


def header(path: Path, data: str, dims: int = 3, kind: str = "MET_UCHAR", **fields: str) -> Path:
    size, mm = ("56 40 5", "0.1 0.1 1") if dims == 3 else ("56 40", "0.1 0.1")
    more = "".join(f"{name} = {value}\n" for name, value in fields.items())
    path.write_text(HEAD.format(n=dims, size=size, mm=mm, kind=kind) + more + f"ElementDataFile = {data}")
    return path


def slices(folder: Path, loop: np.ndarray) -> None:
    for k, pixels in enumerate(loop):
        (folder / f"s{k}.raw").write_bytes(pixels.tobytes())


def names(count: int) -> str:
    return "".join(f"s{k}.raw\n" for k in range(count))


@pytest.mark.parametrize("data", ["LIST\n" + names(5), "LIST 2D\n" + names(5), "s%d.raw 0 4 1"])
def test_lists_of_files_are_slices(tmp_path, loop, data):
    slices(tmp_path, loop)
    cine = open_cine(header(tmp_path / "f.mhd", data))
    np.testing.assert_array_equal([frame.pixels for frame in cine], loop)


@pytest.mark.parametrize(
    ("data", "dims", "message"),
    [
        ("LIST\n" + names(3), 3, "names 3 files of pixels, where its size asks for 5"),
        ("LIST\n" + names(5) + "s0.raw\n", 3, "names 6 files of pixels"),
        ("LIST\n", 3, "names 0 files of pixels"),
        ("s%d.raw 0 2 1", 3, "names 3 files of pixels"),
        ("s%d.raw 0 4 2", 3, "names 3 files of pixels"),
        ("s%d.raw", 3, "names 1 files of pixels"),
        ("s%s.raw 0 4 1", 3, "does not say which files"),
        ("s%d.raw 0 x 1", 3, "does not say which files"),
        ("LIST\n" + names(1), 2, "names 1 files of pixels, where its size asks for 40"),
        ("LIST\n" + names(4) + "none.raw\n", 3, "there is no file none.raw"),
        ("LIST\n" + names(4) + "short.raw\n", 3, "short.raw ends before its last pixel"),
        ("s0.raw", 3, "s0.raw ends before its last pixel"),
        ("none.raw", 3, "there is no file none.raw"),
        ("LOCAL\n" + "x" * 100, 3, "ends before its last pixel"),
    ],
)
def test_lists_and_files_that_are_too_short_are_refused(tmp_path, loop, data, dims, message):
    slices(tmp_path, loop)
    (tmp_path / "short.raw").write_bytes(b"x" * 100)
    path = header(tmp_path / "f.mhd", data, dims)
    for _ in range(3):  # what lay in memory before is not to be seen
        with pytest.raises(InputError, match=message):
            open_cine(path)


@pytest.mark.parametrize("kind", ["MET_USHORT", "MET_FLOAT", "MET_DOUBLE", "MET_LONG_LONG"])
def test_wider_types_need_longer_files(tmp_path, loop, kind):
    (tmp_path / "all.raw").write_bytes(loop.tobytes())
    with pytest.raises(InputError, match=r"all\.raw ends before"):
        open_cine(header(tmp_path / "f.mhd", "all.raw", kind=kind))


def test_a_raw_nrrd_that_is_cut_off_is_refused(tmp_path, loop):
    head = b"NRRD0004\ntype: unsigned char\ndimension: 3\nsizes: 56 40 5\nencoding: raw\n\n"
    (tmp_path / "f.nrrd").write_bytes(head + loop.tobytes()[:-1])
    with pytest.raises(InputError, match="ends before its last pixel"):
        open_cine(tmp_path / "f.nrrd")
    (tmp_path / "f.raw").write_bytes(loop.tobytes())
    detached = head.replace(b"raw\n\n", b"raw\ndata file: f.raw\n\n")
    (tmp_path / "f.nhdr").write_bytes(detached)
    np.testing.assert_array_equal([frame.pixels for frame in open_cine(tmp_path / "f.nhdr")], loop)
    (tmp_path / "f.nhdr").write_bytes(detached.replace(b"40 5", b"40 65536"))
    with pytest.raises(InputError, match=r"f\.raw ends before its last pixel"):
        open_cine(tmp_path / "f.nhdr")


def test_a_sequence_of_volumes_or_a_list_in_between_is_refused(tmp_path, loop):
    between = "between other axes"
    for sizes, kinds, message in (
        ("56 40 5 2", "domain domain domain list", "sequence of volumes"),
        ("56 2 40", "domain list domain", between),
        ("3 2 56 40", "vector list domain domain", between),
        ("2 3 56 40", "list vector domain domain", between),  # was read as a loop of other pixels
        ("2 3 56 40", "list RGB-color domain domain", between),
    ):
        head = (
            f"NRRD0005\ntype: uint8\ndimension: {len(sizes.split())}\nsizes: {sizes}\nkinds: {kinds}\nencoding: raw\n\n"
        )
        (tmp_path / "f.seq.nrrd").write_bytes(head.encode() + loop.tobytes() * 2)
        with pytest.raises(InputError, match=message):
            open_cine(tmp_path / "f.seq.nrrd")


@pytest.mark.parametrize("kind", ["vector", "RGB-color", "3-color"])
def test_a_list_of_colours_is_a_loop_of_colours(tmp_path, loop, kind):
    colours = np.repeat(loop[..., None], 3, axis=3)
    head = f"NRRD0005\ntype: uint8\ndimension: 5\nsizes: 3 56 40 1 {len(loop)}\n"
    head += f"kinds: {kind} domain domain domain list\nencoding: raw\n\n"
    (tmp_path / "f.seq.nrrd").write_bytes(head.encode() + colours.tobytes())
    np.testing.assert_array_equal([frame.pixels for frame in open_cine(tmp_path / "f.seq.nrrd")], loop)


@pytest.mark.parametrize(
    ("size", "told"), [("0.3 0.3", True), ("0.1 0.2", False), ("1 1", False), ("0.1004 0.2", False)]
)
def test_an_element_size_that_is_another_than_the_spacing_is_told(tmp_path, loop, size, told):
    head = "ObjectType = Image\nNDims = 2\nDimSize = 56 40\nElementSpacing = 0.1 0.2\n"
    head += f"ElementSize = {size}\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    (tmp_path / "f.mha").write_bytes(head.encode() + loop[0].tobytes())
    frame = read_frame(tmp_path / "f.mha")
    assert frame.spacing.mm() == (0.2, 0.1)
    notes = [text for text in frame.warnings if "two pixel sizes" in text]
    assert len(notes) == told and all("0.1 x 0.2 mm" in text and "0.3 x 0.3 mm" in text for text in notes)


def fading(rows: int = 120, columns: int = 90) -> np.ndarray:
    """Tissue that is bright at the skin."""
    rng = np.random.default_rng(4)
    values = rng.integers(60, 140, (rows, columns)) * np.linspace(1.7, 0.4, rows)[:, None]
    return np.clip(values, 0, 255).astype(np.uint8)


def nifti(path: Path, pixels: np.ndarray, has_form: bool, to_front: bool = False) -> Path:
    image = SimpleITK.GetImageFromArray(pixels[None])
    image.SetSpacing((0.1, 0.1, 1.0))
    if to_front:
        image.SetDirection((1, 0, 0, 0, -1, 0, 0, 0, 1))
    SimpleITK.WriteImage(image, str(path))
    if not has_form:
        data = bytearray(path.read_bytes())
        data[252:256] = b"\0\0\0\0"
        path.write_bytes(bytes(data))
    return path


def test_nifti_rows_are_turned_as_the_header_says_and_else_as_the_picture_says(tmp_path):
    upright = fading()
    for name, stored, has_form, to_front, says in (
        ("a.nii", upright, True, False, ""),
        ("b.nii", upright[::-1].copy(), True, True, "the rows run to the front"),
        ("c.nii", upright, False, False, "states no orientation: the first stored row"),
        ("d.nii", upright[::-1].copy(), False, False, "looks upside down as it is stored"),
    ):
        path = nifti(tmp_path / name, stored, has_form, to_front)
        frame = read_frame(path)
        np.testing.assert_array_equal(frame.pixels, upright, err_msg=name)
        assert not says or any(says in text for text in frame.warnings), (name, frame.warnings)
        assert bool(frame.warnings) == bool(says)
        # A mask that the same program wrote lies on the same stored rows.
        mask = np.zeros(upright.shape, np.uint8)
        mask[20:50, 30:60] = 1
        turned = name in ("b.nii", "d.nii")
        other = nifti(tmp_path / f"m{name}", mask[::-1].copy() if turned else mask, has_form, to_front)
        np.testing.assert_array_equal(read_frame_and_mask(path, other)[1], mask > 0)


@pytest.mark.parametrize("name", ["f.png", "f.nrrd", "f.mha"])
def test_a_frame_that_looks_upside_down_is_told_and_can_be_turned(tmp_path, name):
    image = SimpleITK.GetImageFromArray(fading()[::-1].copy())
    SimpleITK.WriteImage(image, str(tmp_path / name))
    assert any("looks upside down" in text and "--flip rows" in text for text in read_frame(tmp_path / name).warnings)
    turned = read_frame(tmp_path / name, flip_rows=True)
    np.testing.assert_array_equal(turned.pixels, fading())
    assert not any("looks upside down" in text for text in turned.warnings)
