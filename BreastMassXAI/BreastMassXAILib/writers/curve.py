"""The picture of a loop: probability of malignancy over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..core.cine_result import CineResult
from .canvas import blank_figure

_COLOURS = {"malignant": "red", "benign": "blue", "suspended": "gray"}
_MARKS = {"annotated": "o", "interpolated": "x", "held": ".", "automatic": "v"}


def write_curve(path: Path, result: CineResult) -> None:
    """Draw each frame's probability, coloured by its decision, with threshold, median and strongest frame (PNG).

    Raises
    ------
    MissingPackageError
        When matplotlib is not installed.
    """
    figure = blank_figure(figsize=(10, 4.5), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    timed = all(frame.time_s is not None for frame in result.frames)
    x = np.array([frame.time_s if timed else frame.index + 1 for frame in result.frames], float)
    y = np.array([frame.result.probability for frame in result.frames])
    axes.plot(x, y, color="0.75", linewidth=1, zorder=1)
    for decision, colour in _COLOURS.items():
        for origin, mark in _MARKS.items():
            of_both = np.array([f.result.decision == decision and f.mask_origin == origin for f in result.frames])
            if of_both.any():
                plain = origin == "annotated" and not result.propagated
                label = decision if plain else f"{decision}, mask {origin}"
                axes.scatter(x[of_both], y[of_both], s=22, c=colour, marker=mark, label=label, zorder=2)
    axes.axhline(result.threshold, color="black", linewidth=1, linestyle="--", label="threshold")
    axes.axhline(result.median_probability, color="0.4", linewidth=1, linestyle=":", label="median")
    place = [frame.index for frame in result.frames].index(result.strongest)
    axes.scatter(
        x[place],
        y[place],
        s=140,
        facecolors="none",
        edgecolors="black",
        label=f"strongest: frame {result.strongest + 1}",
    )
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("time (s)" if timed else "frame")
    axes.set_ylabel("probability of malignancy")
    axes.set_title(
        f"{result.decision.upper()}: median probability {result.median_probability:.2f} over {len(result.frames)} of "
        f"{result.count} frames",
        loc="left",
        fontsize=11,
    )
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, metadata={"Software": None})
