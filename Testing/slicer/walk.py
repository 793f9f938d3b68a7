"""The whole way through the module in a real Slicer, by its own widgets, with a picture and the facts of every state.

    Slicer --no-splash --additional-module-paths BreastMassXAI --python-script Testing/slicer/walk.py -- OUT

Slicer needs a main window (and must not run with --testing, which ends it at once) and, for the states with a network,
the PyTorch extension's packages. ``OUT`` gets a PNG a state and ``walk.json``: for each state which nodes are seen in
which view, how far the frame fills its views, what lies inside the visible part of the module panel, what came into
Slicer's log, the longest gaps of a 50 ms timer, and what was raised. Slicer ends with 0 where every check of every
state held, else with 1. What the network answers is nowhere known here but through the nodes.

The user's settings of the module are put back at the end. Nothing else on the computer is changed. Slicer reads this
file as the text of its main module, in the system's encoding: it holds plain ASCII only.
"""

from __future__ import annotations

import csv
import json
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import qt
import slicer
import vtk

WINDOW = (1280, 800)
TICK_MS, GAP_S = 50, 0.3
"""A timer of so many milliseconds stands for the window; gaps above so many seconds are felt."""
FILLED = (0.9, 1.02)
"""Between which shares of its view a frame counts as filling it."""
SHORT_S, LONG_S = 20.0, 600.0
BESIDE_THE_FRAME = ("saliency", "regions", "segments", "extremes", "legend")
AFTER_EXPLAIN = (
    *("decisionFrame", "gaugePicture", "decisionText", "imageCollapsibleButton", "spacingBadge", "spacingText"),
    *("massCollapsibleButton", "modelCollapsibleButton", "explainButton", "pointingTable"),
)
"""What is to be seen of the panel without scrolling, at `WINDOW`."""
_LOG_LINE = re.compile(r"^\[(DEBUG|INFO|WARNING|ERROR|CRITICAL|FATAL|UNKNOWN)\]")
_BAD_LEVELS = {"WARNING", "ERROR", "CRITICAL", "FATAL"}


# What is seen: of nodes alone, so that it is tested without a Slicer (Testing/widgets/test_walk.py)


def corners_in_view(slice_node: Any, volume: Any) -> np.ndarray:
    """The corners of a volume of one slice in a slice view.

    Returns
    -------
    np.ndarray
        float, shape (4, 2): x to the right and y upwards, in the view's pixels, of the outer corners of its first and
        last pixels.
    """
    columns, rows, _slices = volume.GetImageData().GetDimensions()
    to_ras, to_view = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(to_ras)
    vtk.vtkMatrix4x4.Invert(slice_node.GetXYToRAS(), to_view)
    found = []
    for column, row in ((-0.5, -0.5), (columns - 0.5, -0.5), (columns - 0.5, rows - 0.5), (-0.5, rows - 0.5)):
        world = [0.0, 0.0, 0.0]
        volume.TransformPointToWorld(to_ras.MultiplyPoint((column, row, 0.0, 1.0))[:3], world)
        found.append(to_view.MultiplyPoint((*world, 1.0))[:2])
    return np.array(found)


def frame_in_view(slice_node: Any, volume: Any) -> dict[str, Any]:
    """How a frame lies in a view: which share of the view's width and height it takes (the larger one is `ratio`),
    which share of the frame is inside, and whether its first row is at the top and its first column to the left."""
    corners = corners_in_view(slice_node, volume)
    width, height = slice_node.GetDimensions()[:2]
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = high - low
    inside = np.clip(np.minimum(high, (width, height)) - np.maximum(low, 0), 0, None)
    shares = size / (width, height)
    return {
        "ratio": round(float(shares.max()), 3),
        "shares": [round(float(share), 3) for share in shares],
        "inside": round(float(inside.prod() / max(size.prod(), 1e-9)), 3),
        "upright": bool(corners[0, 1] > corners[3, 1] and corners[0, 0] < corners[1, 0]),
    }


def seen_in_view(scene: Any, slice_node: Any, composite: Any) -> dict[str, Any]:
    """The nodes that a slice view shows: its layers with their opacities, segmentations, markups and legends."""
    view = slice_node.GetID()
    layers = {}
    for layer, identifier, opacity in (
        ("background", composite.GetBackgroundVolumeID(), 1.0),
        ("foreground", composite.GetForegroundVolumeID(), composite.GetForegroundOpacity()),
        ("label", composite.GetLabelVolumeID(), composite.GetLabelOpacity()),
    ):
        node = scene.GetNodeByID(identifier) if identifier else None
        layers[layer] = None if node is None else {"name": node.GetName(), "id": node.GetID(), "opacity": opacity}
    others: dict[str, list[str]] = {"segmentations": [], "markups": [], "legends": []}
    for kind, class_name in (("segmentations", "vtkMRMLSegmentationNode"), ("markups", "vtkMRMLMarkupsNode")):
        for node in nodes_of(scene, class_name):
            for index in range(node.GetNumberOfDisplayNodes()):
                display = node.GetNthDisplayNode(index)
                if display is not None and display.GetVisibility() and display.IsDisplayableInView(view):
                    others[kind].append(node.GetID())
                    break
    for legend in nodes_of(scene, "vtkMRMLColorLegendDisplayNode"):
        of = legend.GetDisplayableNode()
        shown = of is not None and any(entry is not None and entry["id"] == of.GetID() for entry in layers.values())
        if legend.GetVisibility() and legend.IsDisplayableInView(view) and shown:
            others["legends"].append(legend.GetID())
    return {"layers": layers, **others}


def nodes_of(scene: Any, class_name: str) -> list[Any]:
    return [scene.GetNthNodeByClass(i, class_name) for i in range(scene.GetNumberOfNodesByClass(class_name))]


def shows(seen: dict[str, Any], layer: str, node: Any) -> bool:
    """Whether a view has a node as this layer."""
    entry = seen["layers"][layer]
    return entry is not None and entry["id"] == node.GetID()


def strangers(scene: Any, seen: dict[str, Any], frame: Any, segmentation: Any) -> list[str]:
    """What a view shows of another frame than the chosen one: names of nodes of ours that are not this frame's."""
    from BreastMassXAILib.scene.explanation import explanation_nodes

    own, foreign = set(), {}
    for volume in nodes_of(scene, "vtkMRMLScalarVolumeNode"):
        nodes = explanation_nodes(volume)
        if nodes is None:
            continue
        for role in (*BESIDE_THE_FRAME, "mass"):
            node = getattr(nodes, role)
            if node is None:
                continue
            if volume is frame:
                own.add(node.GetID())
            else:
                foreign[node.GetID()] = node.GetName()
    if segmentation is not None:
        own.add(segmentation.GetID())
    shown = [entry["id"] for entry in seen["layers"].values() if entry is not None]
    shown += [*seen["segmentations"], *seen["markups"], *seen["legends"]]
    return [foreign[identifier] for identifier in shown if identifier in foreign and identifier not in own]


# What the desktop says


def big_view(name: str) -> Any:
    manager = slicer.app.layoutManager()
    return None if manager is None else manager.sliceWidget(name)


def views_now() -> dict[str, dict[str, Any]]:
    """Every slice view of the present layout: its size, what it shows, how a frame lies in it, the texts over it."""
    manager, found = slicer.app.layoutManager(), {}
    for name in manager.sliceViewNames():
        widget = manager.sliceWidget(name)
        if widget is None or not widget.visible:
            continue
        node = widget.mrmlSliceNode()
        seen = seen_in_view(slicer.mrmlScene, node, widget.mrmlSliceCompositeNode())
        background = seen["layers"]["background"]
        volume = slicer.mrmlScene.GetNodeByID(background["id"]) if background else None
        found[name] = {
            "size": [widget.width, widget.height],
            **seen,
            "frame": None if volume is None or volume.GetImageData() is None else frame_in_view(node, volume),
            "texts": texts_of(widget.sliceView().renderWindow()),
        }
    return found


def texts_of(window: Any) -> list[str]:
    """What is written over a view: text actors and corner annotations that are visible."""
    found = []
    renderers = window.GetRenderers()
    for index in range(renderers.GetNumberOfItems()):
        props = renderers.GetItemAsObject(index).GetViewProps()
        for number in range(props.GetNumberOfItems()):
            prop = props.GetItemAsObject(number)
            if not prop.GetVisibility():
                continue
            if prop.IsA("vtkCornerAnnotation"):
                found += [prop.GetText(corner) for corner in range(8) if prop.GetText(corner)]
            elif prop.IsA("vtkTextActor") and prop.GetInput():
                found.append(prop.GetInput())
    return found


def ui_file() -> Path:
    return Path(slicer.util.modulePath("BreastMassXAI")).parent / "Resources" / "UI" / "BreastMassXAI.ui"


def scroll_area_of(widget: Any) -> Any:
    """The scroll area of the module panel."""
    while widget is not None and widget.className() != "QScrollArea":
        widget = widget.parentWidget()
    return widget


def panel_now(ui: Any) -> dict[str, Any]:
    """Where the panel's widgets lie in its visible part: for each one that is shown, how much of it is inside."""
    names = {element.get("name") for element in ElementTree.parse(ui_file()).iter("widget")}
    viewport = scroll_area_of(ui.body).viewport()
    origin, room = viewport.mapToGlobal(qt.QPoint(0, 0)), (viewport.width, viewport.height)
    found = {}
    for name, widget in vars(ui).items():
        if name not in names or not widget.visible:
            continue
        corner = widget.mapToGlobal(qt.QPoint(0, 0))
        left, top = corner.x() - origin.x(), corner.y() - origin.y()
        height = widget.height
        across = max(0, min(left + widget.width, room[0]) - max(left, 0))
        down = max(0, min(top + height, room[1]) - max(top, 0))
        share = across * down / max(widget.width * height, 1)
        found[name] = {"place": [left, top, widget.width, height], "inside": round(share, 3)}
    return {"viewport": list(room), "widgets": found}


class Log:
    """What came into Slicer's log since the last look."""

    def __init__(self) -> None:
        self._path = Path(slicer.app.errorLogModel().filePath)
        self._read = 0
        self.new()

    def new(self) -> list[str]:
        """Lines of warnings and worse."""
        text = self._path.read_text(encoding="utf-8", errors="replace") if self._path.is_file() else ""
        text, self._read = text[self._read :], len(text)
        found: list[str] = []
        bad = False
        for line in text.splitlines():
            level = _LOG_LINE.match(line)
            if level is not None:
                bad = level[1] in _BAD_LEVELS
            if bad:
                found.append(line)
        return found


class Ticks:
    """A timer that stands for the window: what keeps it waiting keeps the user waiting."""

    def __init__(self) -> None:
        self._last, self._gaps = 0.0, []
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK_MS)
        self._timer.connect("timeout()", self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now = time.monotonic()
        self._gaps.append(now - self._last)
        self._last = now

    def restart(self) -> None:
        self._last, self._gaps = time.monotonic(), []

    def stop(self) -> None:
        self._timer.stop()

    @property
    def gaps(self) -> dict[str, Any]:
        self._tick()
        long = sorted((round(gap, 3) for gap in self._gaps if gap > GAP_S), reverse=True)
        return {"longest": round(max(self._gaps), 3), "above": long, "ticks": len(self._gaps)}


# The way


class Walk:
    """Parameters
    ----------
    out : Path
        Folder for ``walk.json`` and the pictures; made where it is missing.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.states: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.log, self.ticks = Log(), Ticks()
        self._began = time.monotonic()
        out.mkdir(parents=True, exist_ok=True)
        sys.excepthook = self._raised

    @property
    def widget(self) -> Any:
        return slicer.modules.breastmassxai.widgetRepresentation().self()

    @property
    def panel(self) -> Any:
        return self.widget.panel

    @property
    def ui(self) -> Any:
        return self.widget.ui

    def _raised(self, kind: Any, error: Any, trace: Any) -> None:
        """What a slot or an observer raised: Python would only print it."""
        self.errors.append("".join(traceback.format_exception(kind, error, trace)))

    # Doing

    def wait(self, until: Callable[[], bool], seconds: float = SHORT_S) -> None:
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                raise TimeoutError(f"still waiting after {seconds:.0f} s; the panel says: {self.ui.statusText.text!r}")
            slicer.app.processEvents()
            time.sleep(0.005)

    def settle(self, seconds: float = SHORT_S) -> None:
        """Until the network has answered, what is due was done, and the views were drawn."""
        self.wait(lambda: not self.panel.worker.busy and not self.panel.session.due, seconds)
        quiet = time.monotonic() + 0.4
        self.wait(lambda: time.monotonic() > quiet)
        self.wait(lambda: not self.panel.worker.busy and not self.panel.session.due, seconds)

    @contextmanager
    def state(
        self, name: str, *, required: tuple[str, ...] = (), filled: bool = True, gaps: bool = True
    ) -> Iterator[dict[str, Any]]:
        """Do something; then look at everything. What it raises is kept, and the walk goes on.

        Parameters
        ----------
        name : str
        required : tuple of str
            Widgets that must lie wholly inside the panel's visible part.
        filled : bool
            Whether the views show the chosen frame, and must be filled by it.
        gaps : bool
            Whether a gap of the timer above `GAP_S` counts as a fault.
        """
        facts: dict[str, Any] = {"state": name, "at": round(time.monotonic() - self._began, 1), "note": {}}
        errors = len(self.errors)
        self.ticks.restart()
        try:
            yield facts["note"]
            self.settle()
        except Exception:
            self.errors.append(traceback.format_exc())
        facts["gaps"] = self.ticks.gaps
        facts["errors"] = self.errors[errors:]
        try:
            self._look(facts, required, filled, gaps)
        except Exception:
            facts["errors"].append(traceback.format_exc())
        facts["checks"] = {**facts.get("checks", {}), "nothing was raised": not facts["errors"]}
        self.states.append(facts)
        self._write()

    def _look(self, facts: dict[str, Any], required: tuple[str, ...], filled: bool, gaps: bool) -> None:
        session, parameters = self.panel.session, self.panel.parameters
        window = slicer.util.mainWindow()
        picture = self.out / f"{len(self.states) + 1:02d}-{facts['state']}.png"
        window.grab().save(str(picture))
        facts["picture"] = picture.name
        facts["views"] = views = views_now()
        facts["panel"] = panel = panel_now(self.ui)
        facts["panel"]["dock width"] = scroll_area_of(self.ui.body).width
        facts["said"] = {
            "state": session.status.state.value,
            "status": self.ui.statusText.text,
            "decision": self.ui.decisionText.text,
            "details": self.panel.details,
            "sections": [getattr(self.ui, f"{name}CollapsibleButton").text for name in ("image", "mass", "model")],
        }
        if session.result is not None:
            facts["contributions"] = dict(session.result.contributions)
        facts["log"] = self.log.new()
        checks: dict[str, bool] = {"the log holds no warning": not facts["log"]}
        frame = parameters.frame if parameters is not None else None
        mass = parameters.segmentation if parameters is not None else None
        foreign = [name for view in views.values() for name in strangers(slicer.mrmlScene, view, frame, mass)]
        facts["strangers"] = foreign
        checks["no view shows another frame's nodes"] = not foreign
        if filled and frame is not None:
            shown = [view for view in views.values() if shows(view, "background", frame)]
            checks["the frame is on screen"] = bool(shown)
            checks["it fills its views"] = all(
                FILLED[0] <= view["frame"]["ratio"] <= FILLED[1] and view["frame"]["inside"] > 0.98 for view in shown
            )
            checks["it is upright"] = all(view["frame"]["upright"] for view in shown)
            checks["a frame is not its own foreground"] = not any(shows(view, "foreground", frame) for view in shown)
        missing = [name for name in required if panel["widgets"].get(name, {"inside": 0})["inside"] < 0.999]
        facts["missing"] = missing
        if required:
            checks["the panel shows it without scrolling"] = not missing
        if gaps:
            checks["the window was never kept waiting"] = not facts["gaps"]["above"]
        facts["checks"] = checks

    def part(self, steps: Callable[..., None], *arguments: Any) -> None:
        """Go a part of the way; one that cannot go on does not keep the next one from being tried."""
        try:
            steps(self, *arguments)
        except Exception:
            self.states[-1]["errors"].append(traceback.format_exc())
            self.check(f"{steps.__name__} was gone to its end", False)

    def check(self, sentence: str, held: bool) -> None:
        """Something that only this state asks of itself."""
        self.states[-1]["checks"][sentence] = bool(held)
        self._write()

    def _write(self) -> None:
        failed = [f"{s['state']}: {text}" for s in self.states for text, held in s["checks"].items() if not held]
        report = {
            "slicer": slicer.app.applicationVersion,
            "window": [slicer.util.mainWindow().width, slicer.util.mainWindow().height],
            "failed": failed,
            "states": self.states,
        }
        text = json.dumps(report, indent=1, default=str)
        (self.out / "walk.json").write_text(text, encoding="utf-8")

    # Acting on the views

    def view_point(self, name: str, row: float, column: float) -> tuple[int, int]:
        """A point of the chosen frame in a view, as its interactor counts: from the lower left corner."""
        node, volume = big_view(name).mrmlSliceNode(), self.panel.parameters.frame
        columns, rows, _slices = volume.GetImageData().GetDimensions()
        corners = corners_in_view(node, volume)
        right, down = (corners[1] - corners[0]) / columns, (corners[3] - corners[0]) / rows
        x, y = corners[0] + (column + 0.5) * right + (row + 0.5) * down
        return round(float(x)), round(float(y))

    def paint(self, name: str, points: list[tuple[float, float]]) -> None:
        """Press the left button, move along points (row, column) of the frame, release it."""
        interactor = big_view(name).interactorStyle().GetInteractor()
        places = [self.view_point(name, *point) for point in points]
        interactor.SetEventPosition(*places[0])
        interactor.InvokeEvent("EnterEvent")
        interactor.MouseMoveEvent()
        interactor.LeftButtonPressEvent()
        for start, end in pairwise(places):
            steps = max(int(np.hypot(end[0] - start[0], end[1] - start[1]) / 4), 1)
            for step in range(1, steps + 1):
                x, y = (round(a + (b - a) * step / steps) for a, b in zip(start, end, strict=True))
                interactor.SetEventPosition(x, y)
                interactor.MouseMoveEvent()
            slicer.app.processEvents()
        interactor.LeftButtonReleaseEvent()

    def click(self, name: str, row: float, column: float) -> None:
        """Click once, as for a point of a markup."""
        interactor = big_view(name).interactorStyle().GetInteractor()
        interactor.SetEventPosition(*self.view_point(name, row, column))
        interactor.MouseMoveEvent()
        interactor.LeftButtonPressEvent()
        interactor.LeftButtonReleaseEvent()
        slicer.app.processEvents()


def ellipse(rows: float, columns: float, height: float, width: float, turns: int = 5) -> list[tuple[float, float]]:
    """A spiral that a brush fills an ellipse with: points (row, column) from its middle outwards."""
    angles = np.linspace(0, 2 * np.pi * turns, 24 * turns)
    reach = np.linspace(0.05, 1, angles.size)
    down, right = rows + reach * height / 2 * np.sin(angles), columns + reach * width / 2 * np.cos(angles)
    return list(zip(down.tolist(), right.tolist(), strict=True))


def cohort_of_six(folder: Path) -> Path:
    """Six simulated cases, three of each kind, as PNG with masks and a manifest."""
    from PIL import Image

    from BreastMassXAILib.phantom.simulation import benign_phantom, malignant_phantom, simulate

    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for kind, phantom in (("benign", benign_phantom), ("malignant", malignant_phantom)):
        for seed in (11, 12, 13):
            case = simulate(phantom(seed))
            image, mask = folder / f"{kind}-{seed}.png", folder / f"{kind}-{seed}_mask.png"
            Image.fromarray(np.clip(case.frame.pixels, 0, 255).astype(np.uint8)).save(image)
            Image.fromarray(case.mass.astype(np.uint8) * 255).save(mask)
            rows.append([image.name, mask.name, kind, *case.frame.spacing.mm()])
    manifest = folder / "six.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["image", "mask", "label", "spacing_row_mm", "spacing_col_mm"], *rows])
    return manifest


def sample_picture() -> Path:
    """A frame without a pixel size: the sample's PNG."""
    from BreastMassXAILib.presenter.adding import samples

    return next(sample.picture for sample in samples() if sample.name == "benign")


def walk(out: Path) -> Walk:
    """Go all of it. What a state raises is in its facts; the next one is tried all the same."""
    from BreastMassXAILib.presenter.layout import FRAME_VIEW, OVERLAY_VIEW
    from BreastMassXAILib.widgets.preferences import remember

    window = slicer.util.mainWindow()
    window.showNormal()
    window.resize(*WINDOW)
    slicer.util.selectModule("BreastMassXAI")
    going = Walk(out)
    remember("saveFolder", str(out / "saved"))
    (out / "saved").mkdir(exist_ok=True)

    with going.state("empty-scene", required=("tryItButton", "startText"), filled=False, gaps=False):
        slicer.mrmlScene.Clear()
    shown = set(going.states[-1]["panel"]["widgets"]) - {"BreastMassXAI", "body", "startFrame"}  # containers
    going.check("an empty scene shows two things only", shown == {"tryItButton", "startText"})
    going.part(first_explanation)
    going.part(drawing, FRAME_VIEW, OVERLAY_VIEW)
    going.part(second_frame)
    going.part(cohort, out)
    going.part(saving, out)
    going.part(layouts, OVERLAY_VIEW)
    going.part(no_torch)
    going.part(deleting)
    going.ticks.stop()
    return going


def first_explanation(going: Walk) -> None:
    ui = going.ui
    with going.state("try-it", required=AFTER_EXPLAIN, gaps=False) as note:  # the first import of torch
        began = time.monotonic()
        ui.tryItButton.click()
        going.settle(LONG_S)
        note["seconds"] = round(time.monotonic() - began, 2)
    views = going.states[-1]["views"]
    sizes = [view["size"] for view in views.values()]
    going.check("two views of the same size", len(sizes) == 2 and abs(sizes[0][0] - sizes[1][0]) <= 4)
    going.check("the explanation is current", going.states[-1]["said"]["state"] == "current")
    going.check("there is a legend", any(view["legends"] for view in views.values()))
    texts = " ".join(text for view in views.values() for text in view["texts"])
    going.check("the decision stands in a view's corner", "esearch use only" in texts)
    with going.state("explained-again", required=AFTER_EXPLAIN) as note:
        began = time.monotonic()
        ui.explainButton.click()
        going.settle(LONG_S)
        note["seconds"] = round(time.monotonic() - began, 2)
    before = [going.states[-1]["panel"]["dock width"], [view["size"] for view in going.states[-1]["views"].values()]]
    with going.state("mass-opened"):
        ui.massCollapsibleButton.click()
    after = [going.states[-1]["panel"]["dock width"], [view["size"] for view in going.states[-1]["views"].values()]]
    going.check("opening a section leaves the views' width alone", before == after)
    widgets = going.states[-1]["panel"]["widgets"]
    room = going.states[-1]["panel"]["viewport"][0]
    left, _top, width, _height = widgets.get("segmentEditor", {"place": [0, 0, 0, 0]})["place"]
    going.check("the Segment Editor fits into the panel", width > 0 and left + width <= room)
    wanted = ui.segmentEditor.minimumSizeHint.width()
    going.states[-1]["note"]["segment editor: width, least width"] = [width, wanted]
    going.check("the Segment Editor has the width it needs", wanted <= width)


def drawing(going: Walk, frame_view: str, overlay_view: str) -> None:
    """A frame without a pixel size: calibrated, outlined with the mouse, explained, edited, undone."""
    ui, panel = going.ui, going.panel
    with going.state("loaded"):
        node = slicer.util.loadVolume(str(sample_picture()), {"singleFile": True})
        node.SetName("second frame")
        ui.frameSelector.setCurrentNode(node)
    going.check("its pixel size is unknown", "unknown" in ui.spacingText.text)
    columns, rows, _slices = panel.parameters.frame.GetImageData().GetDimensions()
    with going.state("calibrated") as note:
        ui.calibrateButton.click()
        ui.drawLineButton.click()
        for row in (0.2, 0.8):
            going.click(frame_view, row * rows, 0.9 * columns)
        line = nodes_of(slicer.mrmlScene, "vtkMRMLMarkupsLineNode")[-1]
        note["points placed with the mouse"] = line.GetNumberOfControlPoints()
        ui.lineLengthSpinBox.value = 24.0
        ui.applyCalibrationButton.click()
    going.check("a line was placed with the mouse", going.states[-1]["note"].get("points placed with the mouse") == 2)
    going.check("the pixel size is calibrated", "calibrated" in ui.spacingText.text)
    with going.state("new-mass"):
        slicer.app.applicationLogic().GetInteractionNode().SwitchToViewTransformMode()
        ui.newMassButton.click()
    with going.state("painted"):
        effect = ui.segmentEditor.effectByName("Paint")
        effect.setCommonParameter("BrushDiameterIsRelative", 1)
        effect.setCommonParameter("BrushRelativeDiameter", 8)
        going.paint(frame_view, ellipse(0.45 * rows, 0.5 * columns, 0.3 * rows, 0.35 * columns))
    mask = mass_pixels(panel)
    going.check("the mouse has painted a mass", mask > 0.02 * rows * columns)
    with going.state("painted-explained") as note:
        began = time.monotonic()
        ui.explainButton.click()
        going.settle(LONG_S)
        note["seconds"] = round(time.monotonic() - began, 2)
    going.check("the explanation is current", going.states[-1]["said"]["state"] == "current")
    before = dict(panel.session.result.contributions) if panel.session.result else {}
    with going.state("edited") as note:
        going.paint(frame_view, [(0.45 * rows, 0.66 * columns), (0.47 * rows, 0.68 * columns)])
        began = time.monotonic()
        going.wait(lambda: panel.session.result is not None and dict(panel.session.result.contributions) != before)
        note["seconds to the new contributions"] = round(time.monotonic() - began, 3)
    with going.state("undone"):
        ui.segmentEditor.undo()
    after = dict(panel.session.result.contributions) if panel.session.result else {}
    going.check("undo brings the contributions back", bool(before) and after == before)
    with going.state("stale"):
        going.paint(overlay_view, ellipse(0.8 * rows, 0.15 * columns, 0.15 * rows, 0.15 * columns, 2))
        going.paint(frame_view, ellipse(0.8 * rows, 0.15 * columns, 0.2 * rows, 0.2 * columns, 3))
    going.check("a mass that moved on is marked", going.states[-1]["said"]["state"] == "stale")
    with going.state("editor-left"):
        ui.segmentEditor.undo()
        ui.segmentEditor.setActiveEffect(None)


def mass_pixels(panel: Any) -> int:
    from BreastMassXAILib.scene.inputs import mass_of

    parameters = panel.parameters
    return int(mass_of(parameters.segmentation, parameters.massSegmentID, parameters.frame).sum())


def second_frame(going: Walk) -> None:
    """Back to the first frame, and to the second again: each with its own mass and map, and nothing of the other."""
    ui = going.ui
    for name, frame in (("first-again", "malignant phantom"), ("second-again", "second frame")):
        with going.state(name):
            ui.frameSelector.setCurrentNode(slicer.mrmlScene.GetFirstNodeByName(frame))
        mass = going.panel.parameters.segmentation
        going.check("the mass is the frame's own", mass is not None and mass.GetName().startswith(frame))


def cohort(going: Walk, out: Path) -> None:
    ui, panel = going.ui, going.panel
    with going.state("cohort-listed"):
        panel.cohort.load(cohort_of_six(out / "cohort"))
        ui.cohortCollapsibleButton.collapsed = False
    going.check("six cases are listed", ui.cohortTable.rowCount == 6)
    with going.state("cohort-first-case"):
        ui.nextCaseButton.click()
    with going.state("cohort-run"):
        ui.runAllButton.click()
        going.settle(LONG_S)
    states = [ui.cohortTable.item(row, 2).text() for row in range(ui.cohortTable.rowCount)]
    going.check("all of them are explained", states == ["done"] * 6)
    for step in ("second", "third"):
        with going.state(f"cohort-{step}-case"):
            ui.nextCaseButton.click()
        going.check("it is shown explained", going.states[-1]["said"]["state"] == "current")
    with going.state("roc-and-tables", filled=False):
        ui.cohortTablesButton.click()
    manager = slicer.app.layoutManager()
    cut = []
    for index in range(manager.tableViewCount):
        view = manager.tableWidget(index).tableView()
        if view.visible:
            cut.append(max(view.horizontalHeader().length() - view.viewport().width, 0))
    going.states[-1]["note"]["pixels of columns that are cut"] = cut
    going.check("two tables are shown, no column cut", cut == [0, 0])
    with going.state("back-to-views"):
        ui.layoutButton.click()


def saving(going: Walk, out: Path) -> None:
    """Three results in one session, the whole scene, an empty scene, the scene again, the module reloaded."""
    ui = going.ui
    for number in (1, 2, 3):
        with going.state(f"result-saved-{number}", gaps=False):  # Slicer itself saves the scene in one go
            ui.saveButton.click()
            going.settle(LONG_S)
        going.check("it was saved", ui.statusText.text.startswith("Saved"))
        if number < 3:
            with going.state(f"case-before-save-{number + 1}"):
                ui.nextCaseButton.click()
    decision = ui.decisionText.text
    frame = going.panel.parameters.frame.GetName()
    with going.state("scene-saved", gaps=False) as note:
        note["saved"] = slicer.util.saveScene(str(out / "walk.mrb"))
    with going.state("scene-closed", filled=False):
        slicer.mrmlScene.Clear()
    with going.state("scene-restored", gaps=False):
        slicer.util.loadScene(str(out / "walk.mrb"))
    going.check("the same frame", going.panel.parameters.frame is not None)
    going.check("of the same name", getattr(going.panel.parameters.frame, "GetName", str)() == frame)
    going.check("with the same decision", ui.decisionText.text == decision)
    going.check("which is current", going.states[-1]["said"]["state"] == "current")
    keys = len(going.panel._shortcuts._installed)
    with going.state("reloaded", gaps=False):
        going.widget.onReload()
    going.check("its keys work again", keys > 0 and len(going.panel._shortcuts._installed) == keys)


def layouts(going: Walk, overlay_view: str) -> None:
    """Another layout, back, and a dark window."""
    manager = slicer.app.layoutManager()
    with going.state("four-up"):
        manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    views = going.states[-1]["views"]
    going.check("our view is gone", overlay_view not in views)
    shown = [view for view in views.values() if view["layers"]["label"] is not None and view["layers"]["foreground"]]
    going.check("the explanation is shown over the frame", bool(shown))
    with going.state("side-by-side-again"):
        going.ui.layoutButton.click()
    style, palette = slicer.app.style().objectName, qt.QPalette(slicer.app.palette())
    with going.state("dark", gaps=False):
        slicer.app.setStyle("Dark Slicer")
        slicer.app.setPalette(slicer.app.style().standardPalette())
    slicer.app.setStyle(style)
    slicer.app.setPalette(palette)
    slicer.app.processEvents()


def no_torch(going: Walk) -> None:
    """Explain in a Slicer that seems to have neither torch nor the PyTorch extension: a sentence, and no traceback."""
    from BreastMassXAILib.presenter import consent

    kept, extension = consent.find_spec, sys.modules.get("PyTorchUtils")
    with going.state("no-torch"):
        consent.find_spec = lambda name: None if name in ("torch", "torchvision") else kept(name)
        sys.modules["PyTorchUtils"] = None  # type: ignore[assignment]
        going.ui.explainButton.click()
    going.check("the panel says what is missing", "PyTorch" in going.states[-1]["said"]["status"])
    consent.find_spec = kept
    if extension is None:
        del sys.modules["PyTorchUtils"]
    else:
        sys.modules["PyTorchUtils"] = extension


def deleting(going: Walk) -> None:
    """The chosen frame is deleted, and Try it pressed: twice, because what was there before must not matter."""
    ui = going.ui
    for number in (1, 2):
        with going.state(f"sample-{number}"):
            ui.sampleButton.click()
            going.settle(LONG_S)
        with going.state(f"frame-deleted-{number}", filled=False):
            slicer.mrmlScene.RemoveNode(going.panel.parameters.frame)
        with going.state(f"sample-after-deletion-{number}", required=AFTER_EXPLAIN):
            ui.sampleButton.click()
            going.settle(LONG_S)
        going.check("it is explained", going.states[-1]["said"]["state"] == "current")


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--"]
    if len(arguments) != 1 or slicer.util.mainWindow() is None:
        print(__doc__)
        slicer.util.exit(2)
        return
    from BreastMassXAILib.widgets.self_test import Settings

    settings = Settings()
    failed = ["the walk did not end"]
    try:
        going = walk(Path(arguments[0]).resolve())
        failed = json.loads((going.out / "walk.json").read_text(encoding="utf-8"))["failed"]
    except Exception:
        traceback.print_exc()
    finally:
        settings.put_back()
    print(f"walk: {len(failed)} checks failed")
    for sentence in failed:
        print(f"  {sentence}")
    slicer.util.exit(1 if failed else 0)


if __name__ == "__main__":
    qt.QTimer.singleShot(500, main)  # once Slicer has drawn itself
