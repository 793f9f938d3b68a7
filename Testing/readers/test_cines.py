"""Loops and stacks: every frame in its order, one grey scale, bounded memory, and millimetres that may change."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.frame import Provenance, Spacing
from BreastMassXAILib.readers.cines import open_cine
from BreastMassXAILib.readers.frames import read_frame


def write_loop(path: Path, frames: np.ndarray, compress: bool = False, **tags) -> Path:
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = "1.2.840.10008.5.1.4.1.1.3.1", generate_uid(), "US"
    data.NumberOfFrames, data.Rows, data.Columns = frames.shape
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 7
    data.PixelData = frames.tobytes()
    data["PixelData"].VR = "OB"
    for name, value in tags.items():
        setattr(data, name, value)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if compress:
        data.compress(RLELossless)
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path


@pytest.fixture
def loop(speckle) -> np.ndarray:
    return np.stack([np.roll(speckle, shift, axis=1) for shift in range(6)])


@pytest.mark.parametrize("compress", [False, True], ids=["native", "RLE"])
def test_each_frame_of_a_dicom_loop_is_found(tmp_path, loop, compress):
    cine = open_cine(write_loop(tmp_path / "loop.dcm", loop, compress, FrameTime="40"))
    assert len(cine) == 6
    np.testing.assert_array_equal([frame.pixels for frame in cine], loop)
    np.testing.assert_array_equal(cine.read(4).pixels, loop[4])  # out of order
    np.testing.assert_allclose(cine.times_s, np.arange(6) * 0.04)


@pytest.mark.parametrize(
    ("tags", "times"),
    [
        ({"FrameTimeVector": [0, 10, 30, 10, 10, 10]}, [0, 0.01, 0.04, 0.05, 0.06, 0.07]),
        ({"RecommendedDisplayFrameRate": 50}, np.arange(6) / 50),
        ({"CineRate": 25}, np.arange(6) / 25),
        ({}, None),
        ({"FrameTime": "0"}, None),
    ],
)
def test_times_come_from_whatever_tag_tells_them(tmp_path, loop, tags, times):
    cine = open_cine(write_loop(tmp_path / "loop.dcm", loop, **tags))
    if times is None:
        assert cine.times_s is None
    else:
        np.testing.assert_allclose(cine.times_s, times)


def test_a_scale_that_changes_within_the_loop_is_followed_and_said(tmp_path, loop):
    groups = []
    for size in (0.1, 0.1, 0.1, 0.2, 0.2, 0.2):
        measures, group = Dataset(), Dataset()
        measures.PixelSpacing = [size, size]
        group.PixelMeasuresSequence = [measures]
        groups.append(group)
    cine = open_cine(write_loop(tmp_path / "zoom.dcm", loop, PerFrameFunctionalGroupsSequence=groups))
    assert cine.read(2).spacing == Spacing(0.1, 0.1, Provenance.DICOM_PIXEL_SPACING)
    assert cine.read(3).spacing == Spacing(0.2, 0.2, Provenance.DICOM_PIXEL_SPACING)
    assert any("scale changes within the loop" in warning for warning in cine.warnings)


def test_one_frame_of_a_loop_is_chosen_by_its_number(tmp_path, loop):
    path = write_loop(tmp_path / "loop.dcm", loop)
    np.testing.assert_array_equal(read_frame(path, index=5).pixels, loop[5])
    with pytest.raises(InputError, match=r"6 frames.*--frame 1 to 6"):
        read_frame(path)
    with pytest.raises(InputError, match="no frame 7"):
        read_frame(path, index=6)


def test_a_loop_with_missing_frames_is_refused(tmp_path, loop):
    for compress in (False, True):
        path = write_loop(tmp_path / "loop.dcm", loop, compress)
        path.write_bytes(path.read_bytes()[:-3000])
        with pytest.raises(InputError, match=r"incomplete|damaged"):
            open_cine(path)


def test_an_enhanced_us_volume_is_refused_with_the_way_out(tmp_path, loop):
    path = write_loop(tmp_path / "volume.dcm", loop, SOPClassUID="1.2.840.10008.5.1.4.1.1.6.2")
    with pytest.raises(InputError, match=r"Enhanced US Volume.*export"):
        open_cine(path)


@pytest.mark.parametrize("compress", [False, True], ids=["native", "RLE"])
def test_memory_does_not_grow_with_the_loop(tmp_path, compress):
    rng = np.random.default_rng(3)
    peaks = []
    for count in (20, 200):
        frames = np.repeat(rng.integers(0, 256, (count, 64, 16), dtype=np.uint8), 8, axis=2)
        cine = open_cine(write_loop(tmp_path / f"{count}.dcm", frames, compress))
        cine.read(0)
        tracemalloc.start()
        for frame in cine:
            del frame
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 200_000


def test_pages_of_a_tiff_are_frames_on_one_grey_scale(tmp_path, speckle):
    wide = np.stack([speckle.astype(np.uint16) * 10, speckle.astype(np.uint16) * 100])
    pages = [Image.fromarray(page) for page in wide]
    pages[0].save(tmp_path / "loop.tif", save_all=True, append_images=pages[1:])
    cine = open_cine(tmp_path / "loop.tif")
    assert len(cine) == 2 and not cine.read(0).spacing.known
    np.testing.assert_allclose(cine.read(0).pixels, speckle / 10, atol=1e-3)
    np.testing.assert_allclose(cine.read(1).pixels, speckle, atol=1e-3)


def test_a_page_of_another_size_is_refused(tmp_path, speckle):
    pages = [Image.fromarray(speckle), Image.fromarray(speckle[:20])]
    pages[0].save(tmp_path / "loop.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(InputError, match=r"Image 2.*another size"):
        open_cine(tmp_path / "loop.tif").read(1)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii.gz"])
def test_a_volume_is_cut_along_any_axis_with_depth_along_its_rows(tmp_path, loop, suffix):
    image = SimpleITK.GetImageFromArray(loop)
    image.SetSpacing((0.11, 0.08, 0.5))  # columns, rows, slices
    path = tmp_path / f"volume{suffix}"
    SimpleITK.WriteImage(image, str(path))
    stored = open_cine(path)
    np.testing.assert_array_equal([frame.pixels for frame in stored], loop)
    assert stored.read(0).spacing.mm() == pytest.approx((0.08, 0.11))
    across = open_cine(path, axis=2)
    assert len(across) == 56
    np.testing.assert_array_equal(across.read(7).pixels, loop[:, :, 7].T)
    assert across.read(7).spacing.mm() == pytest.approx((0.08, 0.5))
    parallel = open_cine(path, axis=1)
    np.testing.assert_array_equal(parallel.read(3).pixels, loop[:, 3, :])
    assert parallel.read(3).spacing.mm() == pytest.approx((0.5, 0.11))
    assert any("order of the slices" in warning for warning in parallel.warnings)
    with pytest.raises(InputError, match="axis 0, 1 or 2"):
        open_cine(path, axis=3)


def test_a_sequence_of_one_slice_volumes_is_a_loop(tmp_path, loop):
    header = b"NRRD0004\ntype: unsigned char\ndimension: 4\nsizes: 56 40 1 6\nencoding: raw\n\n"
    (tmp_path / "loop.seq.nrrd").write_bytes(header + loop.tobytes())
    np.testing.assert_array_equal([frame.pixels for frame in open_cine(tmp_path / "loop.seq.nrrd")], loop)


def test_a_picture_is_a_loop_of_one(tmp_path, speckle):
    Image.fromarray(speckle).save(tmp_path / "frame.png")
    assert len(open_cine(tmp_path / "frame.png")) == 1
    with pytest.raises(InputError, match="no volume"):
        open_cine(tmp_path / "frame.png", axis=1)
