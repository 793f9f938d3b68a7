"""A few lines of text in the corner of a view: drawn over it, not a node of the scene."""

from __future__ import annotations

from typing import Any

from vtkmodules.vtkRenderingCore import vtkTextActor

_FONT_SIZE, _MARGIN = 15, 0.015


class CornerText:
    """Text in the upper left corner of one view at a time.

    Slicer's own corner annotations are written anew by its Data Probe whenever anything changes in a view; this is an
    actor of its own. Upper left is where Slicer shows patients' names if it is asked to, which it is not by default.
    """

    def __init__(self) -> None:
        self._renderer: Any = None
        self._actor = vtkTextActor()
        style = self._actor.GetTextProperty()
        style.SetFontSize(_FONT_SIZE)
        style.SetColor(1, 1, 1)
        style.SetBackgroundColor(0, 0, 0)
        style.SetBackgroundOpacity(0.6)  # B-mode is as bright as the letters
        style.SetVerticalJustificationToTop()
        self._actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
        self._actor.SetPosition(_MARGIN, 1 - _MARGIN)

    @property
    def text(self) -> str:
        """What is shown; empty where nothing is."""
        return self._actor.GetInput() or "" if self._renderer is not None else ""

    @property
    def renderer(self) -> Any:
        """The vtkRenderer whose view shows it, or None."""
        return self._renderer

    def show(self, renderer, text: str) -> bool:
        """Show a text in a view; an empty one, or no view, takes it away.

        Returns
        -------
        bool
            Whether anything changed, so that the view is to be drawn again.
        """
        if not text:
            renderer = None
        changed = renderer is not self._renderer or (renderer is not None and text != self._actor.GetInput())
        if renderer is not self._renderer:
            if self._renderer is not None:
                self._renderer.RemoveViewProp(self._actor)
            if renderer is not None:
                renderer.AddViewProp(self._actor)
            self._renderer = renderer
        self._actor.SetInput(text)
        return changed
