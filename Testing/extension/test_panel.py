"""The panel's .ui file and the Python that uses it, checked without Qt: names, classes, properties, signals, bindings.

What Slicer 5.12 offers is data here. Where it was read, in the branch 5.12 of Slicer and the CTK that it builds: the
headers named in `SHIPPED`; the signals of Qt's own widgets in Qt 5.15; the kinds of widgets that parameters can be
bound to in Base/Python/slicer/parameterNodeWrapper/guiConnectors.py; the keys in
qMRMLSegmentEditorWidget::installKeyboardShortcuts, vtkMRMLSliceIntersectionWidget.cxx, vtkSlicerMarkupsWidget.cxx and
SegmentEditorDrawEffect.py.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from BreastMassXAILib.widgets import keys as key_table

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "BreastMassXAI"
UI = MODULE / "Resources" / "UI" / "BreastMassXAI.ui"
WIDGETS = MODULE / "BreastMassXAILib" / "widgets"
SOURCES = {
    path: ast.parse(path.read_text(encoding="utf-8")) for path in [MODULE / "BreastMassXAI.py", *WIDGETS.glob("*.py")]
}

_CTK, _MRML = "CTK Libs/Widgets", "Libs/MRML/Widgets"
SHIPPED: dict[str, tuple[str, set[str]]] = {
    "ctkCollapsibleButton": (
        f"{_CTK}/ctkCollapsibleButton.h",
        {"collapsed", "collapsedHeight", "contentsFrameShadow", "contentsFrameShape", "flat", "text"},
    ),
    "ctkCollapsibleGroupBox": (f"{_CTK}/ctkCollapsibleGroupBox.h", {"collapsed", "collapsedHeight", "title"}),
    "ctkSliderWidget": (
        f"{_CTK}/ctkSliderWidget.h",
        {"decimals", "maximum", "minimum", "pageStep", "prefix", "singleStep", "suffix", "tracking", "value"},
    ),
    "qMRMLWidget": (f"{_MRML}/qMRMLWidget.h", {"geometry"}),
    "qMRMLNodeComboBox": (
        f"{_MRML}/qMRMLNodeComboBox.h",
        {
            *("addEnabled", "baseName", "editEnabled", "hideChildNodeTypes", "nodeTypes", "noneDisplay", "noneEnabled"),
            *("removeEnabled", "renameEnabled", "selectNodeUponCreation", "showChildNodeTypes", "showHidden"),
        },
    ),
    "qMRMLSegmentSelectorWidget": (
        f"{_MRML}/qMRMLSegmentSelectorWidget.h",
        {"editEnabled", "horizontalLayout", "multiSelection", "noneEnabled", "segmentationNodeSelectorVisible"},
    ),
    "qMRMLSegmentEditorWidget": (
        "Modules/Loadable/Segmentations/Widgets/qMRMLSegmentEditorWidget.h",
        {
            *("addRemoveSegmentButtonsVisible", "autoShowSourceVolumeNode", "effectButtonStyle", "effectColumnCount"),
            *("jumpToSelectedSegmentEnabled", "maskingSectionVisible", "maximumNumberOfUndoStates", "readOnly"),
            *("segmentationNodeSelectorVisible", "show3DButtonVisible", "sourceVolumeNodeSelectorVisible"),
            *("specifyGeometryButtonVisible", "switchToSegmentationsButtonVisible", "undoEnabled"),
            "unorderedEffectsVisible",
        },
    ),
}
"""Class -> header and what the .ui may set of it, the base class' own text and title included."""
QT_CLASSES = {
    *("QCheckBox", "QComboBox", "QDoubleSpinBox", "QFrame", "QLabel", "QPlainTextEdit", "QProgressBar"),
    *("QPushButton", "QTableWidget", "QToolButton"),
}
EVERY_WIDGET = {"toolTip", "enabled", "visible", "sizePolicy", "minimumSize", "maximumSize", "SlicerParameterName"}
SIGNALS = {
    "QLabel": {"linkActivated(QString)", "linkHovered(QString)"},
    "QPushButton": {"clicked()", "clicked(bool)", "pressed()", "released()", "toggled(bool)"},
    "QToolButton": {"clicked()", "clicked(bool)", "pressed()", "released()", "toggled(bool)", "triggered(QAction*)"},
    "QComboBox": {"activated(int)", "currentIndexChanged(int)", "currentIndexChanged(QString)"},
    "QTableWidget": {"cellClicked(int,int)", "cellDoubleClicked(int,int)", "itemSelectionChanged()"},
    "qMRMLSegmentSelectorWidget": {"currentNodeChanged(vtkMRMLNode*)", "currentSegmentChanged(QString)"},
}
CONNECTORS = {
    "QCheckBox": {"bool"},
    "QComboBox": {"str"},  # with the choices named
    "QDoubleSpinBox": {"float"},
    "ctkSliderWidget": {"float"},  # with a range
    "qMRMLNodeComboBox": {"vtkMRMLScalarVolumeNode"},
}
EFFECTS = {"Paint", "Draw", "Erase", "Scissors", "Level tracing", "Threshold", "Islands", "Smoothing"}
TAKEN_KEYS = {
    *"0123456789",
    *(f"Shift+{digit}" for digit in "0123456789"),
    *("Esc", "Space", "Z", "Y", "Ctrl+Z", "Ctrl+Y", "Q", "W", "/", "*", ",", ".", ">", "<", "I"),  # Segment Editor
    *("G", "T", "F", "B", "V", "Shift+V", "R", "[", "]", "{", "}", "Left", "Right", "Up", "Down"),  # slice views
    *("S", "Del", "Backspace", "A", "X", "Return"),  # markups, Draw effect
    *("Ctrl+O", "Ctrl+S", "Ctrl+W", "Ctrl+F", "Ctrl+H", "Ctrl+X", "Ctrl+C", "Ctrl+V", "Ctrl+Left", "Ctrl+Right"),
}


@pytest.fixture(scope="module")
def root() -> ElementTree.Element:
    return ElementTree.parse(UI).getroot()


@pytest.fixture(scope="module")
def widgets(root) -> dict[str, ElementTree.Element]:
    found = list(root.iter("widget"))
    names = [widget.get("name") for widget in found]
    assert len(names) == len(set(names)), "two widgets have the same name"
    return dict(zip(names, found, strict=True))


def own_properties(element: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {child.get("name"): child for child in element.findall("property")}


def bound(element: ElementTree.Element) -> str | None:
    found = own_properties(element).get("SlicerParameterName")
    return None if found is None else found.findtext("string")


def used_in_python() -> dict[str, set[str]]:
    """Names of widgets that Python takes from the .ui, each with the files that do."""
    found: dict[str, set[str]] = {}
    for path, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and (
                (isinstance(node.value, ast.Name) and node.value.id == "ui")
                or (isinstance(node.value, ast.Attribute) and node.value.attr in ("ui", "_ui"))
            ):
                found.setdefault(node.attr, set()).add(path.name)
    return found


def test_every_class_is_one_that_slicer_ships(widgets):
    for name, element in widgets.items():
        kind = element.get("class")
        assert kind in SHIPPED or kind in QT_CLASSES, f"{name}: {kind}"


def test_classes_that_are_not_qts_are_declared(root, widgets):
    declared = {element.findtext("class") for element in root.iter("customwidget")}
    assert declared == {element.get("class") for element in widgets.values()} - QT_CLASSES


def test_every_property_is_one_of_the_class(widgets):
    for name, element in widgets.items():
        kind = element.get("class")
        if kind in SHIPPED:
            unknown = set(own_properties(element)) - SHIPPED[kind][1] - EVERY_WIDGET
            assert not unknown, f"{name} ({kind}): {unknown}"


def test_python_takes_only_widgets_that_are_there(widgets):
    for name, files in used_in_python().items():
        assert name in widgets, f"{', '.join(files)}: ui.{name}"


def test_no_widget_is_there_for_nothing(widgets):
    """Used in Python, bound to a parameter, a container, or text that belongs to one of these."""
    used = used_in_python()
    for name, element in widgets.items():
        text = element.get("class") == "QLabel" and element.findtext("property[@name='text']/string")
        container = element.find("layout") is not None
        assert name in used or bound(element) or container or text, name


def test_labels_name_a_widget(widgets):
    for name, element in widgets.items():
        if element.get("class") == "QLabel" and name.endswith("Label"):
            assert name.removesuffix("Label") in widgets, name


def test_connections_join_widgets_that_are_there(root, widgets):
    for connection in root.iter("connection"):
        assert connection.findtext("sender") in widgets and connection.findtext("receiver") in widgets


def test_every_signal_is_one_of_the_class(widgets):
    pattern = re.compile(r"\bslots\.connect\(\s*(?:\w+\.)*ui\.(\w+), \"([^\"]+)\"")
    found = [match for path in SOURCES for match in pattern.findall(path.read_text(encoding="utf-8"))]
    assert len(found) > 20
    for name, signal in found:
        kind = widgets[name].get("class")
        assert signal in SIGNALS[kind], f"{name} ({kind}): {signal}"


def calls_of(name: str) -> list[tuple[str, int, str]]:
    """File, line and whole text of each call of a method or function of this name."""
    return [
        (path.name, node.lineno, ast.unparse(node))
        for path, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")) == name
    ]


def test_nothing_hears_of_events_but_through_the_one_mechanism():
    """`slots.py` turns what is raised into a sentence; a connection beside it would end in a traceback."""
    for name in ("connect", "AddObserver", "singleShot", "timer", "QTimer", "on_change", "addObserver"):
        for file, line, text in calls_of(name):
            allowed = "slots." in text or file == "slots.py" or "startupCompleted()" in text
            guarded = "guarded" in text or "_onParametersChanged" in text
            assert allowed or guarded, f"{file}:{line}: {text}"


def test_views_and_windows_are_asked_for_in_one_place():
    """Without a main window Slicer has neither; `window.py` asks first, and so does who uses it."""
    for name in ("layoutManager", "mainWindow", "sliceWidget"):
        for file, line, text in calls_of(name):
            assert file in ("window.py", "BreastMassXAI.py"), f"{file}:{line}: {text}"
    for file, line, text in calls_of("layout_manager") + calls_of("main_window") + calls_of("slice_widget"):
        source = next(path for path in SOURCES if path.name == file).read_text(encoding="utf-8").splitlines()
        asked = "".join(source[line - 1 : line + 2])
        assert " None" in asked, f"{file}:{line}: {text} is used without asking whether there is one"


def test_parts_of_slicer_that_nothing_imports_are_imported_where_they_are_used():
    for path, tree in SOURCES.items():
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("slicer.packaging", "slicer.testing"):
                assert ast.unparse(node) in imported, f"{path.name}:{node.lineno}"


def test_the_self_test_asks_for_what_was_asked_not_for_what_is_seen():
    """Without a main window nothing is visible: an assertion on `visible` fails, or holds for no reason."""
    tree = SOURCES[WIDGETS / "self_test.py"]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "visible"]


def test_everything_that_can_be_touched_explains_itself(widgets):
    for name, element in widgets.items():
        if element.get("class") not in ("QLabel", "QFrame", "qMRMLWidget"):
            assert "toolTip" in own_properties(element), name


def parameter_fields() -> dict[str, ast.expr]:
    (node,) = [
        node
        for node in ast.walk(SOURCES[MODULE / "BreastMassXAI.py"])
        if isinstance(node, ast.ClassDef) and node.name == "BreastMassXAIParameterNode"
    ]
    return {item.target.id: item.annotation for item in node.body if isinstance(item, ast.AnnAssign)}


def test_bindings_are_parameters_that_the_widget_can_show(widgets):
    fields = parameter_fields()
    bindings = {name: bound(element) for name, element in widgets.items() if bound(element)}
    assert len(set(bindings.values())) == len(bindings), "two widgets are bound to one parameter"
    for name, parameter in bindings.items():
        assert parameter in fields, f"{name}: {parameter}"
        text, kind = ast.unparse(fields[parameter]), widgets[name].get("class")
        assert any(re.search(rf"\b{base}\b", text) for base in CONNECTORS[kind]), f"{name} ({kind}): {text}"
        if kind == "QComboBox":
            assert "Choice(" in text
        if kind == "ctkSliderWidget":
            assert "WithinRange(" in text


def assigned(path: Path, name: str):
    for node in SOURCES[path].body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            return ast.literal_eval(node.value)
    raise AssertionError(f"{path.name} has no {name}")


def test_what_is_remembered_is_a_parameter():
    remembered = assigned(WIDGETS / "preferences.py", "REMEMBERED")
    assert set(remembered) <= set(parameter_fields())


def test_the_effects_are_the_segment_editors():
    assert set(assigned(WIDGETS / "mass_section.py", "EFFECTS")) == EFFECTS


def test_keys_are_free_and_shown(widgets):
    sequences = [key.sequence for key in key_table.KEYS.values()]
    assert len(sequences) == len(set(sequences))
    assert not set(sequences) & TAKEN_KEYS
    for key in key_table.KEYS.values():
        assert not key.widget or key.widget in widgets


def test_each_key_does_something():
    """The panel gives an action for every key, and only for keys."""
    (actions,) = [
        node.value
        for node in ast.walk(SOURCES[WIDGETS / "panel.py"])
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "actions"
    ]
    assert {ast.literal_eval(key) for key in actions.keys} == set(key_table.KEYS)


def test_the_module_file_loads_with_nothing_but_slicer():
    """At its own scope: Slicer reads it in milliseconds and before any package is installed."""
    for node in SOURCES[MODULE / "BreastMassXAI.py"].body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        for name in names:
            assert name.split(".")[0] in {"__future__", "typing", "pathlib", "unittest", "slicer", "vtk"}, name


def test_colours_come_from_the_palette():
    """No style sheet but the badge's, whose colours are named: the panel follows light and dark themes."""
    for path, tree in SOURCES.items():
        sheets = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "styleSheet"]
        assert not sheets or path.name == "image_section.py", path.name
    assert "styleSheet" not in UI.read_text(encoding="utf-8")


def test_ctest_runs_files_that_are_there():
    """Read as Slicer's CMake reads them; a script that is missing fails only in a build of Slicer."""
    assert "add_subdirectory(Testing/slicer)" in (ROOT / "CMakeLists.txt").read_text()
    text = (ROOT / "Testing" / "slicer" / "CMakeLists.txt").read_text()
    scripts = set(re.findall(r"SCRIPT (\S+\.py)", text))
    by_hand = {"walk.py"}  # which needs a main window and takes minutes
    assert scripts == {path.name for path in (ROOT / "Testing" / "slicer").glob("*.py")} - by_hand
    for name in scripts:
        tree = ast.parse((ROOT / "Testing" / "slicer" / name).read_text())
        (case,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        assert any(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in case.body)
    module = (MODULE / "CMakeLists.txt").read_text()
    assert "WITH_GENERIC_TESTS" in module and "slicer_add_python_unittest(SCRIPT ${MODULE_NAME}.py)" in module


def test_the_panel_offers_every_method():
    """The module's file names them itself, as Slicer reads it before anything of the library is there."""
    from BreastMassXAILib.methods import METHODS

    choice = re.search(
        r"method: Annotated\[\s*str,\s*Choice\(\s*\[(.*?)\]", (MODULE / "BreastMassXAI.py").read_text(), re.S
    )
    assert re.findall(r'"(.*?)"', choice.group(1)) == list(METHODS)
