"""The picture of an explanation, against a stored small one, and in what it must show."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from BreastMassXAILib.core.classifier import Classifier, NetworkOutput
from BreastMassXAILib.core.explain import Explanation, explain
from BreastMassXAILib.core.field import Field
from BreastMassXAILib.core.frame import Case, Frame, Provenance, Spacing
from BreastMassXAILib.core.result import Settings
from BreastMassXAILib.writers.figure import draw, write_figure

GOLDEN = Path(__file__).parents[1] / "golden" / "figure.png"
SMALL = (220, 110)


def explained(spacing=None, settings=None):
    rows, columns = np.mgrid[:160, :200]
    pixels = (120 + 60 * np.sin(rows / 5.0) * np.cos(columns / 7.0)).astype(np.float32)
    mass = ((rows - 60) / 22) ** 2 + ((columns - 100) / 30) ** 2 < 1
    frame = Frame(np.where(mass, pixels * 0.4, pixels), spacing or Spacing(0.2, 0.2, Provenance.HEADER))
    case = Case(frame, mass)
    cells = np.zeros((10, 10), np.float32)
    cells[3, 5], cells[8, 1] = 3, -3
    output = NetworkOutput(float(cells.mean()) + 0.4, 0.4, cells, Field(10, 20, 140, 160))
    return case, explain(case, output, Classifier("golden", "0" * 64), settings or Settings(), {})


def drawn(tmp_path, *of_case, **options):
    path = tmp_path / "figure.png"
    write_figure(path, *explained(*of_case), **options)
    return Image.open(path).convert("RGB")


def test_it_looks_as_it_did(tmp_path):
    """Shrunk until letters and line widths of other matplotlib versions no longer count."""
    found = np.asarray(drawn(tmp_path).resize(SMALL, Image.Resampling.BOX), float)
    expected = np.asarray(Image.open(GOLDEN).convert("RGB"), float)
    assert np.abs(found - expected).mean() < 3
    assert (np.abs(found - expected).max(axis=-1) > 60).mean() < 0.01


def test_red_and_blue_stand_where_the_map_is_positive_and_negative(tmp_path):
    image = np.asarray(drawn(tmp_path), int)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    overlay = (columns > 0.37 * image.shape[1]) & (columns < 0.72 * image.shape[1])
    r, g, b = np.moveaxis(image, -1, 0)
    red = overlay & (r - g > 50) & (abs(g - b) < 25)
    blue = overlay & (b - g > 50) & (abs(r - g) < 25)  # the outline of the region below is not: its green is high
    assert red.sum() > 500 and blue.sum() > 500
    assert rows[red].mean() < rows[blue].mean() and columns[red].mean() > columns[blue].mean()


def test_a_wider_range_pales_the_map(tmp_path):
    def redness(**options):
        image = np.asarray(drawn(tmp_path, **options), int)
        overlay = image[:, int(0.37 * image.shape[1]) : int(0.72 * image.shape[1])]
        return int(np.clip(overlay[..., 0] - overlay[..., 1], 0, None).sum())

    assert redness(saliency_range=12.0) < redness()


@pytest.mark.parametrize(
    "spacing",
    [Spacing(0.1, 0.3, Provenance.ASSUMED), Spacing(0.01, 0.01, Provenance.HEADER), Spacing.unknown()],
)
def test_any_spacing_can_be_drawn(tmp_path, spacing):
    settings = Settings(ring_mm=5.0 if spacing.known else 0.0)
    assert drawn(tmp_path, spacing, settings).size == drawn(tmp_path).size


def test_a_large_frame_is_drawn_thinned_and_looks_the_same(tmp_path):
    """Eight times as many pixels a side, each an eighth as large: the same picture but for one line of text."""
    case, small = explained()

    def enlarged(image):
        return np.kron(image, np.ones((8, 8), image.dtype))

    frame = replace(case.frame, pixels=enlarged(case.frame.pixels), spacing=Spacing(0.025, 0.025, Provenance.HEADER))
    extremes = {
        which: replace(point, row=8 * point.row + 4, column=8 * point.column + 4)
        for which, point in small.result.extremes.items()
    }
    field = {name: 8 * value for name, value in small.result.field.items()}
    large = Explanation(
        replace(small.result, extremes=extremes, field=field), enlarged(small.saliency), enlarged(small.labels)
    )
    write_figure(tmp_path / "large.png", replace(case, frame=frame, mass=enlarged(case.mass)), large)
    found = np.asarray(Image.open(tmp_path / "large.png").convert("RGB").resize(SMALL, Image.Resampling.BOX), float)
    expected = np.asarray(drawn(tmp_path).resize(SMALL, Image.Resampling.BOX), float)
    assert np.abs(found - expected).mean() < 3


@pytest.mark.parametrize("notes", [0, 3, 9])
def test_whatever_there_is_to_say_stays_on_the_page(notes):
    case, explanation = explained(Spacing(0.1, 0.1, Provenance.DICOM_REGION), Settings(ring_mm=2.0))
    said = tuple(
        f"Note {k}: what a reader of this picture must know of the frame, in some length." for k in range(notes)
    )
    figure = draw(case, replace(explanation, result=replace(explanation.result, warnings=said)))
    figure.canvas.draw()
    (words,) = [text for axes in figure.axes for text in axes.texts if "Pointing game" in text.get_text()]
    (foot,) = [text for text in figure.texts if text.get_text() == "Research use only."]
    place = words.get_window_extent()
    assert place.y0 > foot.get_window_extent().y1
    assert place.x1 < figure.bbox.x1
    assert words.get_text().count("Note ") == notes
