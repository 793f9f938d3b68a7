"""An empty white figure that needs no screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.errors import MissingPackageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def blank_figure(**how: Any) -> Figure:
    """A white figure; `how` is what matplotlib's Figure takes.

    Raises
    ------
    MissingPackageError
        When matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("The picture needs the package matplotlib: install it with pip.") from error

    figure = Figure(facecolor="white", **how)
    FigureCanvasAgg(figure)
    return figure
