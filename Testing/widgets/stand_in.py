"""A stand-in for what the panel sees of Slicer's desktop: keeps values, sends signals, refuses what is not there.

Which names and signals there are is data: ``slicer-5.12-names.json``, read off a running Slicer 5.12. A name that
Slicer does not have is an AttributeError here, a signal that it does not have is a ValueError, and what ends a real
Slicer with a segmentation fault raises :class:`Crash`, which nothing catches. The scene is a real one (slicer-core).
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import time
import typing
import unittest
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "BreastMassXAI"
UI = MODULE / "Resources" / "UI" / "BreastMassXAI.ui"
NAMES = json.loads((Path(__file__).parent / "slicer-5.12-names.json").read_text(encoding="utf-8"))["classes"]
_WIDGET = set(NAMES["QWidget"]["members"])


class Crash(BaseException):
    """A real Slicer would be gone."""


def members(kind: str) -> set[str]:
    entry = NAMES[kind]
    return set(entry["members"]) | (_WIDGET if entry["widget"] else set())


def normal(signature: str) -> str:
    return re.sub(r"\s+|const|&", "", signature)


class _Kind(type):
    """Enum values and static functions of a Qt class: any name that it has; upper-case ones are numbers."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") or name not in members(cls.kind):
            raise AttributeError(f"{cls.kind} has no {name} in Slicer 5.12")
        if name[0].isupper():
            return 1 << (hash(name) % 16)
        raise AttributeError(f"the stand-in does not know what {cls.kind}.{name} does")


class Thing(metaclass=_Kind):
    """An object of one of Slicer's classes: remembers what it is given, and does nothing else."""

    kind = "QObject"
    state: typing.ClassVar[dict[str, Any]] = {}

    def __init__(self, *_arguments: Any) -> None:
        self.__dict__["values"] = {}
        for base in reversed(type(self).__mro__):
            self.values.update({k: v() if callable(v) else v for k, v in vars(base).get("state", {}).items()})
        self.__dict__["slots"] = []

    def _known(self, name: str) -> None:
        if name not in members(self.kind):
            raise AttributeError(f"{self.kind} has no {name} in Slicer 5.12")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._known(name)
        values = self.__dict__["values"]
        if name in values:
            return values[name]
        setter = re.fullmatch(r"set([A-Z])(\w*)", name)
        if setter and setter[1].lower() + setter[2] in members(self.kind):
            return lambda value=None, *_rest: setattr(self, setter[1].lower() + setter[2], value)
        return lambda *_arguments: None

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):  # a Python subclass' own
            self.__dict__[name] = value
            return
        if name in self.values or name in members(self.kind):
            self.values[name] = value
            return
        raise AttributeError(f"{self.kind} has no {name} in Slicer 5.12")

    def connect(self, signal: str, slot: Callable[..., Any]) -> None:
        known = NAMES[self.kind].get("signals")
        if known is not None and normal(signal) not in known:
            raise ValueError(f"{self.kind} has no signal {signal} in Slicer 5.12")
        if known is None:
            self._known(signal.split("(")[0])
        self.slots.append((normal(signal), slot))

    def disconnect(self, signal: str, slot: Callable[..., Any] | None = None) -> None:
        self.slots[:] = [pair for pair in self.slots if pair[0] != normal(signal) or (slot and pair[1] is not slot)]

    def emit(self, signal: str, *arguments: Any) -> None:
        for name, slot in list(self.slots):
            if name == normal(signal):
                slot(*arguments)


class Widget(Thing):
    kind = "QWidget"
    state: typing.ClassVar[dict[str, Any]] = {
        "enabled": True, "toolTip": "", "width": 400, "height": 60, "font": None, "styleSheet": "", "visible": True,
        "palette": lambda: SimpleNamespace(color=lambda *_: None),
    }  # fmt: skip

    def __init__(self, kind: str, name: str = "", parent: Widget | None = None) -> None:
        self.__dict__["kind"] = kind
        super().__init__()
        self.__dict__.update(name=name, parent_widget=parent, children_widgets=[])
        if parent is not None:
            parent.children_widgets.append(self)

    def className(self) -> str:
        return self.kind

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.values.get(name)
        super().__setattr__(name, value)
        if value != before:
            self._changed(name, value)

    def _changed(self, name: str, value: Any) -> None:
        """What a widget of some kind does besides."""

    def isHidden(self) -> bool:
        return not self.values["visible"]

    def show(self) -> None:
        self.visible = True

    def hide(self) -> None:
        self.visible = False

    def devicePixelRatioF(self) -> float:
        return 1.0

    def blockSignals(self, _blocked: bool) -> bool:
        return False

    @property
    def shown(self) -> bool:
        """Whether it would be seen: neither hidden itself nor in something hidden or folded."""
        parent = self.parent_widget
        if self.isHidden():
            return False
        return parent is None or (parent.shown and not parent.values.get("collapsed", False))


class Button(Widget):
    state: typing.ClassVar[dict[str, Any]] = {"text": "", "checked": False, "checkable": False}

    def click(self) -> None:
        if not self.enabled:
            return
        if self.kind == "QCheckBox" or self.checkable:
            self.checked = not self.checked
        self.emit("clicked()")
        self.emit("clicked(bool)", self.checked)

    def _changed(self, name: str, value: Any) -> None:
        if name == "checked":
            self.emit("toggled(bool)", value)


class Collapsible(Button):
    state: typing.ClassVar[dict[str, Any]] = {"collapsed": False, "checked": True, "checkable": True}

    def _changed(self, name: str, value: Any) -> None:
        if name == "collapsed":
            self.checked = not value
            self.emit("contentsCollapsed(bool)", value)
        elif name == "checked":
            self.collapsed = not value
            self.emit("toggled(bool)", value)


class Value(Widget):
    state: typing.ClassVar[dict[str, Any]] = {"value": 0.0, "format": "", "text": ""}

    def _changed(self, name: str, value: Any) -> None:
        if name == "value" and self.kind != "QProgressBar":
            self.emit("valueChanged(double)" if self.kind != "QSpinBox" else "valueChanged(int)", value)

    def setRange(self, low: float, high: float) -> None:
        self.minimum, self.maximum = low, high


class Combo(Widget):
    state: typing.ClassVar[dict[str, Any]] = {"items": list, "currentIndex": -1}

    def __getattr__(self, name: str) -> Any:
        if name == "currentText":
            items = self.values["items"]
            return items[self.values["currentIndex"]] if 0 <= self.values["currentIndex"] < len(items) else ""
        if name == "count":
            return len(self.values["items"])
        return super().__getattr__(name)

    def addItems(self, texts: list[str]) -> None:
        for text in texts:
            self.addItem(text)

    def addItem(self, text: str, *_data: Any) -> None:
        self.values["items"].append(text)
        if self.currentIndex < 0:
            self.currentIndex = 0

    def clear(self) -> None:
        self.values["items"].clear()
        self.currentIndex = -1

    def findText(self, text: str) -> int:
        return self.values["items"].index(text) if text in self.values["items"] else -1

    def _changed(self, name: str, value: Any) -> None:
        if name == "currentIndex":
            self.emit("currentIndexChanged(int)", value)


class Table(Widget):
    state: typing.ClassVar[dict[str, Any]] = {"rowCount": 0, "columnCount": 0, "cells": dict, "row": -1}

    def __init__(self, kind: str, name: str = "", parent: Widget | None = None) -> None:
        super().__init__(kind, name, parent)
        self.__dict__["headers"] = (_thing("QHeaderView")(), _thing("QHeaderView")())

    def horizontalHeader(self) -> Thing:
        return self.headers[0]

    def verticalHeader(self) -> Thing:
        return self.headers[1]

    def setItem(self, row: int, column: int, item: Any) -> None:
        self.values["cells"][row, column] = item

    def item(self, row: int, column: int) -> Any:
        return self.values["cells"].get((row, column))

    def currentRow(self) -> int:
        return self.values["row"]

    def selectRow(self, row: int) -> None:
        self.values["row"] = row


class Log(Widget):
    state: typing.ClassVar[dict[str, Any]] = {"lines": list}

    def appendPlainText(self, text: str) -> None:
        self.values["lines"].append(text)

    def clear(self) -> None:
        self.values["lines"].clear()

    def toPlainText(self) -> str:
        return "\n".join(self.values["lines"])


class Line(Widget):
    state: typing.ClassVar[dict[str, Any]] = {"text": "", "placeholderText": ""}


class Dialog(Widget):
    """Shown: what a test put into `scripts` plays the user."""

    scripts: typing.ClassVar[list[Callable[[Dialog], None]]] = []
    state: typing.ClassVar[dict[str, Any]] = {"result": None}

    def __init__(self, kind: str, name: str = "", parent: Widget | None = None) -> None:
        super().__init__(kind, name, parent)
        self.__dict__["laid_out"] = []

    def exec_(self) -> int:
        self.scripts.pop(0)(self)
        return self.values["result"]

    def accept(self) -> None:
        self.values["result"] = 1

    def reject(self) -> None:
        self.values["result"] = 0


class NodeCombo(Widget):
    state: typing.ClassVar[dict[str, Any]] = {"node": None, "filter": lambda: SimpleNamespace(hiddenNodeIDs=[])}

    def setCurrentNode(self, node: Any) -> None:
        if node is not self.values["node"]:
            self.values["node"] = node
            self.emit("currentNodeChanged(vtkMRMLNode*)", node)

    def currentNode(self) -> Any:
        return self.values["node"]

    def sortFilterProxyModel(self) -> Any:
        return self.values["filter"]


class SegmentSelector(NodeCombo):
    state: typing.ClassVar[dict[str, Any]] = {"segment": ""}

    def setCurrentSegmentID(self, segment: str) -> None:
        if segment != self.values["segment"]:
            self.values["segment"] = segment
            self.emit("currentSegmentChanged(QString)", segment)

    def currentSegmentID(self) -> str:
        return self.values["segment"]


class SegmentEditor(Widget):
    """As ``qMRMLSegmentEditorWidget.cxx`` has it, as far as the panel goes."""

    state: typing.ClassVar[dict[str, Any]] = {"effect": "", "nodes": dict, "shortcuts": False, "undone": int}

    def __init__(self, kind: str, name: str = "", parent: Widget | None = None) -> None:
        super().__init__(kind, name, parent)
        self.__dict__.update(desktop=None, complaints=[], editor_node=None)

    def _needs_node(self, what: str) -> None:
        if self.editor_node is None:
            self.complaints.append(f"{what}: Invalid segment editor parameter set node")

    def setMaskingSectionVisible(self, _visible: bool) -> None:
        self._needs_node("updateEffectsSectionFromMRML()")

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        self.__dict__["editor_node"] = node

    def setActiveEffectByName(self, name: str) -> None:
        self._needs_node("setActiveEffect()")
        if self.desktop.manager is None:
            raise Crash("an effect without a layout manager")
        self.values["effect"] = name
        self.editor_node.Modified()

    def setActiveEffect(self, effect: Any) -> None:
        assert effect is None
        self.values["effect"] = ""

    def activeEffect(self) -> Any:
        return self.values["effect"] or None

    def effectByName(self, _name: str) -> Any:
        return None

    def installKeyboardShortcuts(self, *_parent: Any) -> None:
        if self.desktop.window is None:
            raise Crash("a shortcut without a window")
        self.values["shortcuts"] = True

    def uninstallKeyboardShortcuts(self) -> None:
        self.values["shortcuts"] = False

    def saveStateForUndo(self) -> None:
        self.history.SaveState()

    def undo(self) -> None:
        self.history.RestorePreviousState()

    def redo(self) -> None:
        self.history.RestoreNextState()

    def setSegmentationNode(self, node: Any) -> None:
        import slicer

        if node is not self.segmentationNode():
            history = slicer.vtkSegmentationHistory()
            history.SetSegmentation(None if node is None else node.GetSegmentation())
            self.__dict__["history"] = history
        self.values["nodes"]["segmentation"] = node

    def segmentationNode(self) -> Any:
        return self.values["nodes"].get("segmentation")

    def setSourceVolumeNode(self, node: Any) -> None:
        self.values["nodes"]["volume"] = node

    def sourceVolumeNode(self) -> Any:
        return self.values["nodes"].get("volume")


WIDGETS: dict[str, type[Widget]] = {
    **dict.fromkeys(("QPushButton", "QToolButton", "QCheckBox", "QRadioButton"), Button),
    **dict.fromkeys(("ctkCollapsibleButton", "ctkCollapsibleGroupBox"), Collapsible),
    **dict.fromkeys(("QDoubleSpinBox", "QSpinBox", "ctkSliderWidget", "QProgressBar"), Value),
    "QComboBox": Combo,
    "QTableWidget": Table,
    "QPlainTextEdit": Log,
    "QLineEdit": Line,
    "QDialog": Dialog,
    "qMRMLNodeComboBox": NodeCombo,
    "qMRMLSegmentSelectorWidget": SegmentSelector,
    "qMRMLSegmentEditorWidget": SegmentEditor,
}
_TEXT = {"QLabel": {"text": "", "pixmap": None}}


def _thing(kind: str) -> type[Thing]:
    return _Kind(kind, (Thing,), {"kind": kind})


def new_widget(kind: str, name: str = "", parent: Widget | None = None) -> Widget:
    widget = WIDGETS.get(kind, Widget)(kind, name, parent)
    widget.values.update(_TEXT.get(kind, {}))
    return widget


class Timer(Thing):
    kind = "QTimer"
    state: typing.ClassVar[dict[str, Any]] = {"interval": 0, "due": None, "single": False}
    all: typing.ClassVar[list[Timer]] = []
    once: typing.ClassVar[list[Callable[[], None]]] = []

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        Timer.all.append(self)

    def setSingleShot(self, single: bool) -> None:
        self.values["single"] = single

    def setInterval(self, milliseconds: int) -> None:
        self.values["interval"] = milliseconds

    def start(self) -> None:
        self.values["due"] = time.monotonic() + self.values["interval"] / 1000

    def stop(self) -> None:
        self.values["due"] = None

    def isActive(self) -> bool:
        return self.values["due"] is not None

    @staticmethod
    def singleShot(_milliseconds: int, slot: Callable[[], None]) -> None:
        Timer.once.append(slot)


class Action(Thing):
    kind = "QAction"
    all: typing.ClassVar[list[Action]] = []

    def __init__(self, text: str = "", *_parent: Any) -> None:
        super().__init__()
        self.__dict__["name"] = text
        Action.all.append(self)


class Settings(Thing):
    kind = "QSettings"
    kept: typing.ClassVar[dict[str, Any]] = {}

    def value(self, key: str, default: Any = None) -> Any:
        return self.kept.get(key, default)

    def setValue(self, key: str, value: Any) -> None:
        self.kept[key] = value

    def remove(self, key: str) -> None:
        for known in [known for known in self.kept if known == key or known.startswith(f"{key}/")]:
            del self.kept[known]

    def allKeys(self) -> list[str]:
        return list(self.kept)


class FileDialog(Thing):
    """Answers what a test put into `answers`; "" is a cancelled dialog."""

    kind = "QFileDialog"
    answers: typing.ClassVar[list[str]] = []

    @classmethod
    def _answer(cls, *_arguments: Any) -> str:
        return cls.answers.pop(0) if cls.answers else ""

    getExistingDirectory = getOpenFileName = getSaveFileName = _answer


class Item(Thing):
    kind = "QTableWidgetItem"

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.__dict__["shown"] = text

    def text(self) -> str:
        return self.shown


class Metrics(Thing):
    kind = "QFontMetrics"

    def height(self) -> int:
        return 15

    def elidedText(self, text: str, _mode: int, width: int) -> str:
        room = width // 7
        return text if len(text) <= room else f"{text[: room // 2]}…{text[-(room // 2) :]}"


class _Qt(ModuleType):
    """``import qt``."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in NAMES:
            raise AttributeError(f"qt.{name} is not known to the stand-in, or not in Slicer 5.12")
        is_widget = name in WIDGETS or NAMES[name]["widget"]
        made = type(name, (_Made,), {"made": name}) if is_widget else _thing(name)
        setattr(self, name, made)
        return made


class _MadeKind(type):
    def __call__(cls, *arguments: Any) -> Widget:
        text = next((argument for argument in arguments if isinstance(argument, str)), None)
        parent = next((argument for argument in arguments if isinstance(argument, Widget)), None)
        widget = new_widget(cls.made, "", parent)
        if text is not None:
            widget.values["text"] = text
        return widget

    def __getattr__(cls, name: str) -> Any:
        return getattr(_thing(cls.made), name)


class _Made(metaclass=_MadeKind):
    made = ""


# The .ui file


def load_ui(path: Path = UI) -> tuple[Widget, SimpleNamespace]:
    """Widgets of a .ui file with its properties set, and all of them by name."""
    named: dict[str, Widget] = {}

    def build(element: ElementTree.Element, parent: Widget | None) -> Widget:
        widget = new_widget(element.get("class", ""), element.get("name", ""), parent)
        named[widget.name] = widget
        for entry in element.findall("property"):
            _apply(widget, entry)
        for child in _child_widgets(element):
            build(child, widget)
        return widget

    top = build(ElementTree.parse(path).getroot().find("widget"), None)
    return top, SimpleNamespace(**named)


def _child_widgets(element: ElementTree.Element) -> list[ElementTree.Element]:
    found = []
    for child in element:
        found += [child] if child.tag == "widget" else _child_widgets(child) if child.tag in ("layout", "item") else []
    return found


def _apply(widget: Widget, entry: ElementTree.Element) -> None:
    name, value = entry.get("name", ""), entry[0]
    if name == "SlicerParameterName":
        widget.__dict__["parameter"] = value.text
        return
    plain: Any = value.text or ""
    if value.tag == "bool":
        plain = plain == "true"
    elif value.tag in ("number", "double"):
        plain = float(plain)
    if name == "maskingSectionVisible":
        widget.setMaskingSectionVisible(plain)
    elif name in widget.values:
        setattr(widget, name, plain)
    else:
        widget._known(name)


# Slicer itself


class Desktop:
    """A Slicer with or without its main window.

    Parameters
    ----------
    scene : vtkMRMLScene
    window : bool
        Whether there is a main window, and with it a layout manager.
    """

    def __init__(self, scene: Any, window: bool) -> None:
        self.scene = scene
        self.window = new_widget("QWidget", "main window") if window else None
        self.manager = _LayoutManager(scene) if window else None
        self.said: list[str] = []
        self.app = SimpleNamespace(
            layoutManager=lambda: self.manager, processEvents=self.process_events, testingEnabled=lambda: False
        )

    def process_events(self) -> None:
        """Whatever timers are due."""
        once, Timer.once[:] = list(Timer.once), []
        for slot in once:
            slot()
        for timer in list(Timer.all):
            due = timer.values["due"]
            if due is not None and due <= time.monotonic():
                timer.stop() if timer.values["single"] else timer.start()
                timer.emit("timeout()")

    def wait(self, until: Callable[[], bool], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, "still waiting"
            self.process_events()
            time.sleep(0.002)


class _LayoutManager:
    """Which layout is chosen; its views' geometry is another test's affair."""

    def __init__(self, scene: Any) -> None:
        self.layout = 0
        self.node = scene.GetSingletonNode("vtkMRMLLayoutNode", "vtkMRMLLayoutNode") or _LayoutNode()

    def layoutLogic(self) -> Any:
        return SimpleNamespace(GetLayoutNode=lambda: self.node)

    def setLayout(self, layout: int) -> None:
        self.layout = layout

    def sliceWidget(self, _name: str) -> None:
        return None

    def sliceViewNames(self) -> list[str]:
        return []


class _LayoutNode:
    def __init__(self) -> None:
        self.known: dict[int, str] = {}

    def IsLayoutDescription(self, layout: int) -> bool:
        return layout in self.known

    def AddLayoutDescription(self, layout: int, description: str) -> None:
        ElementTree.fromstring(description)
        self.known[layout] = description


def parameter_node_wrapper(cls: type) -> type:
    """Fields with their defaults on a scripted module node, told of by ModifiedEvent, and bound to the .ui."""
    fields = typing.get_type_hints(cls)
    defaults = {name: getattr(cls, name, "" if kind is str else None) for name, kind in fields.items()}

    def make(name: str, kind: Any) -> property:
        is_node = isinstance(kind, type) and kind.__name__.startswith("vtkMRML")

        def read(self: Any) -> Any:
            if is_node:
                return self.parameterNode.GetNodeReference(name)
            text = self.parameterNode.GetParameter(name)
            return json.loads(text) if text else defaults[name]

        def write(self: Any, value: Any) -> None:
            if is_node:
                if self.parameterNode.GetNodeReference(name) is not value:
                    self.parameterNode.SetNodeReferenceID(name, None if value is None else value.GetID())
            elif read(self) != value:
                self.parameterNode.SetParameter(name, json.dumps(value))

        return property(read, write)

    class Wrapped:
        def __init__(self, node: Any) -> None:
            self.parameterNode = node
            for name, kind in fields.items():
                if not make(name, kind).fget(self) and defaults[name] and not node.HasParameter(name):
                    node.SetParameter(name, json.dumps(defaults[name]))
            if not node.HasParameter("ringMm"):
                node.SetParameter("ringMm", json.dumps(defaults["ringMm"]))

        def default(self, name: str) -> Any:
            return SimpleNamespace(value=defaults[name])

        def StartModify(self) -> Any:
            return self.parameterNode.StartModify()

        def EndModify(self, state: Any) -> None:
            self.parameterNode.EndModify(state)

        def AddObserver(self, event: Any, slot: Any, *_priority: Any) -> int:
            return self.parameterNode.AddObserver(event, slot)

        def RemoveObserver(self, tag: int) -> None:
            self.parameterNode.RemoveObserver(tag)

        def connectGui(self, ui: Any) -> int:
            bound = [w for w in vars(ui).values() if w.__dict__.get("parameter")]
            for widget in bound:
                _bind(self, widget)
            show = self._show = lambda *_: [_show(self, widget) for widget in bound]
            show()
            return self.parameterNode.AddObserver("ModifiedEvent", show)

        def disconnectGui(self, tag: int) -> None:
            self.parameterNode.RemoveObserver(tag)

    for name, kind in fields.items():
        setattr(Wrapped, name, make(name, kind))
    return Wrapped


_BOUND = {
    "QCheckBox": ("toggled(bool)", "checked"),
    "QDoubleSpinBox": ("valueChanged(double)", "value"),
    "ctkSliderWidget": ("valueChanged(double)", "value"),
    "QComboBox": ("currentIndexChanged(int)", "currentText"),
    "qMRMLNodeComboBox": ("currentNodeChanged(vtkMRMLNode*)", "node"),
}


def _bind(wrapped: Any, widget: Widget) -> None:
    signal, what = _BOUND[widget.kind]

    def slot(*_arguments: Any) -> None:
        value = widget.currentNode() if what == "node" else getattr(widget, what)
        setattr(wrapped, widget.parameter, value)

    slot.slicers_own = True
    widget.slots[:] = [pair for pair in widget.slots if not getattr(pair[1], "slicers_own", False)]
    widget.connect(signal, slot)


def _show(wrapped: Any, widget: Widget) -> None:
    value, what = getattr(wrapped, widget.parameter), _BOUND[widget.kind][1]
    if what == "node":
        widget.setCurrentNode(value)
    elif what == "currentText":
        if widget.findText(value) < 0:
            widget.addItem(value)
        widget.currentIndex = widget.findText(value)
    else:
        setattr(widget, what, value)


def install(monkeypatch: Any, desktop: Desktop) -> None:
    """Let ``import qt`` and Slicer's Python modules find the stand-in, on top of slicer-core."""
    import slicer
    import vtk  # noqa: F401

    Timer.all.clear()
    Timer.once.clear()
    Action.all.clear()
    Dialog.scripts.clear()
    FileDialog.answers.clear()
    Settings.kept.clear()
    qt = _Qt("qt")
    qt.QTimer, qt.QSettings, qt.QFileDialog, qt.QTableWidgetItem, qt.QFontMetrics = (
        Timer, Settings, FileDialog, Item, Metrics,
    )  # fmt: skip
    qt.QObject, qt.QAction = Thing, Action
    monkeypatch.setitem(sys.modules, "qt", qt)
    parts = {
        "slicer.i18n": {"tr": str, "translate": lambda _context, text: text},
        "slicer.parameterNodeWrapper": {
            "parameterNodeWrapper": parameter_node_wrapper,
            "Choice": lambda values: values,
            "WithinRange": lambda low, high: (low, high),
        },
        "slicer.ScriptedLoadableModule": _scripted_modules(),
    }
    for name, contents in parts.items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr(slicer, name.split(".")[1], module, raising=False)
    monkeypatch.setattr(slicer, "app", desktop.app, raising=False)
    monkeypatch.setattr(slicer, "mrmlScene", desktop.scene, raising=False)
    monkeypatch.setattr(slicer.util, "mainWindow", lambda: desktop.window)
    monkeypatch.setattr(slicer.util, "saveScene", lambda path: bool(_save(desktop.scene, Path(path))))
    monkeypatch.setattr(slicer.util, "loadScene", lambda path: desktop.scene.ReadFromMRB(path, True))
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **_: desktop.said.append(text))
    monkeypatch.setattr(slicer.util, "loadUI", lambda path: load_ui(Path(path))[0])
    for name in [name for name in sys.modules if name.startswith("BreastMassXAILib.widgets")]:
        monkeypatch.delitem(sys.modules, name)


def _save(scene: Any, path: Path) -> bool:
    from BreastMassXAILib.scene.files import write_scene

    write_scene(scene, path)
    return path.is_file()


def _scripted_modules() -> dict[str, Any]:
    import slicer

    class ModuleWidget:
        def __init__(self, parent: Any = None) -> None:
            self.parent = parent
            self.layout = SimpleNamespace(addWidget=lambda _widget: None)

        def resourcePath(self, name: str) -> str:
            return str(MODULE / "Resources" / name)

        def setup(self) -> None:
            """No developer section."""

        def onReload(self) -> None:
            self.parent.reload()

    class Logic:
        def getParameterNode(self) -> Any:
            node = slicer.mrmlScene.GetSingletonNode("BreastMassXAI", "vtkMRMLScriptedModuleNode")
            if node is None:
                node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
                node.UnRegister(None)
                node.SetSingletonTag("BreastMassXAI")
                node = slicer.mrmlScene.AddNode(node)
            return _Lasting(node)

    class Module:
        def __init__(self, parent: Any) -> None:
            self.parent = parent

    names = ("ScriptedLoadableModule", "ScriptedLoadableModuleLogic", "ScriptedLoadableModuleWidget")
    found: dict[str, Any] = dict(zip(names, (Module, Logic, ModuleWidget), strict=True))
    return {**found, "ScriptedLoadableModuleTest": SelfTest}


class SelfTest(unittest.TestCase):
    """What a self-test is, but for the pop-ups."""

    shown: typing.ClassVar[list[str]] = []

    def delayDisplay(self, message: str, *_delay: Any) -> None:
        self.shown.append(message)


class _Lasting:
    """A scripted module node that also says whether it has a parameter, as Slicer's wrapper lets it."""

    def __init__(self, node: Any) -> None:
        self._node = node

    def HasParameter(self, name: str) -> bool:
        return self._node.GetParameter(name) != ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)


def load_module() -> ModuleType:
    """The module's file, as Slicer reads it."""
    spec = importlib.util.spec_from_file_location("BreastMassXAI_under_test", MODULE / "BreastMassXAI.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class OpenModule:
    """The module's widget, set up and entered in a desktop."""

    def __init__(self, monkeypatch: Any, desktop: Desktop, enter: bool = True) -> None:
        install(monkeypatch, desktop)
        import slicer

        self.desktop = desktop
        self.monkeypatch = monkeypatch
        self.module = load_module()
        self.top, self.ui = load_ui()
        self.ui.segmentEditor.__dict__["desktop"] = desktop
        self.complaints = self.ui.segmentEditor.complaints
        monkeypatch.setattr(slicer.util, "loadUI", lambda _path: self.top)
        monkeypatch.setattr(slicer.util, "childWidgetVariables", lambda _widget: self.ui)
        self.parent = SimpleNamespace(isEntered=False, reload=self._reload)
        self.packages_asked = 0
        self.real_installer = False
        self._create()
        if enter:
            self.enter()

    def _create(self) -> None:
        import slicer

        self.widget = self.module.BreastMassXAIWidget(self.parent)
        representation = SimpleNamespace(isEntered=True, self=lambda: self.widget, enter=self.enter)
        breastmassxai = SimpleNamespace(widgetRepresentation=lambda: representation)
        self.monkeypatch.setattr(slicer, "modules", SimpleNamespace(breastmassxai=breastmassxai), raising=False)
        self.monkeypatch.setattr(slicer.util, "selectModule", lambda _name: None)
        self.widget.setup()
        self.panel = self.widget.panel
        if not self.real_installer:
            self.panel.install_packages = self._install

    def _install(self) -> None:
        self.packages_asked += 1

    def _reload(self) -> None:
        self.widget.cleanup()
        self.module = load_module()
        self.top, self.ui = load_ui()
        self.ui.segmentEditor.__dict__["desktop"] = self.desktop
        self._create()

    def enter(self) -> None:
        self.parent.isEntered = True
        self.widget.enter()

    def settle(self) -> None:
        self.desktop.wait(lambda: not self.panel.worker.busy and not self.panel.session.due and not Timer.once)

    def connections(self) -> list[tuple[str, str, Callable[..., Any]]]:
        """Every connection that the panel made: who, which signal, what is called."""
        found = [(w.name, signal, slot) for w in vars(self.ui).values() for signal, slot in w.slots]
        found += [("timer", signal, slot) for timer in Timer.all for signal, slot in timer.slots]
        found += [(action.name, signal, slot) for action in Action.all for signal, slot in action.slots]
        found += [("shortcut", signal, slot) for s in self.panel._shortcuts._installed for signal, slot in s.slots]
        return [entry for entry in found if not getattr(entry[2], "slicers_own", False)]
