"""One frame and one mask through every container, depth, colour model and orientation: always the same pixels.

What is expected is computed from the pixels that were written, never stored.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from BreastMassXAILib.readers.cines import open_cine, open_frames
from BreastMassXAILib.readers.frames import read_frame, read_frame_and_mask
from BreastMassXAILib.readers.masks import read_masks

ROW_MM, COLUMN_MM, SLICE_MM = 0.08, 0.11, 0.5
AXIAL = np.eye(3)
CORONAL = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)
"""Direction cosines of columns, rows and slices, as columns: rows run down, slices to the back."""
SAGITTAL = np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]], float)
_TILT = np.radians(20)
OBLIQUE = np.array([[1, 0, 0], [0, np.cos(_TILT), -np.sin(_TILT)], [0, np.sin(_TILT), np.cos(_TILT)]])
PLANES = {"axial": AXIAL, "coronal": CORONAL, "sagittal": SAGITTAL, "oblique": OBLIQUE}
ORIGIN = np.array([7.0, -12.0, 31.0])

Writer = Callable[[Path, np.ndarray], Path]


def volume(
    path: Path,
    array: np.ndarray,
    directions: np.ndarray = AXIAL,
    origin: np.ndarray | None = None,
    vector: bool = False,
    compress: bool = False,
    **metadata: str,
) -> Path:
    """`array` has the shape (slices, rows, columns[, components])."""
    image = SimpleITK.GetImageFromArray(array, isVector=vector)
    if image.GetDimension() == 3:
        image.SetSpacing((COLUMN_MM, ROW_MM, SLICE_MM))
        image.SetDirection(directions.ravel().tolist())
        image.SetOrigin((np.zeros(3) if origin is None else origin).tolist())
    else:
        image.SetSpacing((COLUMN_MM, ROW_MM))
    for key, value in metadata.items():
        image.SetMetaData(key, value)
    SimpleITK.WriteImage(image, str(path), compress)
    return path


def turned(
    path: Path,
    array: np.ndarray,
    directions: np.ndarray = AXIAL,
    origin: np.ndarray = ORIGIN,
    flips: tuple[int, ...] = (),
    order: tuple[int, int, int] = (0, 1, 2),
) -> Path:
    """`array` (slices, rows, columns), which lies in space as `directions` and `origin` say, stored mirrored along the
    axes `flips` and with its axes in another order; the header says so."""
    steps = np.array([SLICE_MM, ROW_MM, COLUMN_MM])
    vectors = directions[:, ::-1].copy()  # of slices, rows, columns
    place = origin.astype(float)
    for axis in flips:
        place = place + vectors[:, axis] * steps[axis] * (array.shape[axis] - 1)
        vectors[:, axis] *= -1
    stored = np.ascontiguousarray(np.flip(array, flips).transpose(order))
    image = SimpleITK.GetImageFromArray(stored)
    image.SetSpacing([float(steps[axis]) for axis in reversed(order)])
    image.SetDirection(vectors[:, list(reversed(order))].ravel().tolist())
    image.SetOrigin(place.tolist())
    SimpleITK.WriteImage(image, str(path), True)
    return path


def nrrd_list(path: Path, frames: np.ndarray, kinds: str, colours: bool = False) -> Path:
    """A sequence as Slicer (list last, a slice axis of one) and PLUS (no slice axis) write them."""
    count, rows, columns = frames.shape[:3]
    vector = ["vector"] if colours else []
    sizes: list[int] = [3] if colours else []
    names, directions = list(vector), ["none"] * len(vector)
    for kind in kinds:
        sizes.append({"c": columns, "r": rows, "s": 1, "l": count}[kind])
        names.append("list" if kind == "l" else "domain")
        directions.append({"c": f"({COLUMN_MM},0,0)", "r": f"(0,{ROW_MM},0)", "s": "(0,0,1)", "l": "none"}[kind])
    header = (
        f"NRRD0005\ntype: uint8\ndimension: {len(sizes)}\nspace: left-posterior-superior\n"
        f"sizes: {' '.join(map(str, sizes))}\nspace directions: {' '.join(directions)}\nkinds: {' '.join(names)}\n"
        "encoding: raw\nspace origin: (0,0,0)\nDataNodeClassName:=vtkMRMLScalarVolumeNode\n\n"
    )
    data = np.ascontiguousarray(np.moveaxis(frames, 0, -1) if kinds[0] == "l" else frames)
    path.write_bytes(header.encode() + data.tobytes())
    return path


def nifti_without_form(path: Path, pixels: np.ndarray) -> Path:
    volume(path, pixels[None])
    data = bytearray(path.read_bytes())
    data[252:256] = b"\0\0\0\0"  # qform_code, sform_code
    path.write_bytes(bytes(data))
    return path


def dicom(path: Path, pixels: np.ndarray, syntax: str = ExplicitVRLittleEndian, **tags) -> Path:
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.3.4", "US"
    samples = 3 if pixels.ndim == 3 and pixels.shape[-1] == 3 else 1
    data.Rows, data.Columns = pixels.shape[:2] if samples == 3 or pixels.ndim == 2 else pixels.shape[1:]
    data.SamplesPerPixel, data.PhotometricInterpretation = samples, "RGB" if samples == 3 else "MONOCHROME2"
    if samples == 3:
        data.PlanarConfiguration = 0
    if samples == 1 and pixels.ndim == 3:
        data.NumberOfFrames = len(pixels)
    bits = pixels.dtype.itemsize * 8
    data.BitsAllocated = data.BitsStored = bits
    data.HighBit, data.PixelRepresentation = bits - 1, int(pixels.dtype.kind == "i")
    data.PixelSpacing = [ROW_MM, COLUMN_MM]
    for name, value in tags.items():
        setattr(data, name, value)
    if "PixelData" not in data:
        data.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    data["PixelData"].VR = "OW" if bits > 8 else "OB"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if syntax == RLELossless:
        data.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    elif syntax == JPEG2000Lossless:
        beside = path.with_suffix(".j2k")
        Image.fromarray(pixels).save(beside, format="JPEG2000", irreversible=False)
        data.PixelData = encapsulate([beside.read_bytes()])
        data["PixelData"].is_undefined_length = True
        data.file_meta.TransferSyntaxUID = UID(syntax)
    else:
        data.file_meta.TransferSyntaxUID = UID(syntax)
    big = syntax == ExplicitVRBigEndian
    if big and bits > 8:
        data.PixelData = pixels.astype(">u2").tobytes()
    pydicom.dcmwrite(
        path, data, enforce_file_format=True, little_endian=not big, implicit_vr=syntax == ImplicitVRLittleEndian
    )
    return path


def picture(path: Path, pixels: np.ndarray, **options) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def rgb(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels[..., None], 3, axis=2)


def palette(path: Path, pixels: np.ndarray) -> Path:
    """Entries in another order than the greys that they stand for."""
    image = Image.fromarray(255 - pixels)
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([255 - entry // 3 for entry in range(768)])
    image.save(path)
    return path


def wide(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.uint16) * 257


TIFF = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits")
NUMBERS = (np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64)
SUFFIXES = ("nrrd", "nhdr", "mha", "mhd", "nii", "nii.gz")

FRAMES: dict[str, tuple[str, Writer]] = {
    "png": ("f.png", lambda p, g: picture(p, g)),
    "png rgb": ("f.png", lambda p, g: picture(p, rgb(g))),
    "png rgba": ("f.png", lambda p, g: picture(p, np.dstack([rgb(g), np.full_like(g, 255)]))),
    "png grey alpha": ("f.png", lambda p, g: picture(p, np.dstack([g, np.full_like(g, 255)]))),
    "png palette": ("f.png", palette),
    "png 16 bits": ("f.png", lambda p, g: picture(p, wide(g))),
    "bmp": ("f.bmp", lambda p, g: picture(p, g)),
    "bmp rgb": ("f.bmp", lambda p, g: picture(p, rgb(g))),
    **{f"tiff {c}": ("f.tif", lambda p, g, c=c: picture(p, g, compression=c)) for c in TIFF},
    **{f"tiff rgb {c}": ("f.tif", lambda p, g, c=c: picture(p, rgb(g), compression=c)) for c in TIFF},
    "tiff 16 bits": ("f.tif", lambda p, g: picture(p, wide(g))),
    "tiff float": ("f.tif", lambda p, g: picture(p, g.astype(np.float32))),
    **{
        f"{s} {np.dtype(t).name}": (f"f.{s}", lambda p, g, t=t: volume(p, g.astype(t)[None]))
        for s in SUFFIXES
        for t in NUMBERS
    },
    **{f"{s} flat": (f"f.{s}", lambda p, g: volume(p, g)) for s in SUFFIXES},
    **{f"{s} compressed": (f"f.{s}", lambda p, g: volume(p, g[None], compress=True)) for s in SUFFIXES},
    **{f"{s} rgb": (f"f.{s}", lambda p, g: volume(p, rgb(g)[None], vector=True)) for s in SUFFIXES},
    **{f"{s} stretched": (f"f.{s}", lambda p, g: volume(p, g[None] / np.float32(255))) for s in SUFFIXES},
    **{
        f"{s} {plane}": (f"f.{s}", lambda p, g, d=d: volume(p, g[None], d, ORIGIN))
        for s in SUFFIXES
        for plane, d in PLANES.items()
    },
    "nifti to the front": ("f.nii.gz", lambda p, g: turned(p, g[None], flips=(1,))),
    "nifti upwards": ("f.nii.gz", lambda p, g: turned(p, g[None], CORONAL, flips=(1,))),
    "nifti without form": ("f.nii", nifti_without_form),
    "plus far": ("f.mha", lambda p, g: volume(p, g[None], UltrasoundImageOrientation="MFA")),
    "plus near": ("f.mha", lambda p, g: volume(p, g[None, ::-1].copy(), UltrasoundImageOrientation="MNA")),
    "sequence of one": ("f.seq.nrrd", lambda p, g: nrrd_list(p, g[None], "crsl")),
    "sequence of one, list first": ("f.seq.nrrd", lambda p, g: nrrd_list(p, g[None], "lcrs")),
    "dicom": ("f.dcm", lambda p, g: dicom(p, g)),
    "dicom implicit": ("f.dcm", lambda p, g: dicom(p, g, ImplicitVRLittleEndian)),
    "dicom big": ("f.dcm", lambda p, g: dicom(p, g, ExplicitVRBigEndian)),
    "dicom deflated": ("f.dcm", lambda p, g: dicom(p, g, DeflatedExplicitVRLittleEndian)),
    "dicom rle": ("f.dcm", lambda p, g: dicom(p, g, RLELossless)),
    "dicom jpeg 2000": ("f.dcm", lambda p, g: dicom(p, g, JPEG2000Lossless)),
    "dicom inverse": ("f.dcm", lambda p, g: dicom(p, 255 - g, PhotometricInterpretation="MONOCHROME1")),
    "dicom rgb": ("f.dcm", lambda p, g: dicom(p, rgb(g))),
    "dicom planes": (
        "f.dcm",
        lambda p, g: dicom(p, rgb(g), PlanarConfiguration=1, PixelData=g.tobytes() * 3),
    ),
    "dicom 16 bits": ("f.dcm", lambda p, g: dicom(p, wide(g))),
}


def segmented(path: Path, array: np.ndarray, vector: bool = False, **more: str) -> Path:
    fields = {"ID": "Segment_1", "Name": "mass", "LabelValue": "1", "Layer": "0"}
    return volume(path, array, vector=vector, **{f"Segment0_{key}": value for key, value in fields.items()}, **more)


def cropped(path: Path, mask: np.ndarray) -> Path:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return segmented(path, part[None].copy(), Segmentation_ReferenceImageExtentOffset=f"{columns[0]} {rows[0]} 0")


def layered(path: Path, mask: np.ndarray) -> Path:
    other = np.zeros_like(mask)
    other[:5] = 1
    fields = {"ID": "Segment_2", "Name": "skin", "LabelValue": "1", "Layer": "1"}
    more = {f"Segment1_{key}": value for key, value in fields.items()}
    return segmented(path, np.stack([mask, other], axis=-1)[None], True, **more)


def fractional(path: Path, mask: np.ndarray) -> Path:
    values = (mask.astype(np.int16) * 216 - 108).astype(np.int8)[None]
    return segmented(path, values, Segmentation_MasterRepresentation="Fractional labelmap")


def dicom_segmentation(path: Path, mask: np.ndarray, fraction: int = 0) -> Path:
    items = []
    for number, label in enumerate(("Skin", "Mass"), start=1):
        item = Dataset()
        item.SegmentNumber, item.SegmentLabel = number, label
        items.append(item)
    groups = []
    for number in (1, 2):
        group, reference = Dataset(), Dataset()
        reference.ReferencedSegmentNumber = number
        group.SegmentIdentificationSequence = [reference]
        groups.append(group)
    skin = np.zeros_like(mask)
    skin[:4] = 1
    frames = np.stack([skin, mask])
    tags = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4", "SegmentSequence": items}
    tags |= {"PerFrameFunctionalGroupsSequence": groups, "NumberOfFrames": 2}
    if fraction:
        tags |= {"SegmentationType": "FRACTIONAL", "MaximumFractionalValue": fraction}
        return dicom(path, frames * np.uint8(fraction), **tags)
    bits = np.packbits(frames.ravel(), bitorder="little").tobytes()
    tags |= {"SegmentationType": "BINARY", "BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}
    return dicom(path, frames, **tags, PixelData=bits + b"\0" * (len(bits) % 2))


def coloured(mask: np.ndarray, colour: tuple[int, ...], around: tuple[int, ...] | None = None) -> np.ndarray:
    values = np.zeros((*mask.shape, len(colour)), np.uint8)
    if around:
        values[:] = around
    values[mask > 0] = colour
    return values


def palette_mask(path: Path, mask: np.ndarray) -> Path:
    image = Image.fromarray(mask)
    image.putpalette([0, 0, 0, 128, 0, 0])
    image.save(path)
    return path


MASKS: dict[str, tuple[str, Writer]] = {
    "png bit": ("m.png", lambda p, m: Image.fromarray(m * 255).convert("1").save(p)),
    **{f"png {v}": ("m.png", lambda p, m, v=v: picture(p, m * np.uint8(v))) for v in (1, 128, 255)},
    "png red": ("m.png", lambda p, m: picture(p, coloured(m, (200, 0, 0)))),
    "png rgba": ("m.png", lambda p, m: picture(p, coloured(m, (0, 90, 0, 255), (0, 0, 0, 255)))),
    "png on nothing": ("m.png", lambda p, m: picture(p, coloured(m, (255, 255, 255, 140), (255, 255, 255, 0)))),
    "png black on nothing": ("m.png", lambda p, m: picture(p, coloured(m, (0, 0, 0, 255), (0, 0, 0, 0)))),
    "png grey alpha": ("m.png", lambda p, m: picture(p, np.dstack([m * 255, np.full_like(m, 255)]))),
    "png palette": ("m.png", palette_mask),
    "png 16 bits": ("m.png", lambda p, m: picture(p, wide(m * 255))),
    "bmp": ("m.bmp", lambda p, m: picture(p, m * 255)),
    **{f"tiff {c}": ("m.tif", lambda p, m, c=c: picture(p, m * 255, compression=c)) for c in TIFF},
    "jpeg": ("m.jpg", lambda p, m: picture(p, m * 255, quality=90)),
    "jpeg as png": ("m.png", lambda p, m: picture(p, np.asarray(Image.open(picture(p.with_suffix(".jpg"), m * 255))))),
    **{
        f"{s} {np.dtype(t).name}": (f"m.{s}", lambda p, m, t=t: volume(p, m.astype(t)[None]))
        for s in SUFFIXES
        for t in NUMBERS
    },
    **{f"{s} flat": (f"m.{s}", lambda p, m: volume(p, m)) for s in SUFFIXES},
    **{f"{s} probability": (f"m.{s}", lambda p, m: volume(p, np.where(m, 0.97, 1e-6)[None])) for s in SUFFIXES},
    **{f"{s} rgb": (f"m.{s}", lambda p, m: volume(p, rgb(m * 255)[None], vector=True)) for s in SUFFIXES},
    "seg.nrrd": ("m.seg.nrrd", lambda p, m: segmented(p, m[None])),
    "seg.nrrd cropped": ("m.seg.nrrd", cropped),
    "seg.nrrd layers": ("m.seg.nrrd", layered),
    "seg.nrrd fractional": ("m.seg.nrrd", fractional),
    "dicom": ("m.dcm", lambda p, m: dicom(p, m)),
    "dicom 255": ("m.dcm", lambda p, m: dicom(p, m * 255)),
    "dicom 16 bits": ("m.dcm", lambda p, m: dicom(p, wide(m))),
    "dicom rle": ("m.dcm", lambda p, m: dicom(p, m, RLELossless)),
    "dicom inverse": ("m.dcm", lambda p, m: dicom(p, 255 - m * 255, PhotometricInterpretation="MONOCHROME1")),
    "dicom rgb": ("m.dcm", lambda p, m: dicom(p, coloured(m, (0, 0, 180)))),
    "dicom seg": ("m.dcm", dicom_segmentation),
    "dicom seg fractional": ("m.dcm", lambda p, m: dicom_segmentation(p, m, 200)),
}


THOROUGH = ("png", "nrrd uint8", "nii.gz int16", "dicom", "plus near", "nifti to the front", "mha oblique")
"""These frames get the masks in every form, the others A_FEW."""
A_FEW = ("png 255", "jpeg", "seg.nrrd cropped", "nii.gz uint8", "mha flat", "dicom seg")


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, Path]:
    """The mask in every form."""
    rows, columns = np.mgrid[:40, :56]
    mask = (((rows - 14) / 7) ** 2 + ((columns - 33) / 11) ** 2 <= 1).astype(np.uint8)
    paths = {}
    for number, (key, (name, write)) in enumerate(MASKS.items()):
        folder = tmp_path_factory.mktemp(f"mask{number}")
        write(folder / name, mask)
        paths[key] = folder / name
    return paths


@pytest.mark.parametrize("container", FRAMES)
def test_a_frame_and_its_mask_in_every_form(tmp_path, speckle, ellipse, written, container):
    name, write = FRAMES[container]
    write(tmp_path / name, speckle)
    # Masks lie on the plain axial grid at the origin; a header that puts the frame elsewhere contradicts theirs.
    elsewhere = container.split()[-1] in PLANES or container in ("nifti to the front", "nifti upwards")
    for key, path in written.items() if container in THOROUGH else ((key, written[key]) for key in A_FEW):
        flat = "flat" in key and not key.startswith("nii")  # NIfTI's forms are in 3D, whatever the image is
        geometry = path.suffix not in (".png", ".bmp", ".tif", ".jpg", ".dcm") and not flat
        if elsewhere and geometry:
            continue  # see the tests below
        frame, mass, _ = read_frame_and_mask(tmp_path / name, path)
        np.testing.assert_allclose(frame.pixels, speckle, atol=1e-3, err_msg=f"{container}, {key}")
        # The header of a MetaImage or NRRD file lays it on the stored rows, which PLUS counts towards the probe.
        with_it = container == "plus near" and (geometry or key.startswith("mh"))
        np.testing.assert_array_equal(mass, ellipse[::-1] if with_it else ellipse, err_msg=f"{container}, {key}")


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("suffix", ["nrrd", "mha", "nii.gz"])
@pytest.mark.parametrize("flips", [(), (1,), (2,), (1, 2), (0, 1, 2)])
def test_a_mask_that_is_stored_in_another_sense_comes_onto_its_frame(tmp_path, speckle, ellipse, plane, suffix, flips):
    frame = volume(tmp_path / "f.nrrd", speckle[None], PLANES[plane], ORIGIN)
    mask = ellipse.astype(np.uint8)[None]
    path = turned(tmp_path / f"m.{suffix}", mask, PLANES[plane], flips=flips)
    pixels, mass, _ = read_frame_and_mask(frame, path)
    np.testing.assert_array_equal(pixels.pixels, speckle)
    np.testing.assert_array_equal(mass, ellipse)
    warned = any("turned to the frame" in text for text in pixels.warnings)
    assert warned == bool(set(flips) & {1, 2})


ORDERS = list(itertools.permutations((0, 1, 2)))


@pytest.mark.parametrize("suffix", ["nrrd", "nii.gz"])
@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("flips", [(), (0,), (1,), (2,), (0, 1), (0, 1, 2)], ids=str)
def test_a_volumes_mask_in_any_order_of_axes_and_slices(tmp_path, speckle, ellipse, suffix, order, flips):
    loop = np.stack([np.roll(speckle, 3 * k, axis=1) for k in range(5)])
    masks = np.stack([np.roll(ellipse, 2 * k, axis=1) for k in range(5)])
    masks[3] = False
    frame = volume(tmp_path / "f.mha", loop, OBLIQUE, ORIGIN)
    path = turned(tmp_path / f"m.{suffix}", masks.astype(np.uint8), OBLIQUE, flips=flips, order=order)
    for axis, cut in ((0, masks), (1, masks.transpose(1, 0, 2)), (2, masks.transpose(2, 1, 0))):
        cine, onto = open_frames(frame, None, axis)
        found = dict(read_masks(path, onto.at(0, cine.read(0))))
        assert sorted(found) == np.flatnonzero(cut.any(axis=(1, 2))).tolist()
        for index, mass in found.items():
            np.testing.assert_array_equal(mass, cut[index])
    for index in (0, 4):
        _, mass, _ = read_frame_and_mask(frame, path, index)
        np.testing.assert_array_equal(mass, masks[index])


@pytest.mark.parametrize("kinds", ["crsl", "crl", "lcrs", "lcr"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("colours", [False, True], ids=["grey", "rgb"])
def test_sequences_of_any_length_are_loops(tmp_path, speckle, kinds, count, colours):
    if colours and kinds[0] == "l":
        pytest.skip("no program writes a list before a colour")
    loop = np.stack([np.roll(speckle, 3 * k, axis=1) for k in range(count)])
    values = np.repeat(loop[..., None], 3, axis=3) if colours else loop
    path = nrrd_list(tmp_path / "loop.seq.nrrd", values, kinds, colours)
    cine = open_cine(path)
    assert len(cine) == count
    np.testing.assert_array_equal([frame.pixels for frame in cine], loop)
    assert cine.read(0).spacing.mm() == pytest.approx((ROW_MM, COLUMN_MM))


def test_rows_are_turned_by_request_with_a_mask_that_has_no_geometry(tmp_path, speckle, ellipse):
    picture(tmp_path / "f.png", speckle[::-1].copy())
    picture(tmp_path / "m.png", ellipse[::-1].astype(np.uint8))
    dicom(tmp_path / "f.dcm", speckle[::-1].copy())
    volume(tmp_path / "f.nrrd", speckle[None, ::-1].copy())
    volume(tmp_path / "m.nrrd", ellipse[None, ::-1].astype(np.uint8))
    for name, mask in itertools.product(("f.png", "f.dcm", "f.nrrd"), ("m.png", "m.nrrd")):
        frame, mass, _ = read_frame_and_mask(tmp_path / name, tmp_path / mask, flip_rows=True)
        np.testing.assert_array_equal(frame.pixels, speckle, err_msg=name)
        np.testing.assert_array_equal(mass, ellipse, err_msg=f"{name} {mask}")
        assert any("as was asked for" in text for text in frame.warnings)
    twice = turned(tmp_path / "t.nii.gz", speckle[None], flips=(1,))
    np.testing.assert_array_equal(read_frame(twice, flip_rows=True).pixels, speckle[::-1])
