"""DICOM ultrasound: which millimetres, which pixels, and what is never taken along."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.core.errors import InputError, MissingPackageError, OutputError, SpacingError
from BreastMassXAILib.core.frame import Frame, Provenance, Spacing
from BreastMassXAILib.core.regions import REGIONS, region_labels
from BreastMassXAILib.readers.dicom import open_ultrasound, regions_of, write_ultrasound_frame
from BreastMassXAILib.readers.dicom_masks import read_dicom_mask
from BreastMassXAILib.readers.frames import read_frame, read_frame_and_mask


def region(box: tuple[int, int, int, int], kind=(1, 1), units=(3, 3), delta=(0.008, 0.011)) -> Dataset:
    """`box` is (first row, last row, first column, last column), `delta` (row, column) in the units."""
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType = kind
    item.RegionFlags = 0
    item.RegionLocationMinY0, item.RegionLocationMaxY1, item.RegionLocationMinX0, item.RegionLocationMaxX1 = box
    item.PhysicalUnitsYDirection, item.PhysicalUnitsXDirection = units
    item.PhysicalDeltaY, item.PhysicalDeltaX = delta
    return item


def write_dicom(path: Path, pixels: np.ndarray, regions=(), photometric="MONOCHROME2", **tags) -> Path:
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.6.1", generate_uid()
    data.Modality, data.PatientName, data.PatientID = "US", "Secret^Name", "4711"
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    if pixels.ndim == 3:
        data.PlanarConfiguration = 0
    data.PhotometricInterpretation = photometric
    bits = pixels.dtype.itemsize * 8
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    if regions:
        data.SequenceOfUltrasoundRegions = list(regions)
    data.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    data["PixelData"].VR = "OW" if bits > 8 else "OB"
    for name, value in tags.items():
        setattr(data, name, value)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path


def read_with(tmp_path: Path, pixels: np.ndarray, regions=(), **tags) -> Frame:
    return read_frame(write_dicom(tmp_path / "frame.dcm", pixels, regions, **tags))


def test_a_calibrated_region_gives_spacing_and_scan_area(tmp_path, speckle):
    frame = read_with(tmp_path, speckle, [region((4, 35, 6, 49), delta=(0.009, 0.009))])
    np.testing.assert_array_equal(frame.pixels, speckle)
    assert frame.spacing.provenance is Provenance.DICOM_REGION
    assert frame.spacing.mm() == pytest.approx((0.09, 0.09))
    expected = np.zeros(speckle.shape, bool)
    expected[4:36, 6:50] = True  # the last row and column belong to the region
    np.testing.assert_array_equal(frame.scan_area, expected)
    assert frame.warnings == ()


def test_row_and_column_sizes_are_not_exchanged_and_pixels_that_are_not_square_are_named(tmp_path, speckle):
    frame = read_with(tmp_path, speckle, [region((0, 39, 0, 55))])
    assert frame.spacing.mm() == pytest.approx((0.08, 0.11))
    assert frame.scan_area is None
    assert "not square" in frame.warnings[0]


def test_negative_steps_and_a_box_beyond_the_pixels(tmp_path, speckle):
    frame = read_with(tmp_path, speckle, [region((10, 60, 0, 55), delta=(-0.01, 0.01))])
    assert frame.spacing.mm() == pytest.approx((0.1, 0.1))
    assert frame.scan_area.sum() == 30 * 56
    assert "beyond the pixels" in frame.warnings[0] and "backwards" in frame.warnings[1]


@pytest.mark.parametrize(
    ("point", "expected"),
    [(None, 0.2), ((5, 5), 0.1), ((20, 30), 0.2), ((39, 0), 0.2)],
    ids=["the frame's centre", "first region", "second region", "outside both: the frame's centre"],
)
def test_of_several_regions_the_one_with_the_point_is_used(tmp_path, speckle, point, expected):
    regions = [region((0, 30, 0, 19), delta=(0.01, 0.01)), region((0, 30, 20, 50), delta=(0.02, 0.02))]
    path = write_dicom(tmp_path / "dual.dcm", speckle, regions)
    frame = read_frame(path, point)
    assert frame.spacing.row_mm == pytest.approx(expected)
    assert "2 regions, 2 of them calibrated tissue" in frame.warnings[0]


def test_the_region_that_holds_most_of_the_mass_is_used(tmp_path, speckle):
    regions = [region((0, 39, 0, 30), delta=(0.01, 0.01)), region((0, 39, 25, 55), delta=(0.02, 0.02))]
    path = write_dicom(tmp_path / "dual.dcm", speckle, regions)
    assert read_frame(path, (slice(5, 10), slice(2, 29))).spacing.row_mm == pytest.approx(0.1)
    frame = read_frame(path, (slice(5, 10), slice(22, 50)))
    assert frame.spacing.row_mm == pytest.approx(0.2)
    assert "different scales" in frame.warnings[1] and "Part of the mass" in frame.warnings[2]
    alone = write_dicom(tmp_path / "alone.dcm", speckle, regions[:1])
    assert "outside the calibrated regions" in read_frame(alone, (slice(5, 10), slice(40, 50))).warnings[0]


def test_tissue_goes_before_colour_flow_which_serves_alone_with_a_warning(tmp_path, speckle):
    tissue = region((0, 39, 0, 55), delta=(0.01, 0.01))
    flow = region((5, 30, 5, 40), kind=(1, 2), delta=(0.02, 0.02))
    tissue.RegionFlags = 1  # low priority: the flow overwrites it
    both = read_with(tmp_path, speckle, [flow, tissue])
    assert both.spacing.row_mm == pytest.approx(0.1) and both.scan_area is None
    alone = read_with(tmp_path, speckle, [flow])
    assert alone.spacing.row_mm == pytest.approx(0.2)
    assert "colour flow" in alone.warnings[0]


def test_of_two_tissue_regions_the_one_that_overwrites_the_other_is_used(tmp_path, speckle):
    under, over = region((0, 39, 0, 55), delta=(0.01, 0.01)), region((5, 30, 5, 40), delta=(0.02, 0.02))
    under.RegionFlags = 1
    assert read_with(tmp_path, speckle, [under, over]).spacing.row_mm == pytest.approx(0.2)


def test_a_bar_or_trace_over_the_tissue_is_no_scan_area(tmp_path, speckle):
    bar = region((10, 20, 0, 3), kind=(0, 13), units=(0, 0))
    area = read_with(tmp_path, speckle, [region((0, 39, 0, 55), delta=(0.01, 0.01)), bar]).scan_area
    assert not area[10:21, :4].any() and area.sum() == speckle.size - 44
    bar.RegionFlags = 1
    assert read_with(tmp_path, speckle, [region((0, 39, 0, 55), delta=(0.01, 0.01)), bar]).scan_area is None


def test_the_row_of_depth_zero_follows_from_the_reference_pixel(tmp_path, speckle):
    item = region((4, 35, 6, 49), delta=(0.01, 0.01))
    item.ReferencePixelX0, item.ReferencePixelY0 = 0, 7
    item.ReferencePixelPhysicalValueX, item.ReferencePixelPhysicalValueY = 0.0, 0.02
    path = write_dicom(tmp_path / "frame.dcm", speckle, [item])
    assert regions_of(path)[0].zero_row == pytest.approx(4 + 7 - 2)


def test_what_the_other_regions_measure_is_said(tmp_path, speckle):
    spectral = region((0, 39, 0, 55), units=(7, 4))
    frame = read_with(tmp_path, speckle, [spectral])
    assert "rows measure cm/second and its columns seconds, not cm" in frame.warnings[0]


def test_an_impossible_depth_is_named(tmp_path, speckle):
    assert "no probe images" in read_with(tmp_path, speckle, [region((0, 39, 0, 55), delta=(1, 1))]).warnings[0]


def test_pixels_outside_the_region_are_never_shown(tmp_path, speckle):
    frame = read_with(tmp_path, speckle, [region((4, 35, 6, 49), delta=(0.01, 0.01))], BurnedInAnnotation="YES")
    assert frame.pixels[0].max() > 0 and frame.shown[:4].max() == 0 and frame.shown[:, :6].max() == 0
    np.testing.assert_array_equal(frame.shown[4:36, 6:50], speckle[4:36, 6:50])
    assert "Burned In Annotation" in frame.warnings[0]


def compressed(path: Path, pixels: np.ndarray, photometric: str, syntax: UID, stream: bytes) -> Path:
    data = pydicom.dcmread(write_dicom(path, pixels, photometric=photometric))
    data.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2)])
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = syntax
    data.save_as(path)
    return path


def without_jfif(stream: bytes) -> bytes:
    return stream[:2] + stream[4 + int.from_bytes(stream[4:6], "big") :]


def with_names(stream: bytes, old: bytes, new: bytes) -> bytes:
    """A JPEG whose components are called otherwise, in its frame header and its scan header."""
    for name, other in zip(old, new, strict=True):
        for marker, start, step in ((b"\xff\xc0", 10, 3), (b"\xff\xda", 5, 2)):
            at = stream.index(marker)
            for place in range(at + start, at + start + 3 * step, step):
                if stream[place] == name:
                    stream = stream[:place] + bytes([other]) + stream[place + 1 :]
    return stream


def adobe(transform: int) -> bytes:
    return b"\xff\xee\x00\x0eAdobe\x00\x64\0\0\0\0" + bytes([transform])


COLOUR = {"SamplesPerPixel": 3, "PlanarConfiguration": 0}


def streams() -> dict[str, tuple[str, str, bool]]:
    """Every way in which a JPEG tells or hides its colours: (what is stored, how it is marked, whether it is grey)."""
    return {
        f"{stored} {marks} {'grey' if grey else 'coloured'}": (stored, marks, grey)
        for stored, marks, grey in (
            *(("YBR", marks, grey) for marks in ("JFIF", "Adobe 1", "subsampled") for grey in (False, True)),
            *(("RGB", marks, grey) for marks in ("Adobe 0", "letters") for grey in (False, True)),
            *((stored, "nothing", True) for stored in ("YBR", "RGB")),
        )
    }


@pytest.mark.parametrize("called", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("kind", streams())
def test_the_colour_space_of_a_jpeg_is_decided_from_its_data(tmp_path, kind, called):
    stored, marks, grey = streams()[kind]
    rows, columns = np.mgrid[:48, :64]
    shade = (120 + 100 * np.sin(rows / 9) * np.cos(columns / 11)).astype(np.uint8)
    colours = np.repeat(shade[..., None], 3, axis=2)
    if not grey:
        colours[8:24, 8:40] = (200, 40, 60)
    image, buffer = Image.fromarray(colours), io.BytesIO()
    if stored == "RGB":
        image.save(buffer, "JPEG", quality=98, keep_rgb=True)
        stream = with_names(buffer.getvalue(), b"RGB", b"RGB" if marks == "letters" else b"\1\2\3")
        at = stream.index(b"\xff\xee")
        stream = stream[:at] + stream[at + 2 + int.from_bytes(stream[at + 2 : at + 4], "big") :]
        if marks == "Adobe 0":
            stream = stream[:2] + adobe(0) + stream[2:]
    else:
        image.save(buffer, "JPEG", quality=98, subsampling=2 if marks == "subsampled" else 0)
        stream = buffer.getvalue() if marks == "JFIF" else without_jfif(buffer.getvalue())
        if marks == "Adobe 1":
            stream = stream[:2] + adobe(1) + stream[2:]
    frame = read_frame(compressed(tmp_path / "frame.dcm", colours, called, JPEGBaseline8Bit, stream))
    expected = colours @ np.array([0.299, 0.587, 0.114])
    error = np.abs(frame.pixels - expected)
    assert np.median(error) < 1 and np.mean(error > 6) < 0.02
    contradiction = (called == "RGB") != (stored == "RGB")
    assert any("they were read as such" in note for note in frame.warnings) == contradiction
    assert any("coloured" in note.lower() for note in frame.warnings) != grey


@pytest.mark.parametrize("called", ["YBR_RCT", "YBR_FULL_422", "RGB"])
def test_the_colours_that_jpeg_2000_transforms_itself_are_not_transformed_again(tmp_path, called):
    colours = np.zeros((48, 64, 3), np.uint8)
    colours[:, :] = np.arange(64)[:, None] * 3
    colours[8:24, 8:40] = (200, 40, 60)
    buffer = io.BytesIO()
    Image.fromarray(colours).save(buffer, "JPEG2000", irreversible=False, mct=1, no_jp2=True)
    frame = read_frame(compressed(tmp_path / "frame.dcm", colours, called, JPEG2000Lossless, buffer.getvalue()))
    np.testing.assert_allclose(frame.pixels, colours @ np.array([0.299, 0.587, 0.114]), atol=1e-3)


@pytest.mark.parametrize(("called", "stored"), [("RGB", "YBR_FULL"), ("YBR_FULL", "RGB")])
def test_a_grey_loop_that_is_called_by_the_wrong_colour_space_is_grey(tmp_path, speckle, called, stored):
    """Uncompressed; the first frame is black and tells nothing."""
    grey = np.stack([np.zeros_like(speckle), speckle, speckle[::-1]])
    values = np.repeat(grey[..., None], 3, axis=3)
    if stored != "RGB":
        values[..., 1:] = 128
        values[0] = 0  # blanked by someone who knew no YCbCr
    path = write_dicom(tmp_path / "l.dcm", values, photometric=called, NumberOfFrames=3, Rows=40, Columns=56, **COLOUR)
    cine = open_ultrasound(path)
    with pytest.raises(InputError):
        cine.read(0)
    for index in (1, 2):
        np.testing.assert_array_equal(cine.read(index).pixels, grey[index])


def test_a_colour_model_that_is_not_known_is_named(tmp_path, speckle):
    for photometric, samples in (("CMYK", 4), ("HSV", 3)):
        path = write_dicom(
            tmp_path / "f.dcm", np.repeat(speckle[..., None], samples, 2), (), photometric, SamplesPerPixel=samples
        )
        with pytest.raises(InputError, match=rf"{samples} values in each pixel in the colour model {photometric}"):
            read_frame(path)


@pytest.mark.parametrize("regions", [1, 2])
def test_a_phantom_has_the_areas_of_its_ellipse(tmp_path, regions):
    """The mass, its 5 mm ring and what lies below, in mm², against the formulas; 0.05 x 0.06 mm pixels."""
    row_mm, column_mm, semi = 0.05, 0.06, (4.0, 7.0)
    shape = (600, 640)
    centre = (220.0, 310.0 if regions == 1 else 420.0)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    mass = ((rows - centre[0]) * row_mm / semi[0]) ** 2 + ((columns - centre[1]) * column_mm / semi[1]) ** 2 <= 1
    pixels = np.random.default_rng(0).integers(60, 200, shape).astype(np.uint8)
    pixels[mass] //= 3
    boxes = [region((0, 599, 0, 639), delta=(row_mm / 10, column_mm / 10))]
    if regions == 2:  # a dual image, whose other half has another scale
        boxes = [
            region((0, 599, 0, 199), delta=(0.011, 0.011)),
            region((0, 599, 200, 639), delta=(row_mm / 10, column_mm / 10)),
        ]
    path = write_dicom(tmp_path / "phantom.dcm", pixels, boxes)
    Image.fromarray(mass).save(tmp_path / "mask.png")
    frame, found, _ = read_frame_and_mask(path, tmp_path / "mask.png")
    labels = region_labels(found, frame.spacing, 5.0, scan_area=frame.scan_area)
    pixel = frame.spacing.row_mm * frame.spacing.column_mm
    ring, ellipse = 5.0, np.pi * semi[0] * semi[1]
    angle = (np.arange(200_000) + 0.5) * 2 * np.pi / 200_000
    perimeter = np.hypot(semi[1] * np.sin(angle), semi[0] * np.cos(angle)).mean() * 2 * np.pi
    around = perimeter * ring + np.pi * ring**2  # Steiner's formula for a convex body
    # Below: per column of the mass, from the ring's lower border to the frame's last row.
    normal = np.hypot(np.sin(angle) / semi[0], np.cos(angle) / semi[1])
    x = semi[1] * np.cos(angle) + ring * np.cos(angle) / semi[1] / normal
    y = semi[0] * np.sin(angle) + ring * np.sin(angle) / semi[0] / normal
    lower = slice(0, 100_000)
    across = np.linspace(-semi[1], semi[1], 20_001)
    border = np.interp(across, x[lower][::-1], y[lower][::-1])
    below = ((shape[0] - 0.5 - centre[0]) * row_mm - border).mean() * 2 * semi[1]
    for name, expected in {"mass": ellipse, "peritumoral": around, "below": below}.items():
        assert (labels == REGIONS.index(name)).sum() * pixel == pytest.approx(expected, rel=0.02), name


def test_the_same_phantom_as_png_is_refused_with_the_way_to_calibrate(tmp_path, capsys, speckle, ellipse):
    Image.fromarray(speckle).save(tmp_path / "phantom.png")
    Image.fromarray(ellipse).save(tmp_path / "mask.png")
    command = ["analyze", str(tmp_path / "phantom.png"), "--mask", str(tmp_path / "mask.png"), "--out"]
    assert main([*command, str(tmp_path / "out"), "--progress", "none"]) == 2
    message = capsys.readouterr().err
    assert "pixel size of this frame is unknown" in message and "--spacing" in message
    assert not (tmp_path / "out").exists()


def test_without_the_centre_in_any_region_the_largest_is_used(tmp_path, speckle):
    regions = [region((0, 9, 0, 9), delta=(0.01, 0.01)), region((0, 15, 12, 55), delta=(0.02, 0.02))]
    assert read_with(tmp_path, speckle, regions).spacing.row_mm == pytest.approx(0.2)


@pytest.mark.parametrize(
    "other",
    [
        region((0, 39, 0, 55), kind=(3, 3)),  # spectral Doppler
        region((0, 39, 0, 55), kind=(5, 0)),  # graphics
        region((0, 99, 0, 99)),  # larger than the frame both ways: made smaller after it was calibrated
        region((0, 39, 0, 55), units=(4, 3)),  # seconds
        region((0, 39, 0, 55), units=(0, 0)),
        region((0, 39, 0, 55), delta=(0.0, 0.01)),
        region((50, 60, 0, 55)),  # outside the pixels
        region((30, 10, 0, 55)),  # upside down
    ],
)
def test_regions_that_are_no_calibrated_tissue_give_no_millimetres(tmp_path, speckle, other):
    frame = read_with(tmp_path, speckle, [other])
    assert frame.spacing == Spacing.unknown() and frame.scan_area is None
    both = read_with(tmp_path, speckle, [other, region((2, 20, 2, 30), delta=(0.01, 0.01))])
    assert both.spacing.mm() == pytest.approx((0.1, 0.1))
    assert "2 regions, 1 of them calibrated tissue" in both.warnings[0]


def test_pixel_spacing_is_the_unverified_second_choice(tmp_path, speckle):
    frame = read_with(tmp_path, speckle, PixelSpacing=[0.07, 0.09])
    assert frame.spacing == Spacing(0.07, 0.09, Provenance.DICOM_PIXEL_SPACING)
    assert "unverified" in frame.warnings[0]
    assert read_with(tmp_path, speckle, NominalScannedPixelSpacing=[0.3, 0.4]).spacing.mm() == (0.3, 0.4)
    assert read_with(tmp_path, speckle, PixelSpacing=[1, 1]).spacing == Spacing.unknown()
    assert read_with(tmp_path, speckle).spacing == Spacing.unknown()


def test_a_pixel_spacing_that_disagrees_with_the_region_is_named(tmp_path, speckle):
    square = region((0, 39, 0, 55), delta=(0.01, 0.01))
    assert read_with(tmp_path, speckle, [square], PixelSpacing=[0.1001, 0.1]).warnings == ()
    frame = read_with(tmp_path, speckle, [square], PixelSpacing=[0.3, 0.3])
    assert frame.spacing.mm() == pytest.approx((0.1, 0.1))
    assert "disagrees" in frame.warnings[0]


def test_a_region_that_says_nothing_of_itself_is_of_unknown_kind(tmp_path, speckle):
    assert "(unknown kind: no 2D image of tissue)" in read_with(tmp_path, speckle, [Dataset()]).warnings[0]


def test_every_pixel_size_that_disagrees_is_named(tmp_path, speckle):
    frame = read_with(tmp_path, speckle, PixelSpacing=[0.3, 0.3], NominalScannedPixelSpacing=[0.1, 0.1])
    assert frame.spacing.mm() == (0.3, 0.3)
    assert any("Nominal Pixel Spacing (0.1 x 0.1 mm) disagrees with its Pixel Spacing" in n for n in frame.warnings)
    square = region((0, 39, 0, 55), delta=(0.01, 0.01))
    for tags, regions in (({"PixelSpacing": [0.3, 0.3]}, []), ({}, [square])):
        told = read_with(tmp_path, speckle, regions, PixelAspectRatio=[2, 1], **tags)
        assert told.spacing.mm()[0] == pytest.approx(told.spacing.mm()[1])
        assert any("2 times as high as wide" in note for note in told.warnings)
        same = read_with(tmp_path, speckle, regions, PixelAspectRatio=[1, 1], **tags)
        assert not any("as high as wide" in note for note in same.warnings)
    assert read_with(tmp_path, speckle, PixelAspectRatio=[2, 1]).warnings == ()  # nothing to disagree with


def test_a_mask_whose_header_gives_another_pixel_size_than_a_dicom_frame_is_told(tmp_path, speckle, ellipse):
    import SimpleITK

    square = region((0, 39, 0, 55), delta=(0.01, 0.01))
    frame = write_dicom(tmp_path / "frame.dcm", speckle, [square])
    for suffix, size, told in (("mha", 0.2, True), ("nrrd", 0.2, True), ("mha", 0.1, False), ("mha", 1.0, False)):
        image = SimpleITK.GetImageFromArray(ellipse.astype(np.uint8)[None])
        image.SetSpacing((size, size, 1))
        SimpleITK.WriteImage(image, str(tmp_path / f"mask.{suffix}"))
        read, mass, _ = read_frame_and_mask(frame, tmp_path / f"mask.{suffix}")
        np.testing.assert_array_equal(mass, ellipse)
        notes = [note for note in read.warnings if "gives pixels of 0.2 x 0.2 mm, the frame's 0.1 x 0.1 mm" in note]
        assert len(notes) == told


def test_monochrome1_is_inverted(tmp_path, speckle):
    frame = read_with(tmp_path, speckle, photometric="MONOCHROME1")
    np.testing.assert_array_equal(frame.pixels, 255 - speckle.astype(np.float32))


def test_rgb_and_ybr_give_the_same_grey(tmp_path, speckle):
    grey = np.repeat(speckle[..., None], 3, axis=2)
    np.testing.assert_array_equal(read_with(tmp_path, grey, photometric="RGB").pixels, speckle)
    ybr = np.dstack([speckle, np.full_like(speckle, 128), np.full_like(speckle, 128)])
    np.testing.assert_allclose(read_with(tmp_path, ybr, photometric="YBR_FULL").pixels, speckle, atol=1)


def test_colour_doppler_is_told_from_coloured_marks(tmp_path, speckle):
    grey = np.repeat(speckle[..., None], 3, axis=2)
    doppler = grey.copy()
    doppler[10:22, 20:31] = (220, 20, 20)
    frame = read_with(tmp_path, doppler, photometric="RGB")
    assert "columns 20 to 30, rows 10 to 21, as colour Doppler does" in frame.warnings[0]
    assert frame.pixels[12, 22] == pytest.approx(0.299 * 220 + 0.701 * 20, abs=1e-3)
    outside = read_with(tmp_path, doppler, [region((0, 39, 32, 55), delta=(0.01, 0.01))], photometric="RGB")
    assert "logo" in outside.warnings[0]
    strokes = grey.copy()
    strokes[10:13, 20:50] = (0, 255, 0)
    assert "Coloured marks" in read_with(tmp_path, strokes, photometric="RGB").warnings[0]
    tinted = (grey * (1, 0.8, 0.3)).astype(np.uint8)
    assert "colour map" in read_with(tmp_path, tinted, photometric="RGB").warnings[0]


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_gives_its_colours(tmp_path, speckle, bits):
    ramp = np.arange(255, -1, -1).astype(np.uint16) * (257 if bits == 16 else 1)
    table = ramp.astype(np.uint16 if bits == 16 else np.uint8).tobytes()
    names = [f"{colour}PaletteColorLookupTable" for colour in ("Red", "Green", "Blue")]
    tags = {f"{name}Descriptor": [256, 0, bits] for name in names} | {f"{name}Data": table for name in names}
    frame = read_with(tmp_path, speckle, photometric="PALETTE COLOR", **tags)
    np.testing.assert_array_equal(frame.pixels, 255 - speckle.astype(np.float32))


def test_more_than_8_bits_are_mapped_from_the_bits_stored(tmp_path, speckle):
    values = speckle.astype(np.uint16) * 16 + 7  # not 8 bits in another type
    frame = read_with(tmp_path, values, BitsStored=12, HighBit=11)
    np.testing.assert_allclose(frame.pixels, values * (255 / 4095), atol=1e-3)
    assert "0 to 4095 (the bits stored)" in frame.warnings[0]
    signed = read_with(tmp_path, values.astype(np.int16) - 2048, BitsStored=12, HighBit=11)
    np.testing.assert_allclose(signed.pixels, values * (255 / 4095), atol=1e-3)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(
    ("factor", "offset", "dtype", "bits"),
    [
        (1, 0, np.uint8, 8),
        (1, 0, np.uint16, 16),  # as SimpleITK writes 8 bits in a wider type
        (1, 0, np.int16, 16),
        (4, 0, np.uint16, 12),
        (16, 0, np.uint16, 12),
        (16, 0, np.uint16, 16),
        (16, -2048, np.int16, 12),
        (257, 0, np.uint16, 16),
        (256, -32768, np.int16, 16),
        (257, -32768, np.int16, 16),
        (4095 / 255, 0, np.uint16, 16),  # rounded
    ],
)
def test_the_same_picture_in_any_depth_is_the_same_frame(tmp_path, speckle, factor, offset, dtype, bits, inverted):
    """Half as bright, so that a stretch to the values found would show (but where black itself could be meant)."""
    grey = (speckle // (1 if inverted and offset else 2)).astype(np.float64)
    values = np.rint(grey * factor) + offset
    photometric = "MONOCHROME2"
    if inverted:
        photometric = "MONOCHROME1"
        values = (255 - grey if factor == 1 else 255 * factor - np.rint(grey * factor)) + offset
    stored = np.rint(values).astype(dtype)
    frame = read_with(tmp_path, stored, photometric=photometric, BitsStored=bits, HighBit=bits - 1)
    np.testing.assert_allclose(frame.pixels, grey, atol=0.04)


def test_the_file_s_window_goes_before_its_values_where_they_support_it(tmp_path, speckle):
    values = speckle.astype(np.uint16) * 10 + 300  # 300 to 2850
    depth = {"BitsStored": 12, "HighBit": 11}
    # PS3.3 C.11.2.1.2: y = ((x - (c - 0.5)) / (w - 1) + 0.5) * 255
    centre, width = 1500, 2001
    expected = np.clip(((values - (centre - 0.5)) / (width - 1) + 0.5) * 255, 0, 255)
    frame = read_with(tmp_path, values, WindowCenter=str(centre), WindowWidth=str(width), **depth)
    np.testing.assert_allclose(frame.pixels, expected, atol=1e-3)
    assert "the file's window" in frame.warnings[0]
    exact = read_with(
        tmp_path, values, WindowCenter=["1500", "9"], WindowWidth=["2000", "9"], VOILUTFunction="LINEAR_EXACT", **depth
    )
    np.testing.assert_allclose(exact.pixels, np.clip((values - 500.0) / 2000 * 255, 0, 255), atol=1e-3)
    rescaled = read_with(
        tmp_path, values, WindowCenter="2999.5", WindowWidth="4001", RescaleSlope="2", RescaleIntercept="-1", **depth
    )
    np.testing.assert_allclose(rescaled.pixels, np.clip((values - 500.0) / 2000 * 255, 0, 255), atol=1e-3)
    plain = read_with(tmp_path, values, **depth).pixels
    for centre, width in (("32768", "65536"), ("40", "80"), ("1500", "0"), ("9999", "10")):
        ignored = read_with(tmp_path, values, WindowCenter=centre, WindowWidth=width, **depth)
        np.testing.assert_array_equal(ignored.pixels, plain)


def test_values_that_fill_only_a_part_of_the_bits_stored_are_mapped_by_the_bits_that_they_need(tmp_path, speckle):
    values = speckle.astype(np.uint16) * 14 + 9  # 12 bits at most
    frame = read_with(tmp_path, values)  # 16 stored
    np.testing.assert_allclose(frame.pixels, values * (255 / 4095), atol=1e-3)
    assert "12 bits that the values need of 16 stored" in frame.warnings[0]


def test_all_frames_of_a_loop_share_one_grey_scale(tmp_path, speckle):
    loop = np.stack([speckle * np.uint16(16) // 8, speckle * np.uint16(16)]) + np.uint16(3)
    cine = open_ultrasound(
        write_dicom(tmp_path / "loop.dcm", loop, NumberOfFrames=2, Rows=40, Columns=56, SamplesPerPixel=1)
    )
    for index in (0, 1):
        np.testing.assert_allclose(cine.read(index).pixels, loop[index] * (255 / 4095), atol=1e-3)


def test_a_mask_in_monochrome1_marks_what_is_white(tmp_path, ellipse):
    for black, dtype in ((255, np.uint8), (1, np.uint8), (4095, np.uint16)):
        stored = np.where(ellipse, 0, black).astype(dtype)
        path = write_dicom(tmp_path / "mask.dcm", stored, photometric="MONOCHROME1")
        np.testing.assert_array_equal(read_dicom_mask(path).pixels[0], np.where(ellipse, black, 0))


def test_lossless_compression_changes_nothing(tmp_path, speckle):
    path = write_dicom(tmp_path / "frame.dcm", speckle)
    data = pydicom.dcmread(path)
    data.compress(RLELossless)
    data.save_as(path)
    np.testing.assert_array_equal(read_frame(path).pixels, speckle)


def undecodable(path: Path, pixels: np.ndarray, syntax: UID) -> Path:
    """Rubbish that claims to be compressed."""
    data = pydicom.dcmread(write_dicom(path, pixels))
    data.file_meta.TransferSyntaxUID = syntax
    data.PixelData = encapsulate([b"\xff\xd8\xff\xf7" + b"\0" * 60])
    data["PixelData"].is_undefined_length = True
    data.save_as(path)
    return path


def test_a_compression_without_a_decoder_names_the_package(tmp_path, speckle):
    from pydicom.pixels import get_decoder

    if get_decoder(JPEGLSLossless).is_available:
        pytest.skip("this Python can decode JPEG-LS")
    with pytest.raises(MissingPackageError, match=r"JPEG-LS.*python-gdcm"):
        read_frame(undecodable(tmp_path / "frame.dcm", speckle, JPEGLSLossless))


def test_damaged_compressed_pixels_are_refused(tmp_path, speckle, capfd):
    with pytest.raises(InputError, match="damaged"):
        read_frame(undecodable(tmp_path / "frame.dcm", speckle, RLELossless))
    assert capfd.readouterr() == ("", "")


def test_a_cine_loop_is_refused_with_its_length(tmp_path, speckle):
    path = write_dicom(tmp_path / "loop.dcm", speckle, NumberOfFrames=25)
    path.write_bytes(path.read_bytes() + b"\0" * 24 * speckle.size)
    with pytest.raises(InputError, match=r"25 frames.*--frame 1 to 25.*cine"):
        read_frame(path)


def test_a_huge_image_is_refused_before_its_pixels_are_decoded(tmp_path, speckle):
    with pytest.raises(InputError, match="20000 x 20000"):
        read_with(tmp_path, speckle, Rows=20000, Columns=20000)


def test_files_without_image_cut_short_or_with_senseless_numbers(tmp_path, speckle, capfd):
    path = write_dicom(tmp_path / "frame.dcm", speckle)
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    with pytest.raises(InputError, match="incomplete"):
        read_frame(path)
    path.write_bytes(whole[:200])
    with pytest.raises(InputError):
        read_frame(path)
    path.write_bytes(whole.replace(b"Secret^Name", b"\xff\xfe\xfd^\x00\x01\x02Name"))
    assert read_frame(path).shape == speckle.shape
    data = pydicom.dcmread(write_dicom(path, speckle))
    del data.Rows, data.PixelData
    data.save_as(path)
    with pytest.raises(InputError, match="without an image"):
        read_frame(path)
    assert capfd.readouterr() == ("", "")


def test_dicom_is_known_by_its_content_or_else_by_its_suffix(tmp_path, speckle):
    path = write_dicom(tmp_path / "IM00001", speckle)
    np.testing.assert_array_equal(read_frame(path).pixels, speckle)
    (tmp_path / "raw.dcm").write_bytes(path.read_bytes()[132:])  # no preamble, as old archives write
    np.testing.assert_array_equal(read_frame(tmp_path / "raw.dcm").pixels, speckle)


def test_other_modalities_are_named(tmp_path, speckle):
    assert "modality is MG" in read_with(tmp_path, speckle, Modality="MG").warnings[0]
    path = write_dicom(tmp_path / "frame.dcm", speckle)
    path.write_bytes(path.read_bytes().replace(b"CS\x02\x00US", b"CS\x02\x00U\x08"))
    assert "modality is damaged" in read_frame(path).warnings[0]


def test_nothing_of_the_patient_reaches_the_frame(tmp_path, speckle):
    frame = read_with(tmp_path, speckle, [region((0, 60, 0, 55))], InstitutionName="Ward")
    for word in ("Secret", "4711", "Ward", str(tmp_path)):
        assert word not in repr((frame.source, frame.warnings, frame.spacing))


@pytest.fixture
def phantom(speckle) -> Frame:
    area = np.zeros(speckle.shape, bool)
    area[3:38, 5:50] = True
    return Frame(speckle, Spacing(0.08, 0.11, Provenance.ASSUMED), scan_area=area)


def test_a_written_frame_comes_back_with_its_millimetres(tmp_path, phantom):
    write_ultrasound_frame(tmp_path / "phantom.dcm", phantom)
    back = read_frame(tmp_path / "phantom.dcm")
    np.testing.assert_array_equal(back.pixels, phantom.pixels)
    np.testing.assert_array_equal(back.scan_area, phantom.scan_area)
    assert back.spacing.provenance is Provenance.DICOM_REGION
    assert back.spacing.mm() == pytest.approx((0.08, 0.11))


def test_a_written_file_is_an_ultrasound_image_and_the_same_each_time(tmp_path, phantom):
    for name in ("one.dcm", "two.dcm"):
        write_ultrasound_frame(tmp_path / name, phantom)
    assert (tmp_path / "one.dcm").read_bytes() == (tmp_path / "two.dcm").read_bytes()
    data = pydicom.dcmread(tmp_path / "one.dcm")
    assert data.SOPClassUID == data.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.6.1"
    assert data.SOPInstanceUID == data.file_meta.MediaStorageSOPInstanceUID
    assert str(data.PatientName) == "Phantom"
    assert (
        data.SOPInstanceUID.is_valid and len({data.SOPInstanceUID, data.StudyInstanceUID, data.SeriesInstanceUID}) == 3
    )
    other = Frame(phantom.pixels[::-1], phantom.spacing)
    write_ultrasound_frame(tmp_path / "other.dcm", other)
    assert pydicom.dcmread(tmp_path / "other.dcm").SOPInstanceUID != data.SOPInstanceUID
    assert {path.name for path in tmp_path.iterdir()} == {"one.dcm", "two.dcm", "other.dcm"}


def test_an_odd_number_of_pixels_is_padded(tmp_path, speckle):
    frame = Frame(speckle[:39, :55], Spacing(0.1, 0.1, Provenance.CALIBRATED))
    write_ultrasound_frame(tmp_path / "odd.dcm", frame)
    np.testing.assert_array_equal(read_frame(tmp_path / "odd.dcm").pixels, speckle[:39, :55])


def test_a_frame_without_millimetres_or_without_a_place_is_not_written(tmp_path, phantom):
    with pytest.raises(SpacingError):
        write_ultrasound_frame(tmp_path / "phantom.dcm", phantom.with_spacing(Spacing.unknown()))
    with pytest.raises(OutputError, match=r"phantom\.dcm cannot be written"):
        write_ultrasound_frame(tmp_path / "absent" / "phantom.dcm", phantom)
    assert list(tmp_path.iterdir()) == []
