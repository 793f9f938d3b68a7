"""Mass: the buttons by which a network outlines it, and the clicks in the views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ..core.outline import Click
from ..presenter.layout import SLICE_VIEWS
from ..presenter.suggesting import Suggesting
from ..presenter.words import origin_words
from ..scene.clicks import begin_clicks, clicks_in, end_clicks, newest_place, place_at, show_clicks, world_of_view
from .window import slice_widget

if TYPE_CHECKING:
    from .desk import Desk


class SuggestSection:
    def __init__(self, panel: Desk) -> None:
        self._panel = panel
        self._ui = ui = panel.ui
        self._suggesting = Suggesting(panel.session, self._choose, ui.segmentEditor.saveStateForUndo)
        self._points: Any = None
        self._frame: Any = None
        self._observed: list[tuple[Any, int]] = []
        self._showing = False
        panel.slots.connect(ui.suggestButton, "clicked()", self._suggest)
        panel.slots.connect(ui.clickMassButton, "toggled(bool)", self._toggled)
        panel.slots.connect(ui.acceptButton, "clicked()", self._suggesting.accept)

    def stop(self) -> None:
        """No click is waited for any more."""
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()
        self._points = self._frame = None
        if clicks_in(self._panel.scene):
            end_clicks(self._panel.scene)
        if self._ui.clickMassButton.checked:
            self._ui.clickMassButton.checked = False

    def draw(self) -> None:
        suggesting = self._suggesting
        if self._points is not None and self._panel.session.inputs[0] is not self._frame:
            self.stop()
        self._ui.suggestButton.enabled = suggesting.can_suggest
        self._ui.clickMassButton.enabled = suggesting.can_suggest
        origin = suggesting.origin
        self._ui.acceptButton.enabled = suggesting.can_accept
        self._ui.maskOriginText.text = _(origin_words(origin))

    def _choose(self, node, segment_id: str) -> None:
        self._panel.choose(frame=self._panel.session.inputs[0], segmentation=node, segment=segment_id)
        self._panel.mass.follow()  # undo is the editor's affair, which must know the mass before it changes

    def _suggest(self) -> None:
        self._panel.install_packages()
        self._suggesting.suggest(self._panel.worker, self._done, self._failed)
        self._panel.work()

    def _toggled(self, on: bool) -> None:
        if not on:
            self.stop()
            return
        panel = self._panel
        panel.install_packages()
        self._frame = panel.session.inputs[0]
        self._points = begin_clicks(panel.scene, self._frame)
        placed = self._points.PointPositionDefinedEvent
        self._observed.append((self._points, panel.slots.observe(self._points, placed, self._placed)))
        for name in SLICE_VIEWS:
            widget = slice_widget(name)
            if widget is not None:
                view = widget.sliceView().interactor()

                def pressed(caller, _event, widget=widget) -> None:
                    self._pressed(caller, widget.mrmlSliceNode())

                self._observed.append((view, panel.slots.observe(view, "LeftButtonPressEvent", pressed)))
        panel.tell(_("Click in the mass; with Ctrl held, on what does not belong to it."))

    def _placed(self, _caller, _event) -> None:
        if self._showing or self._points is None:
            return
        place = newest_place(self._points, self._frame)
        if place is not None:
            self._click(Click(*place))

    def _pressed(self, interactor, slice_node) -> None:
        """Slicer places a point at a plain click only; one with Ctrl is heard here."""
        if self._points is None or not interactor.GetControlKey():
            return
        world = world_of_view(slice_node, *interactor.GetEventPosition())
        self._click(Click(*place_at(self._frame, world), inside=False))

    def _click(self, click: Click) -> None:
        self._suggesting.click(self._panel.worker, click, self._done, self._failed)
        self._panel.work()

    def _done(self, sentence: str) -> None:
        self._show_points()
        self._panel.tell(sentence)
        self._panel.redraw()

    def _failed(self, sentence: str, details: str) -> None:
        self._show_points()
        self._panel.tell(sentence, details)

    def _show_points(self) -> None:
        """The points are those that the outline was made from: what was refused is taken away."""
        if self._points is None or self._points.GetScene() is None:
            return
        self._showing = True
        try:
            places = [(click.row, click.column, click.inside) for click in self._suggesting.clicks]
            show_clicks(self._points, self._frame, places)
        finally:
            self._showing = False
