"""The picture of an explanation: the paper's Fig. 3 and Fig. 4 in one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.descriptors import BY_NAME
from ..core.explain import Explanation
from ..core.frame import Case, MaskOrigin, Spacing
from ..core.palette import DEAD_BAND, REGION_COLORS, diverging, symmetric_range
from ..core.regions import REGIONS, RELEVANT
from ..core.result import CaseResult
from ..core.words import NAMES, headline, in_words
from .canvas import blank_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE, DPI = (16, 8), 110
"""Of the page: width and height in inches, and dots per inch of the file."""
DRAWN_PIXELS = 900
"""Longest side of a frame that is drawn pixel by pixel."""
WORDS_LINES, WORDS_WIDTH, WORDS_POINTS = 22, 44, 9.0
"""Lines, and letters of a line, that the column of words holds at this size in points."""
TITLES = {"mass": "B. Mass", "peritumoral": "C. Peritumoral region", "below": "D. Below the mass"}


def write_figure(path: Path, case: Case, explanation: Explanation, saliency_range: float | None = None) -> None:
    """Draw frame, regions, overlay with extremes, decision and contributions on one page (PNG or PDF).

    Parameters
    ----------
    saliency_range : float, optional
        Logits at the ends of the colour bar, to compare cases; the map's own largest magnitude by default.

    Raises
    ------
    MissingPackageError
        When matplotlib is not installed.
    """
    # The same input gives the same bytes.
    stamp = "CreationDate" if path.suffix.lower() == ".pdf" else "Software"
    draw(case, explanation, saliency_range).savefig(path, metadata={stamp: None})


def figure_pixels(case: Case, explanation: Explanation, width: int) -> np.ndarray:
    """The same page as an RGB image, `width` pixels wide and half as high; uint8.

    Raises
    ------
    MissingPackageError
        When matplotlib is not installed.
    """
    figure = draw(case, explanation, dpi=width / SIZE[0])
    canvas: Any = figure.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def draw(case: Case, explanation: Explanation, saliency_range: float | None = None, dpi: float = DPI) -> Figure:
    """The page of :func:`write_figure` as matplotlib's figure, on a canvas without a screen.

    Raises
    ------
    MissingPackageError
        When matplotlib is not installed.
    """
    figure = blank_figure(figsize=SIZE, dpi=dpi)
    case, explanation = thinned(case, explanation)
    parts = figure.add_gridspec(
        1, 3, width_ratios=(1.0, 1.25, 0.7), left=0.02, right=0.985, top=0.87, bottom=0.05, wspace=0.27
    )
    panels = parts[0].subgridspec(2, 2, hspace=0.1, wspace=0.05)
    aspect = pixel_aspect(case)
    first = figure.add_subplot(panels[0])
    _show_frame(first, case, aspect, "A. Frame")
    _scale_bar(first, case)
    for place, name in zip((panels[1], panels[2], panels[3]), RELEVANT, strict=True):
        axes = figure.add_subplot(place)
        automatic = name == "mass" and case.mass_origin is MaskOrigin.AUTOMATIC
        _show_frame(axes, case, aspect, TITLES[name] + (", automatic outline" if automatic else ""))
        _show_region(axes, explanation.labels == REGIONS.index(name), REGION_COLORS[name])
    overlay = figure.add_subplot(parts[1])
    limit = saliency_range or symmetric_range(explanation.saliency)
    show_overlay(overlay, case, explanation, aspect, limit)
    _colour_bar(overlay.inset_axes((1.03, 0.0, 0.04, 1.0)), limit)
    side = parts[2].subgridspec(2, 1, height_ratios=(1, 2), hspace=0.14)
    # The bars' names need room to their left.
    _show_contributions(figure.add_subplot(side[0].subgridspec(1, 2, width_ratios=(0.3, 1), wspace=0)[1]), explanation)
    words = figure.add_subplot(side[1])
    words.axis("off")
    text, size = fitted_words(explanation.result)
    words.text(0, 1.0, text, va="top", ha="left", fontsize=size, linespacing=1.45)
    figure.text(0.985, 0.012, "Research use only.", ha="right", fontsize=9)
    figure.suptitle(headline(explanation.result), x=0.02, y=0.965, ha="left", fontsize=15, fontweight="bold")
    return figure


def fitted_words(result: CaseResult) -> tuple[str, float]:
    """The words beside the picture and the size of their letters, in points: smaller ones where there is more to say,
    on lines that are longer by as much."""
    size = WORDS_POINTS
    while True:
        text = in_words(result, int(WORDS_WIDTH * WORDS_POINTS / size))
        if text.count("\n") + 1 <= WORDS_LINES * WORDS_POINTS / size or size <= 4:
            return text, size
        size -= 0.25


def pixel_aspect(case: Case) -> float:
    """Height of a pixel : its width; 1 where that is unknown."""
    row_mm, column_mm = case.frame.spacing.mm() if case.frame.spacing.known else (1.0, 1.0)
    return row_mm / column_mm


def thinned(case: Case, explanation: Explanation) -> tuple[Case, Explanation]:
    """Every k-th pixel of a frame that is larger than its picture: a large frame must not cost gigabytes to draw."""
    step = -(-max(case.frame.shape) // DRAWN_PIXELS)
    if step == 1:
        return case, explanation
    thin = slice(step // 2, None, step)
    frame, result = case.frame, explanation.result
    spacing = frame.spacing
    if spacing.known:
        row_mm, column_mm = spacing.mm()
        spacing = Spacing(min(row_mm * step, 10.0), min(column_mm * step, 10.0), spacing.provenance)
    area = None if frame.scan_area is None else frame.scan_area[thin, thin]
    frame = replace(frame, pixels=frame.pixels[thin, thin], spacing=spacing, scan_area=area)
    extremes = {
        which: replace(
            point, row=min(point.row // step, frame.shape[0] - 1), column=min(point.column // step, frame.shape[1] - 1)
        )
        for which, point in result.extremes.items()
    }
    field = {name: value / step for name, value in result.field.items()}
    return (
        replace(case, frame=frame, mass=case.mass[thin, thin]),
        Explanation(
            replace(result, extremes=extremes, field=field),
            explanation.saliency[thin, thin],
            explanation.labels[thin, thin],
        ),
    )


def _show_frame(axes: Axes, case: Case, aspect: float, title: str) -> None:
    axes.imshow(case.frame.shown, cmap="gray", vmin=0, vmax=255, aspect=aspect, interpolation="nearest")
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_anchor("N")
    axes.set_xticks([])
    axes.set_yticks([])


def _show_region(axes: Axes, region: np.ndarray, colour: tuple[float, float, float]) -> None:
    veil = np.zeros((*region.shape, 4), np.float32)
    veil[~region, 3] = 0.6
    axes.imshow(veil, aspect=axes.get_aspect(), interpolation="nearest")
    _outline(axes, region, colour, 1.6)


def _outline(
    axes: Axes, region: np.ndarray, colour: tuple[float, float, float], width: float, style: str = "-"
) -> None:
    if region.any() and not region.all():
        # One pixel of frame around the image closes outlines that run along its border.
        framed = np.pad(region, 1).astype(float)
        rows, columns = np.arange(-1, region.shape[0] + 1), np.arange(-1, region.shape[1] + 1)
        axes.contour(columns, rows, framed, levels=[0.5], colors=[colour], linewidths=width, linestyles=style)
        axes.set_xlim(-0.5, region.shape[1] - 0.5)
        axes.set_ylim(region.shape[0] - 0.5, -0.5)


def show_overlay(
    axes: Axes, case: Case, explanation: Explanation, aspect: float, limit: float, title: str = ""
) -> None:
    """The map on its frame, with regions, field and extreme points; `limit` in logits are the strongest colours'."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    _show_frame(axes, case, aspect, title or map_title(explanation.result))
    t = explanation.saliency / limit
    strength = np.abs(t)
    opacity = np.where(strength < DEAD_BAND, 0, 0.2 + 0.4 * np.minimum(strength, 1))
    axes.imshow(np.dstack([diverging(t), opacity]), aspect=aspect, interpolation="bilinear")
    for name in reversed(RELEVANT):
        style = "-" if name == "mass" else "--"
        _outline(
            axes, explanation.labels == REGIONS.index(name), REGION_COLORS[name], 1.8 if name == "mass" else 1.0, style
        )
    field = explanation.result.field
    corner = (field["column"] - 0.5, field["row"] - 0.5)
    axes.add_patch(
        Rectangle(corner, field["width"], field["height"], fill=False, edgecolor="white", linewidth=1, linestyle=":")
    )
    dark = [withStroke(linewidth=3.5, foreground="black")]
    middle = case.frame.shape[1] / 2
    for which, point in explanation.result.extremes.items():
        axes.plot(
            point.column,
            point.row,
            "+",
            color="white",
            markersize=15,
            markeredgewidth=2,
            path_effects=dark,
            clip_on=False,
        )
        left, down = point.column > middle, point.row < 0.06 * case.frame.shape[0]
        axes.annotate(
            f"{which} {point.value:+.2f}",
            (point.column, point.row),
            xytext=(-9 if left else 9, -9 if down else 9),
            textcoords="offset points",
            ha="right" if left else "left",
            va="top" if down else "bottom",
            color="white",
            fontsize=9,
            path_effects=dark,
        )
    _scale_bar(axes, case)


def _scale_bar(axes: Axes, case: Case) -> None:
    from matplotlib.patheffects import withStroke

    rows, columns = case.frame.shape
    dark = [withStroke(linewidth=3, foreground="black")]
    place: dict[str, Any] = {"color": "white", "fontsize": 8, "path_effects": dark}
    if not case.frame.spacing.known:
        axes.text(0.03 * columns, 0.975 * rows, "pixel size unknown", **place)
        return
    column_mm = case.frame.spacing.mm()[1]
    length = next((mm for mm in (10, 5, 2, 1) if mm <= 0.4 * columns * column_mm), 0.5)
    start, stop, row = 0.03 * columns, 0.03 * columns + length / column_mm, 0.965 * rows
    axes.plot([start, stop], [row, row], color="white", linewidth=2.5, path_effects=dark, solid_capstyle="butt")
    assumed = " (assumed)" if case.frame.spacing.provenance.value == "assumed" else ""
    axes.text(start, row - 0.015 * rows, f"{length:g} mm{assumed}", va="bottom", **place)


def _colour_bar(axes: Axes, limit: float) -> None:
    values = np.linspace(-limit, limit, 256)
    axes.imshow(diverging(values / limit)[:, None], origin="lower", aspect="auto", extent=(0, 1, -limit, limit))
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.set_title("logit", fontsize=9)
    axes.tick_params(labelsize=8)
    for place, word, colour in ((0.98, "malignant", "white"), (0.02, "benign", "white")):
        axes.text(
            0.5,
            place,
            word,
            transform=axes.transAxes,
            rotation=90,
            fontsize=8,
            color=colour,
            ha="center",
            va="top" if place > 0.5 else "bottom",
        )


def map_title(result: CaseResult) -> str:
    """What the map is, above it."""
    return "Signed class activation map" if result.method == "cam" else f"Signed map by {result.method}"


def _show_contributions(axes: Axes, explanation: Explanation) -> None:
    result = explanation.result
    if not result.exact:
        _show_shares(axes, result)
        return
    regions = (*RELEVANT, "elsewhere")
    names = [*(NAMES[name] for name in regions), *(BY_NAME[name].label for name in result.terms), "bias"]
    values = [*(result.contributions[name] for name in regions), *result.terms.values(), result.bias]
    colours = ["red" if value > 0 else "blue" for value in values]
    axes.barh(range(len(names)), values, color=colours, alpha=0.75, height=0.6)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), names, fontsize=min(8.5, 60 / len(names)))
    axes.invert_yaxis()
    reach = max(abs(value) for value in values) * 1.5 or 1
    axes.set_xlim(-reach, reach)
    for index, value in enumerate(values):
        axes.text(
            value + (0.03 if value >= 0 else -0.03) * reach,
            index,
            f"{value:+.2f}",
            va="center",
            fontsize=min(8.0, 60 / len(names)),
            ha="left" if value >= 0 else "right",
        )
    axes.set_title(f"Contributions, sum = logit {result.logit:+.2f}", fontsize=10, loc="center")
    axes.tick_params(axis="x", labelsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _show_shares(axes: Axes, result: CaseResult) -> None:
    """Of a method whose values do not add up to the logit."""
    names = [*RELEVANT, "elsewhere"]
    values = [(result.energy or {}).get(name, 0.0) for name in names]
    axes.barh(range(len(names)), values, color="0.5", height=0.6)
    axes.set_yticks(range(len(names)), [NAMES.get(name, name) for name in names], fontsize=8.5)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15)
    for index, value in enumerate(values):
        axes.text(value + 0.02, index, f"{value:.0%}", va="center", fontsize=8)
    axes.set_title("Shares of evidence, no exact sum", fontsize=10, loc="center")
    axes.tick_params(axis="x", labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
