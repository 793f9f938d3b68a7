"""Every way to store a mask gives the same mask."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from BreastMassXAILib.core.errors import InputError, SegmentChoiceError
from BreastMassXAILib.core.frame import Frame, Provenance, Spacing
from BreastMassXAILib.readers.cines import open_frames
from BreastMassXAILib.readers.dicom import write_ultrasound_frame
from BreastMassXAILib.readers.frames import read_frame_and_mask
from BreastMassXAILib.readers.masks import read_mask, read_masks
from BreastMassXAILib.readers.nrrd import write_nrrd
from BreastMassXAILib.readers.onto import Onto

SHAPE = (40, 56)
PICTURES = (".png", ".bmp", ".tif")
VOLUMES = (".nrrd", ".seg.nrrd", ".mha", ".mhd", ".nii", ".nii.gz")


def write_volume(path: Path, array: np.ndarray, vector: bool = False, **metadata: str) -> Path:
    image = SimpleITK.GetImageFromArray(array, isVector=vector)
    for key, value in metadata.items():
        image.SetMetaData(key, value)
    SimpleITK.WriteImage(image, str(path), True)
    return path


def segments(*found: tuple[str, int, int]) -> dict[str, str]:
    """Slicer's header fields for segments (name, label value, layer)."""
    fields = {}
    for number, (name, label, layer) in enumerate(found):
        values = {"ID": f"Segment_{number + 1}", "Name": name, "LabelValue": str(label), "Layer": str(layer)}
        fields |= {f"Segment{number}_{key}": value for key, value in values.items()}
    return fields


@pytest.mark.parametrize("suffix", PICTURES)
@pytest.mark.parametrize("value", [1, 128, 255])
def test_zero_and_any_value_in_a_picture(tmp_path, ellipse, suffix, value):
    path = tmp_path / f"mask{suffix}"
    Image.fromarray(ellipse.astype(np.uint8) * value).save(path)
    mask, source, notes, _ = read_mask(path, SHAPE)
    assert notes == ()
    np.testing.assert_array_equal(mask, ellipse)
    assert mask.dtype == bool
    assert source.file_name == path.name and source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", VOLUMES)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
@pytest.mark.parametrize("slices", [False, True], ids=["2D", "one slice"])
def test_zero_and_any_value_in_a_label_image(tmp_path, ellipse, suffix, dtype, slices):
    array = (ellipse * 3).astype(dtype)
    path = write_volume(tmp_path / f"mask{suffix}", array[None] if slices else array)
    np.testing.assert_array_equal(read_mask(path, SHAPE)[0], ellipse)


def test_one_bit_sixteen_bits_palettes_and_colours(tmp_path, ellipse):
    grey = Image.fromarray(ellipse.astype(np.uint8) * 255)
    colours = np.zeros((*SHAPE, 3), np.uint8)
    colours[ellipse] = (0, 0, 200)
    palette = Image.fromarray(ellipse.astype(np.uint8))
    palette.putpalette([0, 0, 0, 128, 0, 0])
    clear = np.dstack([np.full((*SHAPE, 3), 255, np.uint8), ellipse.astype(np.uint8) * 90])
    pictures = {
        "bit": grey.convert("1"),
        "wide": Image.fromarray(ellipse.astype(np.uint16) * 40000),
        "rgb": Image.fromarray(colours),
        "rgba": Image.fromarray(colours).convert("RGBA"),
        "palette": palette,
        "transparent white around": Image.fromarray(clear),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(read_mask(tmp_path / f"{name}.png", SHAPE)[0], ellipse, err_msg=name)
    write_volume(tmp_path / "colour.nrrd", colours, vector=True)
    np.testing.assert_array_equal(read_mask(tmp_path / "colour.nrrd", SHAPE)[0], ellipse)


@pytest.mark.parametrize("colour", [(255, 255, 255), (255, 0, 0)])
def test_a_jpeg_is_cut_at_half_because_its_edges_ring(tmp_path, colour):
    square = np.zeros((64, 64), bool)
    square[19:43, 21:50] = True  # across the 8 x 8 blocks
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[square] = colour
    Image.fromarray(pixels).save(tmp_path / "mask.jpg", quality=90, subsampling=0)
    mask, _, notes, _ = read_mask(tmp_path / "mask.jpg", (64, 64))
    stray = np.asarray(Image.open(tmp_path / "mask.jpg")).any(axis=2) != square
    assert stray.sum() > 50  # the trap is there
    np.testing.assert_array_equal(mask, square)
    assert "half of its range" in notes[0]


def test_a_png_with_soft_edges_is_cut_at_half(tmp_path):
    rows, columns = np.mgrid[:64, :64]
    distance = np.hypot(rows - 30, columns - 35)
    soft = np.clip(255 * (20.5 - distance) / 5 + 127.5, 0, 255).astype(np.uint8)
    Image.fromarray(soft).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png", (64, 64))[0], soft >= 127.5)


def test_the_frame_itself_is_not_taken_for_a_mask(tmp_path, speckle):
    for name in ("frame.png", "frame.jpg"):
        Image.fromarray(speckle).save(tmp_path / name)
        with pytest.raises(InputError, match="not a mask"):
            read_mask(tmp_path / name, SHAPE)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".nrrd", ".nii.gz"])
def test_labels_without_names_must_be_chosen_from(tmp_path, ellipse, suffix):
    labels = ellipse.astype(np.uint8)
    labels[:4, :4] = 2
    path = tmp_path / f"mask{suffix}"
    if suffix in PICTURES:
        Image.fromarray(labels).save(path)
    else:
        write_volume(path, labels)
    with pytest.raises(SegmentChoiceError, match=r"several values.*--segment\) of 1, 2\."):
        read_mask(path, SHAPE)
    np.testing.assert_array_equal(read_mask(path, SHAPE, ["2"])[0], labels == 2)
    np.testing.assert_array_equal(read_mask(path, SHAPE, ["2", "1"])[0], labels > 0)
    with pytest.raises(SegmentChoiceError, match="no segment '5': its values are 1, 2"):
        read_mask(path, SHAPE, ["5"])


def test_a_label_of_a_palette_is_its_index_and_colours_are_named_as_such(tmp_path, ellipse):
    indices = ellipse.astype(np.uint8)
    indices[:4, :4] = 2
    palette = Image.fromarray(indices)
    palette.putpalette([0, 0, 0, 9, 9, 9, 128, 0, 0])
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "palette.png", SHAPE, ["2"])[0], indices == 2)
    palette.convert("RGB").save(tmp_path / "colour.png")
    with pytest.raises(SegmentChoiceError, match="its colours are #090909, #800000"):
        read_mask(tmp_path / "colour.png", SHAPE, ["2"])
    np.testing.assert_array_equal(read_mask(tmp_path / "colour.png", SHAPE, ["#800000"])[0], indices == 2)
    with pytest.raises(SegmentChoiceError, match="several colours"):
        read_mask(tmp_path / "colour.png", SHAPE)


@pytest.mark.parametrize("name", ["Mass", "left_tumor 1", "Tumour", "LESION", "Breast masses"])
def test_a_segment_named_like_a_mass_is_used_alone(tmp_path, ellipse, name):
    labels = np.zeros(SHAPE, np.uint8)
    labels[30:] = 1
    labels[ellipse] = 7
    fields = segments(("peritumoral ring", 1, 0), (name, 7, 0))
    path = write_volume(tmp_path / "mask.seg.nrrd", labels[None], **fields)
    mask, _, notes, _ = read_mask(path, SHAPE)
    np.testing.assert_array_equal(mask, ellipse)
    assert f"segment '{name}' counts as mass; not used: 'peritumoral ring'" in notes[0]
    np.testing.assert_array_equal(read_mask(path, SHAPE, ["1"])[0], labels == 1)
    np.testing.assert_array_equal(read_mask(path, SHAPE, ["Peritumoral ring"])[0], labels == 1)


def test_segments_without_telling_names_must_be_chosen_from(tmp_path, ellipse):
    labels = ellipse.astype(np.uint8)
    labels[30:] = 2
    path = write_volume(tmp_path / "mask.seg.nrrd", labels[None], **segments(("Segment_1", 1, 0), ("Segment_2", 2, 0)))
    with pytest.raises(SegmentChoiceError, match=r"several segments.* of Segment_1, Segment_2"):
        read_mask(path, SHAPE)
    np.testing.assert_array_equal(read_mask(path, SHAPE, ["Segment_2"])[0], labels == 2)


def test_a_layered_segmentation_keeps_overlapping_segments_apart(tmp_path, ellipse):
    ring = np.zeros(SHAPE, bool)
    ring[5:30, 10:50] = True
    layers = np.stack([ring, ellipse], axis=-1).astype(np.uint8)[None]
    path = write_volume(tmp_path / "mask.seg.nrrd", layers, True, **segments(("ring", 1, 0), ("mass", 1, 1)))
    np.testing.assert_array_equal(read_mask(path, SHAPE)[0], ellipse)
    path = write_volume(tmp_path / "other.seg.nrrd", layers, True, **segments(("a", 1, 0), ("b", 1, 1)))
    np.testing.assert_array_equal(read_mask(path, SHAPE, ["a", "b"])[0], ellipse | ring)
    path = write_volume(tmp_path / "broken.seg.nrrd", layers, True, **segments(("mass", 1, 2)))
    with pytest.raises(InputError, match="layer"):
        read_mask(path, SHAPE)


def test_slicer_s_own_layered_list_axis(tmp_path, ellipse):
    """Slicer writes the layers as a first axis of kind `list`, older versions without label values."""
    ring = np.zeros(SHAPE, bool)
    ring[5:30, 10:50] = True
    header = (
        "NRRD0004\ntype: unsigned char\ndimension: 4\nspace: left-posterior-superior\nsizes: 2 56 40 1\n"
        "space directions: none (0.1,0,0) (0,0.1,0) (0,0,1)\nkinds: list domain domain domain\nencoding: raw\n"
        "space origin: (0,0,0)\nSegment0_ID:=Segment_1\nSegment0_Name:=ring\nSegment1_ID:=Segment_2\n"
        "Segment1_Name:=mass\nSegmentation_ReferenceImageExtentOffset:=0 0 0\n\n"
    )
    data = np.stack([ring, ellipse], axis=-1).astype(np.uint8).tobytes()
    (tmp_path / "mask.seg.nrrd").write_bytes(header.encode() + data)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.seg.nrrd", SHAPE)[0], ellipse)


def test_a_cropped_segmentation_goes_back_to_its_place(tmp_path, ellipse):
    crop = np.s_[5:25, 20:50]
    fields = segments(("mass", 1, 0)) | {"Segmentation_ReferenceImageExtentOffset": "20 5 0"}
    path = write_volume(tmp_path / "mask.seg.nrrd", ellipse[crop].astype(np.uint8)[None], **fields)
    np.testing.assert_array_equal(read_mask(path, SHAPE)[0], ellipse)
    with pytest.raises(InputError, match=r"columns 20 to 49.*the frame has 45 x 40"):
        read_mask(path, (40, 45))


@pytest.mark.parametrize("offset", [None, "0 0 0"])
def test_a_smaller_mask_that_says_no_place_is_not_guessed_into_one(tmp_path, ellipse, offset):
    fields = segments(("mass", 1, 0)) | ({"Segmentation_ReferenceImageExtentOffset": offset} if offset else {})
    path = write_volume(tmp_path / "mask.seg.nrrd", ellipse[:30, :50].astype(np.uint8)[None], **fields)
    with pytest.raises(InputError, match=r"50 x 30 pixels, the frame 56 x 40 \(columns x rows\)"):
        read_mask(path, SHAPE)


@pytest.mark.parametrize("name", ["mask.png", "mask.nrrd", "mask.nii.gz"])
def test_another_size_names_both_and_a_transposed_mask_is_another_size(tmp_path, ellipse, name):
    turned = np.ascontiguousarray(ellipse.T).astype(np.uint8)
    if name.endswith("png"):
        Image.fromarray(turned).save(tmp_path / name)
    else:
        write_volume(tmp_path / name, turned)
    with pytest.raises(InputError, match=r"40 x 56 pixels, the frame 56 x 40 \(columns x rows\)"):
        read_mask(tmp_path / name, SHAPE)


@pytest.mark.parametrize("name", ["mask.png", "mask.jpg", "mask.seg.nrrd", "mask.mha"])
def test_an_empty_mask_is_told_with_its_file(tmp_path, name):
    nothing = np.zeros(SHAPE, np.uint8)
    if name.endswith(("png", "jpg")):
        Image.fromarray(nothing).save(tmp_path / name)
    else:
        write_volume(tmp_path / name, nothing[None])
    with pytest.raises(InputError, match=f"The mask {name} is empty"):
        read_mask(tmp_path / name, SHAPE)


def test_bad_mask_files_are_one_sentence(tmp_path, ellipse, capfd):
    (tmp_path / "empty.png").touch()
    (tmp_path / "notes.txt").write_text("no mask")
    (tmp_path / "broken.nrrd").write_bytes(b"NRRD0004\ntype: float\n")
    values = ellipse.astype(np.float32)
    values[0, 0] = np.nan
    write_volume(tmp_path / "nan.nrrd", values)
    write_volume(tmp_path / "volume.nrrd", np.stack([ellipse] * 2).astype(np.uint8))
    for name in ("absent.png", "", "empty.png", "notes.txt", "broken.nrrd", "nan.nrrd", "volume.nrrd"):
        with pytest.raises(InputError):
            read_mask(tmp_path / name, SHAPE)
    assert capfd.readouterr() == ("", "")


def test_a_dicom_mask(tmp_path, ellipse):
    frame = Frame(ellipse.astype(np.float32) * 255, Spacing(0.1, 0.1, Provenance.CALIBRATED))
    write_ultrasound_frame(tmp_path / "mask.dcm", frame)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.dcm", SHAPE)[0], ellipse)


def test_our_own_regions_file_gives_back_the_mass(tmp_path, ellipse):
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:36, 10:54], labels[ellipse] = 2, 1
    labels[36:, 20:40] = 3
    names = {1: "mass", 2: "peritumoral", 3: "below"}
    write_nrrd(tmp_path / "regions.nrrd", labels, Spacing.unknown(), names)
    np.testing.assert_array_equal(read_mask(tmp_path / "regions.nrrd", SHAPE)[0], ellipse)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mask=arrays(bool, st.tuples(st.integers(2, 9), st.integers(2, 9))).filter(np.any),
    suffix=st.sampled_from(PICTURES + VOLUMES),
    value=st.integers(1, 255),
)
def test_any_mask_comes_back_from_any_lossless_format(tmp_path, mask, suffix, value):
    path = tmp_path / f"mask{suffix}"
    array = mask.astype(np.uint8) * np.uint8(value)
    if suffix in PICTURES:
        Image.fromarray(array).save(path)
    else:
        write_volume(path, array[None])
    np.testing.assert_array_equal(read_mask(path, mask.shape)[0], mask)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mask=arrays(bool, (9, 12)).filter(np.any), data=st.data())
def test_any_crop_around_a_mask_goes_back_to_its_place(tmp_path, mask, data):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top = data.draw(st.integers(0, int(rows[0])))
    left = data.draw(st.integers(0, int(columns[0])))
    bottom, right = int(rows[-1]) + 1, int(columns[-1]) + 1
    if (top, left) == (0, 0):
        bottom, right = mask.shape  # cut nowhere
    fields = segments(("mass", 1, 0)) | {"Segmentation_ReferenceImageExtentOffset": f"{left} {top} 0"}
    crop = mask[top:bottom, left:right].astype(np.uint8)[None]
    path = write_volume(tmp_path / "mask.seg.nrrd", crop, **fields)
    np.testing.assert_array_equal(read_mask(path, mask.shape)[0], mask)


def segmentation(path: Path, frames: np.ndarray, segments: list[str], numbers: list[int], sources: list[int] | None):
    """A binary DICOM Segmentation: each frame's segment, from 1, and the frame of the loop that it is of, from 1."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.3.4", "SEG"
    data.NumberOfFrames, data.Rows, data.Columns = frames.shape
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit, data.SegmentationType = 1, 1, 0, "BINARY"
    data.SegmentSequence, data.PerFrameFunctionalGroupsSequence = [], []
    for number, label in enumerate(segments, start=1):
        item = Dataset()
        item.SegmentNumber, item.SegmentLabel = number, label
        data.SegmentSequence.append(item)
    for k, number in enumerate(numbers):
        group, identity = Dataset(), Dataset()
        identity.ReferencedSegmentNumber = number
        group.SegmentIdentificationSequence = [identity]
        if sources:
            source, derivation = Dataset(), Dataset()
            source.ReferencedFrameNumber = sources[k]
            derivation.SourceImageSequence = [source]
            group.DerivationImageSequence = [derivation]
        data.PerFrameFunctionalGroupsSequence.append(group)
    bits = np.packbits(frames.ravel(), bitorder="little").tobytes()
    data.PixelData = bits + b"\0" * (len(bits) % 2)
    data["PixelData"].VR = "OB"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path


@pytest.mark.parametrize("shape", [SHAPE, (39, 53)], ids=["whole bytes", "frames that end within a byte"])
def test_a_dicom_segmentation_lies_on_the_frames_that_it_names(tmp_path, shape):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    mass = [(np.hypot(rows - 15, columns - 20 - 3 * k) < 8).astype(np.uint8) for k in range(4)]
    skin = (rows < 4).astype(np.uint8)
    loop = Onto(shape, 4)
    path = segmentation(tmp_path / "s.dcm", np.stack([skin, mass[1], mass[3]]), ["Skin", "Mass"], [1, 2, 2], [2, 2, 4])
    found = read_masks(path, loop)
    assert sorted(found.found) == [1, 3]
    for index, pixels in found:
        np.testing.assert_array_equal(pixels, mass[index])
    assert "'Mass' counts as mass; not used: 'Skin'" in found.notes[0]
    np.testing.assert_array_equal(read_masks(path, loop, ["skin"]).found[1], skin)
    np.testing.assert_array_equal(read_mask(path, replace(loop, index=3)).pixels, mass[3])
    with pytest.raises(InputError, match="is of 2 frames"):
        read_mask(path, shape)
    # Without frame numbers they are in the loop's order, or one for all.
    path = segmentation(tmp_path / "o.dcm", np.stack(mass), ["Mass"], [1] * 4, None)
    assert [int(pixels.sum()) for _, pixels in read_masks(path, loop)] == [int(each.sum()) for each in mass]
    path = segmentation(tmp_path / "t.dcm", np.stack(mass[:3]), ["Mass"], [1] * 3, None)
    with pytest.raises(InputError, match="3 frames"):
        read_masks(path, loop)
    path = segmentation(tmp_path / "one.dcm", mass[2][None], ["Segment 1"], [1], None)
    np.testing.assert_array_equal(read_mask(path, replace(loop, index=2)).pixels, mass[2])


def test_a_slice_s_segmentation_lands_on_its_frame_or_nowhere(tmp_path, ellipse):
    fields = segments(("mass", 1, 0)) | {"Segmentation_ReferenceImageExtentOffset": "0 0 2"}
    path = write_volume(tmp_path / "mask.seg.nrrd", ellipse.astype(np.uint8)[None], **fields)
    loop = Onto(SHAPE, 5)
    assert list(read_masks(path, loop).found) == [2]
    np.testing.assert_array_equal(read_mask(path, replace(loop, index=2)).pixels, ellipse)
    with pytest.raises(InputError, match="is of frame 3, not of frame 1"):
        read_mask(path, loop)
    with pytest.raises(InputError, match="does not fit"):
        read_masks(path, Onto(SHAPE, 2))


@pytest.mark.parametrize("axes", [(2,), (1,), (1, 2), (0, 2)], ids=str)
def test_a_mask_that_its_header_mirrors_is_put_right_where_it_falls_on_the_frame_and_refused_elsewhere(
    tmp_path, ellipse, speckle, axes
):
    """docs/decisions/6-orientation.md: in `analyze` and in `analyze-cine` alike."""
    masks = np.stack([ellipse, np.roll(ellipse, 3, axis=1)])
    frames = np.stack([speckle, np.roll(speckle, 3, axis=1)])
    steps = np.array([1.0, 0.2, 0.1])  # slices, rows, columns

    def write(path: Path, array: np.ndarray, mirrored: tuple[int, ...], shift: float = 0.0) -> Path:
        image = SimpleITK.GetImageFromArray(np.flip(array.astype(np.uint8), mirrored))
        signs = np.array([-1.0 if axis in mirrored else 1.0 for axis in range(3)])
        origin = [(array.shape[axis] - 1) * steps[axis] if axis in mirrored else 0.0 for axis in range(3)]
        image.SetDirection(np.diag(signs[::-1]).ravel().tolist())
        image.SetSpacing(steps[::-1].tolist())
        image.SetOrigin([origin[2] + shift, origin[1], origin[0]])
        SimpleITK.WriteImage(image, str(path))
        return path

    within = tuple(axis for axis in axes if axis)
    single, loop = write(tmp_path / "one.nrrd", frames[:1], ()), write(tmp_path / "loop.nrrd", frames, ())
    frame, mass, _ = read_frame_and_mask(single, write(tmp_path / "m.nrrd", masks[:1], within))
    np.testing.assert_array_equal(mass, masks[0])
    assert sum("was turned to the frame" in note for note in frame.warnings) == 1
    cine, onto = open_frames(loop)
    found = read_masks(write(tmp_path / "ml.nrrd", masks, axes), onto.at(0, cine.read(0)))
    for index, expected in enumerate(masks):
        np.testing.assert_array_equal(found.found[index], expected)
    assert sum("was turned to the frame" in note for note in found.notes) == 1
    # A header that is wrong about the orientation puts the mask beside the frame.
    with pytest.raises(InputError, match="elsewhere than the frame"):
        read_frame_and_mask(single, write(tmp_path / "m.nrrd", masks[:1], within, shift=-5.5))
    with pytest.raises(InputError, match="elsewhere than the frame"):
        read_masks(write(tmp_path / "ml.nrrd", masks, axes, shift=-5.5), onto.at(0, cine.read(0)))
