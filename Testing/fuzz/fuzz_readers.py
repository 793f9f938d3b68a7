"""Damaged files for every reader: no crash, no hang, no wrong result, every refusal a sentence.

And whole files, written in random containers and orientations: never another number for the same pixels.

    python Testing/fuzz/fuzz_readers.py --cases 10000 --seed 0

Each case takes a small valid file, damages it (cut off, bits and fields changed, pieces moved, tags and numbers set to
senseless values, directions in space turned, checksums put right again so that the damage goes deep) and reads it as a
frame, loop and mask, alone and together with whole ones, in a worker process with little memory. Manifests are damaged,
too. A worker that dies or takes longer than the limit is a finding, as is any exception outside our own family. Every
SAME-th case is a whole file of pixels that are known. The same seed gives the same cases. Unix only (memory limit).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import resource
import struct
import sys
import tempfile
import time
import unicodedata
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

sys.path.insert(0, str(Path(__file__).parent))

from same_pixels import compare

from BreastMassXAILib.cohorts.manifest import check_manifest, read_manifest
from BreastMassXAILib.core.errors import BreastMassXAIError
from BreastMassXAILib.core.frame import MAX_PIXELS, Frame
from BreastMassXAILib.readers.cines import open_cine, open_frames
from BreastMassXAILib.readers.dicom import regions_of
from BreastMassXAILib.readers.files import Kind, identify
from BreastMassXAILib.readers.frames import read_frame, read_frame_and_mask
from BreastMassXAILib.readers.masks import read_mask, read_masks

SHAPE = (40, 56)
LIMIT_S = 5.0
MEMORY_BYTES = 4 << 30
FRAMES_READ = 3
SAME = 8
UNPRINTABLE = ("Cc", "Cn", "Co", "Cs", "Zl", "Zp")
"""Unicode's categories of characters that no sentence holds."""

WHOLE = Path()
"""Where whole files lie that damaged ones are read together with."""

EXTREMES = (0, 1, 2, 3, 7, 8, 16, 255, 256, 65535, 65536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
NUMBERS = (
    "0",
    "-1",
    "1",
    "2",
    "3",
    "65536",
    "2147483647",
    "4294967296",
    "1e308",
    "1e-320",
    "nan",
    "inf",
    "-0.5",
    "x",
    "",
)


# --- Valid files -----------------------------------------------------------------------------------------------------


def write_seeds(folder: Path) -> list[Path]:
    """One small valid file for each format and variant; every name says which it is."""
    rng = np.random.default_rng(7)
    grey = rng.integers(0, 256, SHAPE).astype(np.uint8)
    colour = np.repeat(grey[..., None], 3, axis=2)
    colour[8:20, 10:24] = (220, 30, 20)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    mask = (((rows - 14) / 7) ** 2 + ((columns - 33) / 11) ** 2 <= 1).astype(np.uint8)
    _write_pictures(folder, grey, colour, mask)
    _write_volumes(folder, grey, colour, mask)
    _write_dicoms(folder, grey, colour, mask)
    _write_masks(folder, grey, mask)
    _write_manifest(folder)
    return sorted(path for path in folder.iterdir() if path.suffix not in (".raw", ".gz") or ".nii" in path.name)


def _write_masks(folder: Path, grey: np.ndarray, mask: np.ndarray) -> None:
    """Masks that are more than zero and one, and headers that say where pixels lie."""
    soft = (mask * 200).astype(np.uint8)
    soft[1:, :][mask[:-1] > mask[1:]] = 90
    Image.fromarray(soft).save(folder / "mask-soft.png")
    labels = mask.copy()
    labels[:4] = 2
    palette = Image.fromarray(labels)
    palette.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
    palette.save(folder / "mask-palette.png")
    Image.fromarray(np.dstack([mask * 255, mask * 0, mask * 0, mask * 180])).save(folder / "mask-alpha.png")
    for suffix in ("nrrd", "mha", "nii", "nii.gz"):
        for name, array in (
            ("mask-labels", labels[None]),
            ("mask-loop", np.stack([mask, np.roll(mask, 3, axis=0), mask])),
        ):
            image = SimpleITK.GetImageFromArray(array)
            image.SetSpacing((0.11, 0.08, 0.5))
            image.SetDirection((1, 0, 0, 0, 0, 1, 0, -1, 0))
            image.SetOrigin((7.0, -12.0, 31.0))
            SimpleITK.WriteImage(image, str(folder / f"{name}.{suffix}"))
    fractional = SimpleITK.GetImageFromArray((mask.astype(np.int16) * 216 - 108).astype(np.int8)[None, 5:25, 20:46])
    fields = {"Segment0_ID": "a", "Segment0_Name": "mass", "Segment0_LabelValue": "1", "Segment0_Layer": "0"}
    fields |= {"Segmentation_MasterRepresentation": "Fractional labelmap"}
    for key, value in (fields | {"Segmentation_ReferenceImageExtentOffset": "20 5 0"}).items():
        fractional.SetMetaData(key, value)
    SimpleITK.WriteImage(fractional, str(folder / "mask-fractional.seg.nrrd"))
    for name, sizes, kinds in (
        ("last", "56 40 1 3", "domain domain domain list"),
        ("first", "3 56 40", "list domain domain"),
    ):
        header = (
            f"NRRD0005\ntype: uint8\ndimension: {len(sizes.split())}\nsizes: {sizes}\nkinds: {kinds}\nencoding: raw\n\n"
        )
        loop = np.stack([grey, 255 - grey, np.roll(grey, 5, axis=1)], axis=0 if name == "last" else -1)
        (folder / f"list-{name}.seq.nrrd").write_bytes(header.encode() + loop.tobytes())
    for number in range(3):
        (folder / f"slice{number}.raw").write_bytes(np.roll(grey, number, axis=1).tobytes())
    head = (
        "ObjectType = Image\nNDims = 3\nDimSize = 56 40 3\nUltrasoundImageOrientation = MNA\nElementType = MET_UCHAR\n"
    )
    names = "".join(f"slice{number}.raw\n" for number in range(3))
    (folder / "list.mhd").write_text(f"{head}ElementDataFile = LIST\n{names}")
    (folder / "pattern.mhd").write_text(f"{head}ElementDataFile = slice%d.raw 0 2 1\n")
    items, groups = [], []
    for number, label in ((1, "Skin"), (2, "Mass")):
        item, group, reference = Dataset(), Dataset(), Dataset()
        item.SegmentNumber, item.SegmentLabel, reference.ReferencedSegmentNumber = number, label, number
        group.SegmentIdentificationSequence = [reference]
        items.append(item)
        groups.append(group)
    tags = {"SegmentSequence": items, "PerFrameFunctionalGroupsSequence": groups, "SegmentationType": "FRACTIONAL"}
    tags |= {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4", "MaximumFractionalValue": 200}
    segmentation = dicom(np.stack([labels * 0 + 100, mask * 200]).astype(np.uint8), **tags)
    pydicom.dcmwrite(folder / "mask-segments.dcm", segmentation, enforce_file_format=True)


def _write_manifest(folder: Path) -> None:
    (folder / "manifest.csv").write_text(
        "identifier,image,mask,label,patient,spacing_row_mm,spacing_col_mm,partition,frame,segment,flip\n"
        "a,grey.png,mask.png,malignant,p1,0.1,0.1,1,,,\n"
        "b,colour.png,mask-palette.png,benign,p2,0.1,0.12,1,,1,rows\n"
        "c,loop.nrrd,mask.png,1,p3,,,2,3,,\n"
        ",,,,,,,,,,\n"
        'd,"grey.bmp",mask.png; mask-soft.png,0,p4,0.1,0.1,2,,,\n'
    )


def _write_pictures(folder: Path, grey: np.ndarray, colour: np.ndarray, mask: np.ndarray) -> None:
    picture = Image.fromarray(grey)
    for name in ("grey.png", "grey.bmp", "grey.jpg", "grey.tif"):
        picture.save(folder / name)
    Image.fromarray(colour).save(folder / "colour.png")
    Image.fromarray(colour).save(folder / "colour.jpg")
    picture.convert("P").save(folder / "palette.png")
    Image.fromarray(grey.astype(np.uint16) * 200).save(folder / "wide.png")
    Image.fromarray(grey.astype(np.uint16) * 200).save(folder / "wide.tif")
    Image.fromarray(np.dstack([colour, grey])).save(folder / "alpha.png")
    pages = [Image.fromarray(np.roll(grey, shift, axis=1)) for shift in range(3)]
    for compression in ("raw", "tiff_adobe_deflate", "tiff_lzw", "packbits", "jpeg"):
        pages[0].save(
            folder / f"pages-{compression}.tif", save_all=True, append_images=pages[1:], compression=compression
        )
    Image.fromarray(mask * 255).save(folder / "mask.png")


def _write_volumes(folder: Path, grey: np.ndarray, colour: np.ndarray, mask: np.ndarray) -> None:
    loop = np.stack([grey, 255 - grey, np.roll(grey, 5, axis=1)])
    for suffix in ("nrrd", "mha", "nii", "nii.gz", "mhd", "nhdr"):
        for name, array in (("grey", grey), ("loop", loop), ("wide", loop.astype(np.float32) / 7)):
            image = SimpleITK.GetImageFromArray(array)
            image.SetSpacing((0.11, 0.08, 1.0)[: image.GetDimension()])
            SimpleITK.WriteImage(image, str(folder / f"{name}.{suffix}"), suffix in ("nrrd", "mha") and name == "wide")
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(colour, isVector=True), str(folder / f"colour.{suffix}"))
    segments = SimpleITK.GetImageFromArray(mask[None])
    for key, value in {"ID": "a", "Name": "mass", "LabelValue": "1", "Layer": "0"}.items():
        segments.SetMetaData(f"Segment0_{key}", value)
    segments.SetMetaData("Segmentation_ReferenceImageExtentOffset", "0 0 0")
    SimpleITK.WriteImage(segments, str(folder / "mask.seg.nrrd"), True)


def _write_dicoms(folder: Path, grey: np.ndarray, colour: np.ndarray, mask: np.ndarray) -> None:
    loop = np.stack([grey, 255 - grey, np.roll(grey, 5, axis=1)])
    names = [f"{each}PaletteColorLookupTable" for each in ("Red", "Green", "Blue")]
    palette = {f"{name}Descriptor": [256, 0, 8] for name in names} | {
        f"{name}Data": bytes(range(256)) for name in names
    }
    ybr = np.dstack([grey, np.full_like(grey, 140), np.full_like(grey, 110)])
    kinds: dict[str, Dataset] = {
        "grey": dicom(grey),
        "inverse": dicom(grey, PhotometricInterpretation="MONOCHROME1"),
        "rgb": dicom(colour, PhotometricInterpretation="RGB"),
        "ybr": dicom(ybr, PhotometricInterpretation="YBR_FULL"),
        "palette": dicom(grey, PhotometricInterpretation="PALETTE COLOR", **palette),
        "wide": dicom(grey.astype(np.uint16) * 16, BitsStored=12, HighBit=11),
        "signed": dicom(grey.astype(np.int16) * 100 - 9000),
        "loop": dicom(loop, FrameTime="33.3"),
        "plain": dicom(grey, SequenceOfUltrasoundRegions=[], PixelSpacing=[0.07, 0.09]),
        "mask": dicom(mask),
    }
    kinds["implicit"] = dicom(grey)
    kinds["implicit"].file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    kinds["deflated"] = dicom(grey)
    kinds["deflated"].file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    for name in ("grey", "wide", "loop", "palette"):
        kinds[f"rle-{name}"] = pydicom.Dataset(kinds[name])
        kinds[f"rle-{name}"].file_meta = FileMetaDataset(kinds[name].file_meta)
        kinds[f"rle-{name}"].compress(RLELossless, generate_instance_uid=False)
    for syntax, form in ((JPEGBaseline8Bit, "JPEG"), (JPEG2000Lossless, "JPEG2000")):
        data = dicom(loop, FrameTimeVector=[0, 33.3, 33.3])
        path = folder / "frame.tmp"
        frames = []
        for frame in loop:
            Image.fromarray(frame).save(path, format=form)
            frames.append(path.read_bytes())
        path.unlink()
        data.PixelData = encapsulate(frames)
        data["PixelData"].is_undefined_length = True
        data.file_meta.TransferSyntaxUID = syntax
        kinds[form.lower()] = data
    groups = []
    for size in (0.08, 0.08, 0.12):
        measures, group = Dataset(), Dataset()
        measures.PixelSpacing = [size, size]
        group.PixelMeasuresSequence = [measures]
        groups.append(group)
    kinds["zoom"] = dicom(loop, SequenceOfUltrasoundRegions=[], PerFrameFunctionalGroupsSequence=groups)
    for name, data in kinds.items():
        pydicom.dcmwrite(folder / f"{name}.dcm", data, enforce_file_format=True)
    for name in ("grey", "wide", "loop"):
        for syntax in ("JPEGLosslessProcess14_1", "JPEGLSLossless"):
            _compress_with_gdcm(folder / f"{name}.dcm", folder / f"{syntax.lower()}-{name}.dcm", syntax)


def _compress_with_gdcm(source: Path, target: Path, syntax: str) -> None:
    """JPEG lossless and JPEG-LS, which neither pydicom nor pillow write."""
    import gdcm

    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(source))
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    if not reader.Read():
        raise RuntimeError(f"gdcm cannot read {source}")
    change.SetInput(reader.GetImage())
    if not change.Change():
        raise RuntimeError(f"gdcm cannot compress {source}")
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    if not writer.Write():
        raise RuntimeError(f"gdcm cannot write {target}")
    data, written = pydicom.dcmread(source), pydicom.dcmread(target)
    # All but the pixels is the source's: gdcm writes the time and new identifiers each time.
    data.PixelData = written.PixelData
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = written.file_meta.TransferSyntaxUID
    data.save_as(target)


def dicom(pixels: np.ndarray, **tags) -> Dataset:
    """An ultrasound image, or loop when `pixels` has three axes of which the last is no colour, with two regions."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.3.4", "US"
    samples = 3 if pixels.shape[-1] == 3 else 1
    frames = pixels.shape[0] if pixels.ndim == 3 and samples == 1 else 1
    data.Rows, data.Columns = pixels.shape[-2:] if samples == 1 else pixels.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = samples, "MONOCHROME2"
    if samples == 3:
        data.PlanarConfiguration = 0
    if frames > 1:
        data.NumberOfFrames = frames
    bits = pixels.dtype.itemsize * 8
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    data.SequenceOfUltrasoundRegions = [_region(0, 27), _region(28, 55)]
    data.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    data["PixelData"].VR = "OW" if bits > 8 else "OB"
    for name, value in tags.items():
        setattr(data, name, value)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return data


def _region(left: int, right: int) -> Dataset:
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMaxX1 = left, right
    item.RegionLocationMinY0, item.RegionLocationMaxY1 = 2, 37
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX, item.PhysicalDeltaY = 0.008, 0.009
    item.ReferencePixelX0, item.ReferencePixelY0 = 0, 0
    item.ReferencePixelPhysicalValueX = item.ReferencePixelPhysicalValueY = 0.0
    return item


# --- Damage ----------------------------------------------------------------------------------------------------------


def damage(rng: np.random.Generator, data: bytes, name: str, others: list[bytes]) -> bytes:
    """One to four changes of a kind that suits the format."""
    changes: list[Callable[[np.random.Generator, bytearray], bytearray]] = [
        _cut, _flip, _flip, _field, _field, _field, _remove, _repeat, _insert, _swap,
    ]  # fmt: skip
    if name.endswith(("nrrd", "nhdr", "mha", "mhd", "csv")):
        changes += [_number] * 12
    if name.endswith(("nrrd", "nhdr", "mha", "mhd", "nii")):
        changes += [_turn] * 4
    if name.endswith(".dcm") and rng.random() < 0.5:
        data = _tags(rng, data)
        if rng.random() < 0.6:
            return data
    if rng.random() < 0.03:
        other = others[rng.integers(len(others))]
        at = int(rng.integers(1, len(data)))
        return data[:at] + other[at:]
    damaged = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        if damaged:
            damaged = changes[rng.integers(len(changes))](rng, damaged)
    if name.endswith(".png") and rng.random() < 0.7:
        damaged = _with_right_sums(damaged)
    return bytes(damaged)


def _place(rng: np.random.Generator, data: bytearray) -> int:
    """Anywhere, but every other time among the first bytes, where headers are."""
    return int(rng.integers(len(data) if rng.random() < 0.5 else min(len(data), 400)))


def _cut(rng: np.random.Generator, data: bytearray) -> bytearray:
    return data[: int(rng.integers(len(data)))]


def _flip(rng: np.random.Generator, data: bytearray) -> bytearray:
    for _ in range(rng.integers(1, 9)):
        data[_place(rng, data)] ^= 1 << int(rng.integers(8))
    return data


def _field(rng: np.random.Generator, data: bytearray) -> bytearray:
    size = int(rng.choice([1, 2, 4, 8]))
    value = int(rng.choice(EXTREMES)) & (256**size - 1)
    at = _place(rng, data)
    data[at : at + size] = value.to_bytes(size, str(rng.choice(["little", "big"])))  # type: ignore[arg-type]
    return data


def _remove(rng: np.random.Generator, data: bytearray) -> bytearray:
    at = _place(rng, data)
    del data[at : at + int(rng.integers(1, 60))]
    return data


def _repeat(rng: np.random.Generator, data: bytearray) -> bytearray:
    at, size = _place(rng, data), int(rng.integers(1, 200))
    data[at:at] = data[at : at + size] * int(rng.integers(1, 4))
    return data


def _insert(rng: np.random.Generator, data: bytearray) -> bytearray:
    at = _place(rng, data)
    data[at:at] = rng.bytes(int(rng.integers(1, 40)))
    return data


def _swap(rng: np.random.Generator, data: bytearray) -> bytearray:
    one, other, size = _place(rng, data), _place(rng, data), int(rng.integers(1, 30))
    data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]
    return data


def _number(rng: np.random.Generator, data: bytearray) -> bytearray:
    """Another number in a header of text."""
    head = bytes(data[:600])
    found = list(re.finditer(rb"-?\d+(\.\d+)?", head))
    if not found:
        return data
    match = found[int(rng.integers(len(found)))]
    data[match.start() : match.end()] = str(rng.choice(NUMBERS)).encode()
    return data


def _turn(rng: np.random.Generator, data: bytearray) -> bytearray:
    """Another direction in space, as text or as NIfTI's forms."""
    if data[344:347] == b"n+1":
        data[252:256] = struct.pack("<hh", *(int(code) for code in rng.integers(0, 3, 2)))
        matrix = np.eye(3)[rng.permutation(3)] * rng.choice([-1, 1, 0.08, -0.11], (3, 1))
        rows = np.hstack([matrix, rng.normal(0, 20, (3, 1))])
        data[280:328] = struct.pack("<12f", *rows.ravel())
        return data
    vectors = np.eye(3)[rng.permutation(3)] * rng.choice([-1, 1, 0.08, -0.11], (3, 1))
    if rng.random() < 0.2:
        vectors[int(rng.integers(3))] = rng.normal(0, 1, 3)
    spaced = " ".join("(" + ",".join(f"{part:g}" for part in vector) + ")" for vector in vectors)
    flat = " ".join(f"{part:g}" for part in vectors.ravel())
    head, rest = bytes(data[:2000]), bytes(data[2000:])
    head = re.sub(rb"(?m)^space directions:.*$", b"space directions: " + spaced.encode(), head)
    head = re.sub(rb"(?m)^TransformMatrix =.*$", b"TransformMatrix = " + flat.encode(), head)
    letters = str(rng.choice(["MFA", "MNA", "UFD", "UN", "XX", ""])).encode()
    head = re.sub(rb"(?m)^UltrasoundImageOrientation =.*$", b"UltrasoundImageOrientation = " + letters, head)
    return bytearray(head + rest)


def _tags(rng: np.random.Generator, data: bytes) -> bytes:
    """Senseless values in tags that the reader looks at, written as a whole file again where pydicom can."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with tempfile.SpooledTemporaryFile() as file:
            file.write(data)
            file.seek(0)
            dataset = pydicom.dcmread(file)
        items = [dataset, *(dataset.get("SequenceOfUltrasoundRegions") or ())]
        for _ in range(rng.integers(1, 4)):
            item = items[int(rng.integers(len(items)))]
            names = [each.keyword for each in item if each.keyword and each.VR != "SQ" and each.keyword != "PixelData"]
            name = names[int(rng.integers(len(names)))]
            element = item[name]
            if rng.random() < 0.1:
                del item[name]
            elif element.VR in ("US", "UL", "SS", "SL"):
                limit = 0xFFFF if element.VR in ("US", "SS") else 0xFFFFFFFF
                element.value = int(rng.choice(EXTREMES)) & (limit if element.VR[0] == "U" else limit >> 1)
            elif element.VR == "FD":
                element.value = float(rng.choice([0, -0.01, 1e-300, 1e300, np.nan, np.inf, -np.inf, 3.0]))
            elif element.VR in ("IS", "DS"):
                item[name]._value = str(rng.choice(NUMBERS))
            elif element.VR == "CS":
                choices = ["MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR", "US", "?"]
                element.value = str(rng.choice(choices))
            elif element.VR in ("OB", "OW"):
                element.value = element.value[: int(rng.integers(len(element.value) + 1)) & ~1]
        try:
            with tempfile.SpooledTemporaryFile() as file:
                pydicom.dcmwrite(file, dataset)
                file.seek(0)
                return file.read()
        except Exception:
            return data


def _with_right_sums(data: bytearray) -> bytearray:
    """Recompute a PNG's checksums, so that a decoder looks at what was changed."""
    at = 8
    while at + 12 <= len(data):
        length = struct.unpack(">I", data[at : at + 4])[0]
        if at + 12 + length > len(data):
            break
        data[at + 8 + length : at + 12 + length] = struct.pack(">I", zlib.crc32(data[at + 4 : at + 8 + length]))
        at += 12 + length
    return data


# --- Judgement -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """`read` or `refused` are fine; `wrong` and `error` are findings, as `crash` and `hang` of the parent are."""

    outcome: str
    detail: str = ""


def use_whole_files(folder: Path) -> None:
    """Tell where :func:`write_seeds` wrote."""
    global WHOLE
    WHOLE = folder


def judge(path: Path, heartbeat: Callable[[], None] = lambda: None) -> Verdict:
    """Read a file in every way, each of which has the time limit to itself, and say what came of it."""
    outcomes = []
    ways = (_read_manifest,) if path.suffix == ".csv" else (_read_loop, _read_single, _read_mask, _read_pair)
    for way in ways:
        outcomes.append(_attempt(path, way))
        heartbeat()
    for bad in ("error", "wrong"):
        for each in outcomes:
            if each.outcome == bad:
                return each
    return next((each for each in outcomes if each.outcome == "read"), outcomes[0])


def _attempt(path: Path, way: Callable[[Path], str]) -> Verdict:
    try:
        wrong = way(path)
    except BreastMassXAIError as error:
        text = str(error)
        plain = all(unicodedata.category(each) not in UNPRINTABLE for each in text)
        sentence = text.endswith(".") and " " in text and len(text) < 600 and plain
        return Verdict("refused", text) if sentence else Verdict("wrong", f"no sentence: {text!r}")
    except BaseException as error:
        return Verdict("error", f"{way.__name__}: {type(error).__name__}: {error}")
    return Verdict("wrong", f"{way.__name__}: {wrong}") if wrong else Verdict("read")


def _read_loop(path: Path) -> str:
    cine = open_cine(path)
    if identify(path) is Kind.DICOM:
        regions_of(path)
    if cine.times_s is not None and (len(cine.times_s) != len(cine) or not np.isfinite(cine.times_s).all()):
        return "times that do not fit the frames"
    wrong, refusals = "", []
    for index in range(min(len(cine), FRAMES_READ)):
        try:
            wrong = wrong or _fault(cine.read(index), path)
        except BreastMassXAIError as error:
            refusals.append(error)
    if refusals and not wrong:
        raise refusals[0]
    return wrong


def _read_single(path: Path) -> str:
    return _fault(read_frame(path, point=(20, 30)), path)


def _read_mask(path: Path) -> str:
    mask = read_mask(path, SHAPE).pixels
    fits = mask.shape == SHAPE and mask.dtype == bool and mask.any()
    return "" if fits else f"a mask of {mask.shape}, {mask.dtype}"


def _read_pair(path: Path) -> str:
    """The file as a frame with a whole mask, or as the masks of a whole loop."""
    refusals = 0
    for index in (None, 1):
        try:
            frame, mass, _ = read_frame_and_mask(path, WHOLE / "mask.png", index, flip_rows=index is None)
            if mass.shape != frame.shape or not mass.any():
                return "a mask that does not fit its frame"
        except BreastMassXAIError as error:
            refusals, last = refusals + 1, error
    for name, segments in (("loop.nrrd", ()), ("wide.nii.gz", ("1",)), ("loop.dcm", ("mass",))):
        try:
            cine, onto = open_frames(WHOLE / name)
            found = read_masks(path, onto.at(0, cine.read(0)), segments).found
            if any(not 0 <= index < len(cine) or mask.shape != SHAPE for index, mask in found.items()):
                return "masks that do not fit their loop"
        except BreastMassXAIError as error:
            refusals, last = refusals + 1, error
    if refusals == 5:
        raise last
    return ""


def _read_manifest(path: Path) -> str:
    data, check = read_manifest(path), check_manifest(path)
    if check.good > check.rows or len(data.records) + len(data.skipped) != check.rows:
        return f"{check.rows} rows, {len(data.records)} cases and {len(data.skipped)} left out"
    names = [record.identifier for record in data.records]
    return "an absolute path as identifier" if any(Path(name).is_absolute() for name in names) else ""


def _read_same(seed: int, case: int, folder: Path) -> Verdict:
    """A whole case of random pixels."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        try:
            wrong = compare(np.random.default_rng([seed, case, SAME]), Path(name))
        except BaseException as error:
            return Verdict("error", f"whole files: {type(error).__name__}: {error}")
    return Verdict("wrong", wrong) if wrong else Verdict("read")


def _fault(frame: Frame, path: Path) -> str:
    """What is wrong with a frame; its size is compared with what the header says to another reader than ours."""
    stated = stated_size(path)
    if stated is not None and frame.shape != stated:
        return f"the header says {stated}, the frame has {frame.shape}"
    if frame.pixels.dtype != np.float32 or frame.pixels.size > MAX_PIXELS or not np.isfinite(frame.pixels).all():
        return "pixels that are no grey values"
    if frame.pixels.min() < 0 or frame.pixels.max() > 255:
        return f"grey values from {frame.pixels.min()} to {frame.pixels.max()}"
    if frame.scan_area is not None and (frame.scan_area.shape != frame.shape or not frame.scan_area.any()):
        return "a scan area that does not fit"
    if frame.spacing.known and not all(0 < size < 1e5 for size in frame.spacing.mm()):
        return f"a spacing of {frame.spacing.mm()}"
    if not all(text.endswith(".") and text.isprintable() for text in frame.warnings):
        return f"a warning that is no sentence: {frame.warnings}"
    return ""


def stated_size(path: Path) -> tuple[int, int] | None:
    """Rows and columns by the header alone, for the formats whose header says it in one place."""
    data = path.read_bytes()
    if data[128:132] == b"DICM":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        return int(header.Rows), int(header.Columns)
    if data.startswith(b"\x89PNG"):
        columns, rows = struct.unpack(">II", data[16:24])
        return rows, columns
    if data.startswith(b"BM"):
        columns, rows = struct.unpack("<ii", data[18:26])
        return abs(rows), columns
    if data.startswith(b"NRRD"):
        lines = re.findall(rb"^sizes:\s*(.*)$", data[:4000], flags=re.MULTILINE)
        sizes = [int(each) for each in lines[-1].split() if each.isdigit()] if lines else []
        return (sizes[1], sizes[0]) if len(sizes) == 2 else None
    return None


# --- Workers ---------------------------------------------------------------------------------------------------------


def damaged_file(case: int, seed: int, seeds: list[Path], contents: list[bytes], folder: Path) -> Path:
    rng = np.random.default_rng([seed, case])
    which = int(rng.integers(len(seeds)))
    # Detached headers find their data by the name that is in them, so they lie where the seeds lie.
    path = (
        seeds[0].parent if seeds[which].suffix in (".mhd", ".nhdr", ".csv") else folder
    ) / f"case{case}-{seeds[which].name}"
    path.write_bytes(damage(rng, contents[which], seeds[which].name, contents))
    return path


def work(connection: Connection, seed: int, seed_folder: Path, folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    seeds = sorted(path for path in seed_folder.iterdir() if path.suffix not in (".raw", ".gz") or ".nii" in path.name)
    seeds = [path for path in seeds if not path.name.startswith("case")]
    contents = [path.read_bytes() for path in seeds]
    use_whole_files(seed_folder)
    while (case := connection.recv()) is not None:
        if case % SAME == SAME - 1:
            connection.send(_read_same(seed, case, folder))
            continue
        path = damaged_file(case, seed, seeds, contents, folder)
        verdict = judge(path, lambda: connection.send(None))
        if verdict.outcome in ("read", "refused"):
            path.unlink()
        connection.send(verdict)


class Worker:
    """A process, the case it is at and since when."""

    def __init__(self, seed: int, seed_folder: Path, folder: Path) -> None:
        self._arguments = (seed, seed_folder, folder)
        self.start()

    def start(self) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("spawn").Process(target=work, args=(theirs, *self._arguments))
        self.process.start()
        theirs.close()
        self.case: int | None = None
        self.answered = False

    def give(self, case: int) -> None:
        self.case, self.since = case, time.monotonic()
        self.connection.send(case)

    def late(self) -> bool:
        # The first case waits for the imports.
        return self.case is not None and time.monotonic() - self.since > LIMIT_S + (0 if self.answered else 60)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


def fuzz(cases: int, seed: int, workers: int, keep: Path, first: int = 0) -> dict:
    """Run the cases and count what came of them; files of findings stay in `keep`."""
    keep.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    findings: list[dict] = []
    waiting = iter(range(first, first + cases))
    slowest = 0.0
    with tempfile.TemporaryDirectory() as name:
        seed_folder = Path(name)
        write_seeds(seed_folder)
        crew = [Worker(seed, seed_folder, keep) for _ in range(workers)]
        for worker in crew:
            if (case := next(waiting, None)) is not None:
                worker.give(case)
        while busy := [worker for worker in crew if worker.case is not None]:
            ready = wait([worker.connection for worker in busy], timeout=0.2)
            for worker in busy:
                outcome = detail = ""
                if worker.connection in ready:
                    try:
                        verdict = worker.connection.recv()
                        if worker.answered:
                            slowest = max(slowest, time.monotonic() - worker.since)
                        worker.since, worker.answered = time.monotonic(), True
                        if verdict is not None:
                            outcome, detail = verdict.outcome, verdict.detail
                    except EOFError:
                        worker.process.join()
                        outcome, detail = "crash", f"exit code {worker.process.exitcode}"
                elif worker.late():
                    outcome, detail = "hang", f"more than {LIMIT_S:g} s"
                if not outcome:
                    continue
                counts[outcome] += 1
                if outcome not in ("read", "refused"):
                    findings.append({"case": worker.case, "outcome": outcome, "detail": detail})
                    print(f"case {worker.case}: {outcome}: {detail}", file=sys.stderr, flush=True)
                worker.case = None
                if outcome in ("crash", "hang"):
                    worker.stop()
                    worker.start()
                if (case := next(waiting, None)) is not None:
                    worker.give(case)
        for worker in crew:
            worker.stop()
    return {"cases": sum(counts.values()), "seed": seed, **counts, "slowest_s": round(slowest, 2), "findings": findings}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case, to repeat one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-findings")
    options = parser.parse_args()
    report = fuzz(options.cases, options.seed, options.workers, options.keep, options.first)
    print(json.dumps(report, indent=2))
    return 1 if report["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
