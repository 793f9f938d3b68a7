"""What values mean mass: the same rule for every kind of values, with counts that follow from the values themselves."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from BreastMassXAILib.core.errors import InputError, SegmentChoiceError
from BreastMassXAILib.readers.mask_colours import mark_colours
from BreastMassXAILib.readers.mask_rule import looks_like, mark, specks

SHAPE = (120, 140)
ROWS, COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]]
MASS = ((ROWS - 55) / 22) ** 2 + ((COLUMNS - 60) / 31) ** 2 <= 1
OTHER = ROWS < 14
SOFT = ndimage.gaussian_filter(MASS.astype(float), 2)


def tissue() -> np.ndarray:
    """Speckle that fades with depth, darker in the mass: 0..255."""
    rng = np.random.default_rng(5)
    speckle = ndimage.gaussian_filter(rng.rayleigh(1, SHAPE), 1) * (1.6 - ROWS / SHAPE[0]) * np.where(MASS, 0.4, 1)
    return np.rint(speckle / speckle.max() * 255).astype(np.uint8)


def jpeg(values: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize(
    ("dtype", "high"), [(np.uint8, 255), (np.uint16, 40000), (np.int32, 255), (np.float32, 1.0), (np.float64, 0.37)]
)
def test_soft_edges_are_cut_at_half_of_their_range_in_every_type(dtype, high):
    values = (SOFT / SOFT.max() * high).astype(dtype)
    found = mark("m", values)
    np.testing.assert_array_equal(found.pixels, values >= high / 2)
    between = int(((values > 0) & (values < values.max())).sum())
    assert f"{between} pixels lay between" in found.notes[0] and "half of its range" in found.notes[0]


@pytest.mark.parametrize("quality", [100, 97, 95, 90, 75, 50])
def test_what_jpeg_leaves_is_no_mass(quality):
    values = jpeg(MASS.astype(np.uint8) * 255, quality)
    assert (values > 0).sum() > MASS.sum()  # the trap is there
    for found in (mark("m", values), mark_colours("m", np.dstack([values] * 3)), mark("m", values, lossy=True)):
        np.testing.assert_array_equal(found.pixels, values >= (int(values.min()) + int(values.max())) / 2)
        assert (found.pixels ^ MASS).sum() <= (3 if quality > 80 else 20)


def test_noise_of_one_level_is_no_mass_and_is_told():
    rng = np.random.default_rng(1).random(SHAPE)
    values = np.where(MASS, np.where(rng < 0.5, 254, 255), np.where(rng < 0.02, 1, 0)).astype(np.uint8)
    found = mark("m", values)
    np.testing.assert_array_equal(found.pixels, MASS)
    away = (values == 1) & (ndimage.distance_transform_cdt(~MASS, "chessboard") > 16)
    assert any(f"{away.sum()} pixels farther than 16 pixels" in note for note in found.notes)
    clean = mark("m", np.where(MASS, 255, (rng < 0.001).astype(int)).astype(np.uint8))
    np.testing.assert_array_equal(clean.pixels, MASS)


def test_two_levels_are_mass_and_background():
    for low, high in ((0, 1), (0, 255), (0, 0.2), (-1, 0)):
        found = mark("m", np.where(MASS, high if low == 0 else low, 0))
        np.testing.assert_array_equal(found.pixels, MASS)
        assert found.notes == ()
    found = mark("m", np.where(MASS, 0.98, 1e-6))
    np.testing.assert_array_equal(found.pixels, MASS)
    assert f"{MASS.sum()} pixels" in found.notes[0]
    with pytest.raises(InputError, match="none of them is 0"):
        mark("m", np.where(MASS, 1, -1))
    with pytest.raises(InputError, match="below 0"):
        mark("m", np.where(MASS, 1, np.where(OTHER, -1024, 0)))


@pytest.mark.parametrize("values", [(1, 2), (2, 1), (3, 9), (85, 170), (128, 255), (255, 128), (2, 255), (100, 110)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_labels_without_a_name_are_never_united(values, dtype):
    image = np.where(MASS, values[0], np.where(OTHER, values[1], 0)).astype(dtype)
    with pytest.raises(SegmentChoiceError) as caught:
        mark("m", image)
    assert caught.value.choices == tuple(str(value) for value in sorted(values))
    np.testing.assert_array_equal(mark("m", image, [str(values[0])]).pixels, MASS)
    np.testing.assert_array_equal(mark("m", image, [str(value) for value in values]).pixels, MASS | OTHER)


def test_labels_that_were_blurred_are_not_united_either():
    image = np.where(MASS, 255, np.where(OTHER, 120, 0)).astype(np.uint8)
    with pytest.raises(SegmentChoiceError):
        mark("m", jpeg(image, 95))
    with pytest.raises(InputError, match="is a JPEG"):
        mark("m", jpeg(image, 95), ["120"], lossy=True)


def test_255_beside_0_and_1_is_ignore():
    image = np.where(MASS, 1, np.where(OTHER, 255, 0)).astype(np.uint8)
    found = mark("m", image)
    np.testing.assert_array_equal(found.pixels, MASS)
    assert f"({OTHER.sum()} pixels) means 'ignore'" in found.notes[0]
    thin = np.zeros(SHAPE, np.uint8)
    thin[:, 60], thin[:, 100:] = 1, 255  # a mass so thin that it could be a line
    with pytest.raises(SegmentChoiceError):
        mark("m", thin)


@pytest.mark.parametrize("alpha", [False, True])
def test_colours_are_labels(alpha):
    colours = np.zeros((*SHAPE, 3), np.uint8)
    colours[MASS], colours[OTHER] = (255, 0, 0), (0, 200, 0)
    opacity = np.where(MASS | OTHER, 255, 0).astype(np.uint8) if alpha else None
    with pytest.raises(SegmentChoiceError) as caught:
        mark_colours("m", colours, opacity)
    assert caught.value.choices == ("#00c800", "#ff0000")
    np.testing.assert_array_equal(mark_colours("m", colours, opacity, ["#FF0000"]).pixels, MASS)
    with pytest.raises(SegmentChoiceError, match="no segment '#0000ff'"):
        mark_colours("m", colours, opacity, ["#0000ff"])
    smooth = np.stack([ndimage.gaussian_filter(colours[..., k].astype(float), 1.5) for k in range(3)], axis=2)
    with pytest.raises(SegmentChoiceError, match="several colours"):
        mark_colours("m", smooth.astype(np.uint8))
    soft = np.zeros((*SHAPE, 3), np.uint8)
    soft[..., 0] = SOFT / SOFT.max() * 250
    np.testing.assert_array_equal(mark_colours("m", soft).pixels, soft[..., 0] >= 125)


def test_soft_opacity_is_cut_at_half_as_well():
    opacity = np.rint(SOFT / SOFT.max() * 255).astype(np.uint8)
    white = np.full((*SHAPE, 3), 255, np.uint8)
    for colours in (white, white * 0):
        np.testing.assert_array_equal(mark_colours("m", colours, opacity).pixels, opacity >= 127.5)


def drawings() -> dict[str, np.ndarray]:
    """The frame and what programs make of it, as strengths."""
    frame = tissue()
    outlined = frame.copy()
    outlined[MASS ^ ndimage.binary_erosion(MASS, iterations=2)] = 255
    filled = np.where(MASS, np.maximum(frame, 200), frame)
    return {
        "itself": frame,
        "brighter": np.clip(frame * 1.7, 0, 255).astype(np.uint8),
        "darker": (frame // 5).astype(np.uint8),
        "outlined": outlined,
        "filled": filled,
        "16 levels": (frame // 17).astype(np.uint8),
        "8 levels": (frame // 32 * 36).astype(np.uint8),
        "float": frame / 255,
        "jpeg": jpeg(frame, 60),
    }


@pytest.mark.parametrize("name", drawings())
def test_a_picture_of_the_frame_is_no_mask(name):
    values, frame = drawings()[name], tissue()
    with pytest.raises(InputError, match="grey picture, not a mask"):
        mark("m", values, frame=frame)
    if values.dtype == np.uint8:
        with pytest.raises(InputError, match="grey picture, not a mask"):
            mark_colours("m", np.dstack([values, values, np.where(MASS, 0, values)]), frame=frame)
    for good in (MASS.astype(np.uint8), (SOFT * 255).astype(np.uint8), SOFT):
        assert not looks_like(good, frame)
        assert mark("m", good, frame=frame).pixels.any()


def test_a_piece_of_the_frame_is_no_mask_whatever_surrounds_it():
    frame = tissue()
    pieces = [np.where(MASS, np.maximum(frame, 1), 0), np.where(MASS, np.maximum(frame, 1), 0).astype(np.uint16) * 257]
    for piece in pieces:
        for draw in (lambda p=piece: mark("m", p, (), frame), lambda p=piece: mark("m", p[None], (), frame)):
            with pytest.raises(InputError, match="a piece of the frame, not a mask"):
                draw()
        with pytest.raises(InputError, match="a piece of the frame, not a mask"):
            mark_colours("m", np.dstack([piece] * 3), None, (), frame)
    colours = np.dstack([np.where(MASS, np.maximum(frame, 1), 0)] * 3)
    colours[..., 1] = colours[..., 1] * 0.8  # tinted
    with pytest.raises(InputError, match="not a mask"):
        mark_colours("m", colours, None, (), frame)
    for soft in (SOFT * 255, jpeg(MASS.astype(np.uint8) * 255, 75)):  # levels of an edge are none
        assert mark("m", np.rint(soft).astype(np.uint8), (), frame, lossy=True).pixels.any()


@pytest.mark.parametrize("highest", [1.0, 0.8, 0.55])
def test_probabilities_of_a_format_that_says_so_are_cut_at_its_own_half(highest):
    values = np.rint(SOFT * highest * 100)
    found = mark("m", values, limits=(0, 100))
    np.testing.assert_array_equal(found.pixels, values >= 50)


def test_an_outline_is_no_mask_of_what_it_encloses():
    for width in (1, 2, 4):
        line = MASS & ~ndimage.binary_erosion(MASS, iterations=width)
        with pytest.raises(InputError, match=rf"outline only: {line.sum()} pixels around {(MASS & ~line).sum()} that"):
            specks("m", line)
    thick = MASS & ~ndimage.binary_erosion(MASS, iterations=10)  # marks more than it leaves out
    assert specks("m", thick) == () and specks("m", MASS) == ()
    opened = (MASS & ~ndimage.binary_erosion(MASS, iterations=2)) & (COLUMNS > 40)  # a line that encloses nothing
    assert specks("m", opened) == ()


def test_a_dithered_picture_is_no_mask():
    dithered = np.asarray(Image.fromarray(tissue()).convert("1"))
    with pytest.raises(InputError, match="pieces"):
        specks("m", mark("m", dithered, frame=tissue()).pixels)


def test_specks_are_told():
    mask = MASS.copy()
    mask[5, 5] = mask[100, 120] = True
    (note,) = specks("m", mask)
    assert "2 specks of at most 1 pixel" in note
    assert specks("m", MASS) == () and specks("m", MASS | OTHER) == ()


@pytest.mark.parametrize(("gap", "noted"), [(1, False), (2, False), (9, True)])
def test_the_tip_of_a_spicule_is_no_speck(gap, noted):
    mask = np.zeros((60, 60), bool)
    mask[30:50, 20:40] = True
    mask[29 - gap, 30] = True
    assert bool(specks("m.png", mask)) == noted
