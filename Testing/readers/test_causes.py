"""A file that cannot be read is called what it is, and lacks what it is said to lack."""

from __future__ import annotations

import bz2
import errno
import gzip
import os
import re
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.readers import files
from BreastMassXAILib.readers.cines import open_cine
from BreastMassXAILib.readers.frames import read_frame
from BreastMassXAILib.readers.inspection import inspect_file


def write_dicom(path: Path, pixels: np.ndarray, photometric: str = "MONOCHROME2", **tags: object) -> Path:
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.3", "US"
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = pixels[0, 0].size, photometric
    if pixels.ndim == 3:
        data.PlanarConfiguration = 0
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    for name, value in tags.items():
        setattr(data, name, value)
    data.PixelData = pixels.tobytes()
    data["PixelData"].VR = "OB"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path


def nifti(path: Path, speckle: np.ndarray) -> bytearray:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(speckle[None]), str(path))
    return bytearray(path.read_bytes())


def refused(path: Path) -> str:
    with pytest.raises(InputError) as found:
        read_frame(path)
    sentence = str(found.value)
    assert sentence.startswith(path.name) and "damaged" not in sentence and sentence.count("\n") == 0
    return sentence


@pytest.mark.parametrize(
    ("number", "name"), [(100, "MPEG2"), (102, "H.264"), (107, "HEVC"), (201, "High-Throughput"), (94, "JPIP")]
)
def test_a_transfer_syntax_is_called_by_its_name(tmp_path, speckle, number, name):
    path = write_dicom(tmp_path / "f.dcm", speckle, NumberOfFrames=30)
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = UID(f"1.2.840.10008.1.2.4.{number}")
    # The whole video is one fragment (PS3.5 A.4.5); of what is no video, each frame is.
    data.PixelData = encapsulate([b"\xff\x4f\xff\x51" + b"\0" * 500] * (1 if number < 200 and number > 99 else 30))
    data["PixelData"].is_undefined_length = True
    data.save_as(path)
    with pytest.raises(Exception, match=name) as found:
        read_frame(path, index=0)
    assert "incomplete" not in str(found.value) and "python-gdcm" not in str(found.value)


def test_compressions_that_the_name_or_the_format_hides(tmp_path, speckle):
    plain = nifti(tmp_path / "f.nii", speckle)
    (tmp_path / "f.nii").write_bytes(gzip.compress(plain))
    assert "compressed with gzip" in refused(tmp_path / "f.nii")
    (tmp_path / "f.nii").write_bytes(bz2.compress(plain))
    assert "compressed with bzip2" in refused(tmp_path / "f.nii")
    head = b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 56 40\nencoding: bzip2\n\n"
    (tmp_path / "f.nrrd").write_bytes(head + bz2.compress(speckle.tobytes()))
    assert "encoding bzip2" in refused(tmp_path / "f.nrrd")


def test_kinds_of_nifti_that_are_not_read(tmp_path, speckle):
    plain = nifti(tmp_path / "f.nii", speckle)
    sheared = bytearray(plain)
    struct.pack_into("<4f", sheared, 280, -0.12, 0.03, 0, 0)
    struct.pack_into("<2h", sheared, 252, 0, 1)
    # NIfTI-2: sizeof_hdr, magic, datatype, bits, dim (8 x int64), pixdim (from byte 104), vox_offset (at 168)
    second = bytearray(544)
    struct.pack_into("<i8shh8q", second, 0, 540, b"n+2\0\r\n\x1a\n", 2, 8, 2, 56, 40, 1, 1, 1, 1, 1)
    struct.pack_into("<8d", second, 104, *[1.0] * 8)
    struct.pack_into("<q", second, 168, 544)
    for content, word in ((sheared, "not at right angles"), (second + speckle.tobytes(), "NIfTI-2")):
        (tmp_path / "f.nii").write_bytes(content)
        assert word in refused(tmp_path / "f.nii")
        (tmp_path / "f.nii.gz").write_bytes(gzip.compress(content))
        assert word in refused(tmp_path / "f.nii.gz")


def test_a_sheared_nrrd_and_headers_without_their_pixels(tmp_path, speckle):
    head = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 56 40 1\nspace: left-posterior-superior\nencoding: raw\n"
    axes = "space directions: (0.1,0.03,0) (0,0.1,0) (0,0,1)\n\n"
    (tmp_path / "f.nrrd").write_bytes((head + axes).encode() + speckle.tobytes())
    assert "not at right angles" in refused(tmp_path / "f.nrrd")
    for name, other in (("f.mhd", "f.raw"), ("f.nhdr", "f.raw.gz")):
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(speckle), str(tmp_path / name), name == "f.nhdr")
        (tmp_path / other).unlink()
        assert re.search(rf"there is no file {other}|lie in {other}, which is missing", refused(tmp_path / name))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"PK\x03\x04" + b"\0" * 200, "zip archive"),
        (b"%PDF-1.4" + b"\0" * 200, "PDF"),
        (b"<!doctype html>" + b" " * 200, "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "Git LFS"),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 200, "video"),
        (b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 200, "WebP"),
    ],
)
@pytest.mark.parametrize("name", ["f.png", "f.nrrd", "f.xyz"])
def test_another_kind_of_file_is_named(tmp_path, content, word, name):
    (tmp_path / name).write_bytes(content)
    assert word in refused(tmp_path / name)


def test_a_full_folder_for_temporary_files_is_named_and_a_want_of_memory(tmp_path, speckle, monkeypatch):
    """A quota of the operating system stands for the full folder: no file may grow beyond 100 bytes."""
    if os.name == "nt":
        pytest.skip("no file size limits there")
    nifti(tmp_path / "f.nii.gz", speckle)
    import subprocess
    import sys

    script = f"""
import resource, signal, shutil, tempfile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
from pathlib import Path
from BreastMassXAILib.readers.frames import read_frame
try:
    read_frame(Path({str(tmp_path / "f.nii.gz")!r}))
except Exception as error:
    print(type(error).__name__, error)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert "f.nii.gz cannot be read: File too large" in done.stdout, done.stderr

    def failing(error):
        def fail(*arguments, **options):
            raise error

        return fail

    Image.fromarray(speckle).save(tmp_path / "f.png")
    for error, word in (
        (OSError(errno.ENOSPC, "No space left on device"), "because the disk is full"),
        (MemoryError(), "memory"),
        (RuntimeError("std::bad_alloc"), "memory"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    ):
        monkeypatch.setattr(Image, "open", failing(error))
        assert word in refused(tmp_path / "f.png")
    monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    monkeypatch.setattr(Image, "open", failing(OSError(errno.ENOSPC, "No space left on device")))
    assert "folder for temporary files is full" in refused(tmp_path / "f.png")


def test_numbers_that_are_none_cost_only_what_they_state(tmp_path, speckle):
    path = write_dicom(tmp_path / "f.dcm", speckle, PixelSpacing=["0.12", "0.12"], FrameTime="40.0")
    path.write_bytes(path.read_bytes().replace(b"0.12\\0.12 ", b"0,12\\0,12 ").replace(b"40.0", b"4o.0"))
    frame = read_frame(path)
    np.testing.assert_array_equal(frame.pixels, speckle)
    assert not frame.spacing.known and "Pixel Spacing is no pair of numbers" in frame.warnings[0]


def test_4_2_2_that_is_not_subsampled_is_read_as_it_is(tmp_path, speckle):
    values = np.dstack([speckle, np.full_like(speckle, 128), np.full_like(speckle, 128)])
    frame = read_frame(write_dicom(tmp_path / "f.dcm", values, photometric="YBR_FULL_422"))
    np.testing.assert_array_equal(frame.pixels, speckle)
    assert "without subsampling" in frame.warnings[0]


def test_a_loop_that_begins_with_black_frames_is_looked_at_where_there_is_something(tmp_path, speckle):
    loop = np.stack([speckle * 0, speckle * 0, speckle])
    path = tmp_path / "loop.nrrd"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(loop), str(path))
    index, frame = open_cine(path).first_readable()
    assert index == 2
    np.testing.assert_array_equal(frame.pixels, speckle)
    report = inspect_file(path)
    assert not report.error and report.frames == 3
    assert "on the first 2 of the 3 frames" in report.warnings[-1]
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(loop * 0), str(path))
    assert "constant" in inspect_file(path).error


def test_what_a_header_names_is_shown_in_one_line_and_no_longer(tmp_path, speckle):
    rows, columns = speckle.shape
    head = f"NDims = 2\nDimSize = {columns} {rows}\nElementType = MET_UCHAR\nElementDataFile = "
    (tmp_path / "f.mha").write_bytes(head.encode() + b"\xce\x83\xe9" + b"x" * 700 + b".raw\n")
    head = f"NRRD0004\ntype: uint8\ndimension: 2\nsizes: {columns} {rows}\nencoding: ra\x85\xad{'w' * 90}\n\n"
    (tmp_path / "f.nrrd").write_bytes(head.encode("latin-1"))
    for name in ("f.mha", "f.nrrd"):
        sentence = refused(tmp_path / name)
        assert sentence.isprintable() and len(sentence) < 300


def test_a_matrix_beyond_all_numbers_is_not_called_sheared():
    import warnings

    from BreastMassXAILib.readers.causes import is_sheared

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not is_sheared(np.diag([1e200, 1.0, 1.0])) and not is_sheared(np.full((3, 3), np.inf))
    assert is_sheared(np.array([[1, 0.1, 0], [0, 1, 0], [0, 0, 1]]))
