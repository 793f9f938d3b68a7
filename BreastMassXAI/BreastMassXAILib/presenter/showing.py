"""What the module's views show now: kept in step with the chosen frame, the looks, the layout and the views' sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import slicer
from vtkmodules.vtkCommonCore import vtkCommand

from ..scene.annotation import CornerText
from ..scene.explanation import explanation_nodes
from ..scene.views import find_view_node, fit, geometry_of, introduce_legend, is_frame, slice_nodes
from .overlay import Looks, Place, show_chosen

_SAME = 1e-4
"""Up to which share of its height a view counts as left alone by the user."""


@dataclass(frozen=True)
class Wanted:
    """What a panel wants to be seen.

    Parameters
    ----------
    frame : vtkMRMLVolumeNode, optional
    mass : vtkMRMLSegmentationNode, optional
    looks : Looks
    note : str
        For the corner of the view that shows the explanation; see :func:`~.words.note_of`.
    """

    frame: Any = None
    mass: Any = None
    looks: Looks = field(default_factory=Looks)
    note: str = ""


class Showing:
    """For the main thread. A host calls :meth:`show` whenever what it wants changed, and :meth:`update` a moment after
    it was told that views changed: when a layout has been drawn, and the views have their sizes.

    Parameters
    ----------
    scene : vtkMRMLScene
    changed : callable
        Called, maybe many times in a row, when the layout or the size of a view changed.
    renderer_of : callable, optional
        ``renderer_of(layout name)``: the vtkRenderer of a slice view, or None where there is none.
    drawn : callable, optional
        ``drawn(layout name)``: asked for when a view is to be drawn again because of its corner.
    """

    def __init__(
        self,
        scene,
        changed: Callable[[], None],
        renderer_of: Callable[[str], Any] = lambda name: None,
        drawn: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._scene = scene
        self._changed = changed
        self._renderer_of, self._drawn = renderer_of, drawn
        self._wanted = Wanted()
        self._claims = True
        self._corner = CornerText()
        self._place = Place((), ())
        self._fits: dict[str, _Fit] = {}
        self._introduced: set[tuple[str, str]] = set()
        self._screens: dict[str, tuple[Any, ...]] = {}
        self._observed: list[tuple[Any, int]] = []
        self._updating = False
        self._observed_scene = scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, self._node_added)

    def close(self) -> None:
        """Stop looking at the views. What they show stays, but for the corner."""
        self._scene.RemoveObserver(self._observed_scene)
        self._unobserve()
        self._corner.show(None, "")

    @property
    def place(self) -> Place:
        """The views that show the frame."""
        return self._place

    @property
    def corner(self) -> CornerText:
        return self._corner

    @property
    def claims(self) -> bool:
        """Whether the module's views are the module's now, and no other module's; see :func:`~.overlay.place_of`."""
        return self._claims

    @claims.setter
    def claims(self, claims: bool) -> None:
        self._claims = claims

    def forget(self) -> None:
        """The scene was closed: the next frame may look like the last."""
        self._wanted = Wanted()
        self._fits.clear()
        self._introduced.clear()
        self.update()

    def show(self, wanted: Wanted) -> None:
        """Show this and nothing else of ours in the module's views."""
        self._wanted = wanted
        self.update()

    def update(self) -> None:
        """Derive all that is shown anew, and fit the views that need it."""
        if self._updating:
            return
        self._updating = True
        try:
            wanted, frame = self._wanted, self._wanted.frame
            if frame is not None and frame.GetScene() is not self._scene:
                frame = None
            mass = wanted.mass if wanted.mass is None or wanted.mass.GetScene() is self._scene else None
            self._place = show_chosen(self._scene, frame, wanted.looks, mass, self._claims)
            if is_frame(frame):
                for name in self._place.views if self._claims else ():
                    self._fit(find_view_node(self._scene, "vtkMRMLSliceNode", name), frame)
                self._introduce_legend(frame)
            self._write_corner(frame)
            self._observe()
        finally:
            self._updating = False

    def _fit(self, node, frame) -> None:
        """Fit a view to another frame, to the frame's new geometry, and to its own new size; but not again where only
        the user has moved it."""
        key = (frame.GetID(), frame.GetName(), *np.round(geometry_of(frame), 9))
        known = self._fits.get(node.GetID())
        if known is not None and known.key == key and (known.size == _size(node) or known.moved(node)):
            return
        fit(node, frame)
        self._fits[node.GetID()] = _Fit.of(node, key)

    def _introduce_legend(self, frame) -> None:
        nodes = explanation_nodes(frame)
        if nodes is None or not nodes.legend.GetVisibility():
            return
        for name in self._place.explanation:
            composite = find_view_node(self._scene, "vtkMRMLSliceCompositeNode", name)
            known = composite.GetID(), nodes.legend.GetID()
            if known not in self._introduced:
                self._introduced.add(known)
                introduce_legend(composite)

    def _write_corner(self, frame) -> None:
        text = self._wanted.note if frame is not None else ""
        name = self._place.explanation[0] if self._place.explanation else ""
        renderer = self._renderer_of(name) if text and name else None
        if self._corner.show(renderer, text):
            for each in self._place.views:
                self._drawn(each)

    # Following the views

    def _observe(self) -> None:
        self._unobserve()
        for node in slice_nodes(self._scene):
            self._screens[node.GetID()] = _screen(node)
            self._observed.append((node, node.AddObserver(vtkCommand.ModifiedEvent, self._view_modified)))

    def _unobserve(self) -> None:
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()
        self._screens.clear()

    def _view_modified(self, node, _event) -> None:
        if self._updating or self._screens.get(node.GetID()) == _screen(node):
            return
        if self._screens.get(node.GetID(), (None,))[0] != node.IsMappedInLayout():
            self._introduced.clear()  # a view that came into the layout may be another one, of the same name
        self._screens[node.GetID()] = _screen(node)
        self._changed()

    def _node_added(self, *_event: Any) -> None:
        if self._scene.GetNumberOfNodesByClass("vtkMRMLSliceNode") != len(self._observed):
            self._changed()


@dataclass(frozen=True)
class _Fit:
    """How a view was left."""

    key: tuple[Any, ...]
    size: tuple[int, int]
    height_mm: float
    middle: tuple[float, ...]

    @classmethod
    def of(cls, node, key: tuple[Any, ...]) -> _Fit:
        return cls(key, _size(node), node.GetFieldOfView()[1], _middle(node))

    def moved(self, node) -> bool:
        """Whether the user zoomed or panned since. A view whose window changes its size keeps its height in mm."""
        tolerance = _SAME * self.height_mm
        zoomed = abs(node.GetFieldOfView()[1] - self.height_mm) > tolerance
        return zoomed or not np.allclose(_middle(node), self.middle, rtol=0, atol=tolerance)


def _screen(node) -> tuple[Any, ...]:
    return bool(node.IsMappedInLayout()), *_size(node)


def _size(node) -> tuple[int, int]:
    columns, rows, _ = node.GetDimensions()
    return columns, rows


def _middle(node) -> tuple[float, ...]:
    matrix = node.GetSliceToRAS()
    return (*(matrix.GetElement(row, 3) for row in range(3)), *node.GetXYZOrigin()[:2])
