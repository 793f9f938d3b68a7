"""``Testing/slicer/walk.py``: what it says of views, on real nodes; and all of it gone once on the stand-in."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

PATH = Path(__file__).resolve().parents[1] / "slicer" / "walk.py"


def load():
    spec = importlib.util.spec_from_file_location("walk_under_test", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def walking(stand_in, opened):
    opened()  # with which `import qt` finds the stand-in
    return load()


def test_slicer_reads_it_as_plain_text():
    """Slicer executes it in its main module, read with the system's encoding and without a path to import from."""
    text = PATH.read_bytes().decode("ascii")
    assert text.index("from __future__") < text.index("import qt")
    assert '__name__ == "__main__"' in text


@pytest.fixture
def shown(scene):
    """Two explained frames, the first of them in a view of 400 x 300 pixels."""
    from BreastMassXAILib.presenter.adding import add_sample
    from BreastMassXAILib.presenter.session import Session
    from BreastMassXAILib.scene.views import find_view_node, show_in_slice_view

    session, found = Session(scene), {}
    for name in ("malignant", "benign"):
        frame, mass = add_sample(scene, name)
        session.set_inputs(frame, mass, "mass")
        session.explain()
        found[name] = (frame, mass, session.nodes)
    show_in_slice_view(scene, found["malignant"][2], "Red")
    node = find_view_node(scene, "vtkMRMLSliceNode", "Red")
    composite = find_view_node(scene, "vtkMRMLSliceCompositeNode", "Red")
    for other in found["benign"][2].extremes.GetDisplayNode(), found["benign"][2].legend:
        other.SetVisibility(False)
    for _frame, mass, _nodes in found.values():
        mass.GetDisplayNode().SetVisibility(False)
    node.SetDimensions(400, 300, 1)
    return SimpleNamespace(**found, node=node, composite=composite)


def test_how_a_frame_fills_its_view(walking, shown):
    from BreastMassXAILib.scene.views import aim

    frame = shown.malignant[0]
    columns, rows, _ = frame.GetImageData().GetDimensions()
    spacing = frame.GetSpacing()
    width, height = columns * spacing[0], rows * spacing[1]
    aim(shown.node, frame)
    shown.node.SetFieldOfView(height / 300 * 400, height, 1)
    found = walking.frame_in_view(shown.node, frame)
    assert found["shares"] == pytest.approx([width / (height / 300 * 400), 1.0], abs=0.005)
    assert found["ratio"] == pytest.approx(1, abs=0.005) and found["inside"] > 0.99 and found["upright"]
    shown.node.SetFieldOfView(4 * height / 300 * 400, 4 * height, 1)
    assert walking.frame_in_view(shown.node, frame)["ratio"] == pytest.approx(0.25, abs=0.005), "a stamp"
    shown.node.SetFieldOfView(height / 600 * 400, height / 2, 1)
    assert walking.frame_in_view(shown.node, frame)["inside"] < 0.6, "cut"


def test_corners_are_those_of_the_first_and_last_pixels(walking, shown):
    from BreastMassXAILib.scene.views import aim

    frame = shown.malignant[0]
    aim(shown.node, frame)
    shown.node.SetFieldOfView(80, 60, 1)  # 5 pixels a millimetre
    corners = walking.corners_in_view(shown.node, frame)
    size = [5 * n * s for n, s in zip(frame.GetImageData().GetDimensions(), frame.GetSpacing(), strict=True)][:2]
    assert corners[2, 0] - corners[0, 0] == pytest.approx(size[0]) and corners[0, 1] - corners[2, 1] == pytest.approx(
        size[1]
    )
    assert corners.mean(axis=0) == pytest.approx([200, 150], abs=1)


def test_another_patients_nodes_are_found(walking, shown, scene):
    frame, mass, own = shown.malignant
    other = shown.benign[2]
    seen = walking.seen_in_view(scene, shown.node, shown.composite)
    assert seen["layers"]["foreground"]["name"] == own.saliency.GetName() and own.legend.GetID() in seen["legends"]
    assert walking.strangers(scene, seen, frame, mass) == []
    assert set(walking.strangers(scene, seen, shown.benign[0], None)) >= {own.saliency.GetName(), own.regions.GetName()}
    for node, look in (
        (other.extremes, other.extremes.GetDisplayNode()),
        (shown.benign[1], shown.benign[1].GetDisplayNode()),
    ):
        look.SetVisibility(True)
        seen = walking.seen_in_view(scene, shown.node, shown.composite)
        assert node.GetName() in walking.strangers(scene, seen, frame, mass)
        look.SetViewNodeIDs(["vtkMRMLSliceNodeElsewhere"])
        seen = walking.seen_in_view(scene, shown.node, shown.composite)
        assert node.GetName() not in walking.strangers(scene, seen, frame, mass)


def test_the_log_tells_warnings_and_worse_only(walking, tmp_path, monkeypatch):
    path = tmp_path / "log.txt"
    path.write_text("[INFO][Qt] 27.11.2026 [] () - before\n")
    monkeypatch.setattr(walking.slicer.app, "errorLogModel", lambda: SimpleNamespace(filePath=str(path)), raising=False)
    log = walking.Log()
    with path.open("a") as file:
        file.write("[WARNING][VTK] 27.11.2026 [] () - No primary display node found\nand more\n[DEBUG][Qt] x - y\nz\n")
    assert [line.split(" - ")[-1] for line in log.new()] == ["No primary display node found", "and more"]
    assert log.new() == []


def test_the_way_on_the_stand_in(opened, scene, monkeypatch, tmp_path):
    """Every state is gone through, nothing is raised, and the panel's own part of the checks holds. What only a window
    can show (views, places, the mouse) is put in by hand."""
    pytest.importorskip("torch")
    import slicer

    module = opened()
    walking = load()
    module.real_installer = True
    module.panel.install_packages = module.widget.logic.installPackages
    (tmp_path / "packaging.py").write_text("def load_requirements(path): pass\ndef pip_ensure(*_a, **_k): pass\n")
    monkeypatch.setattr(slicer, "__path__", [*slicer.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "slicer.packaging", raising=False)
    monkeypatch.delattr(slicer, "packaging", raising=False)
    desktop = module.desktop
    log = tmp_path / "log.txt"
    log.write_text("")
    picture = SimpleNamespace(save=lambda path: Path(path).write_bytes(b"PNG"))
    desktop.window.__dict__.update(grab=lambda: picture, showNormal=lambda: None)
    tables = [SimpleNamespace(tableView=lambda: module_table) for _ in range(2)]
    header = SimpleNamespace(length=lambda: 300, setVisible=lambda _shown: None)
    module_table = SimpleNamespace(
        visible=True, horizontalHeader=lambda: header, verticalHeader=lambda: header,
        viewport=lambda: SimpleNamespace(width=400), resizeColumnsToContents=lambda: None,
    )  # fmt: skip
    desktop.manager.tableViewCount, desktop.manager.tableWidget = 2, tables.__getitem__
    style = SimpleNamespace(objectName="Slicer", standardPalette=lambda: None)
    logic = SimpleNamespace(GetInteractionNode=lambda: SimpleNamespace(SwitchToViewTransformMode=lambda: None))
    for name, value in {
        "errorLogModel": lambda: SimpleNamespace(filePath=str(log)), "applicationVersion": "stand-in",
        "style": lambda: style, "palette": lambda: None, "setStyle": lambda _s: None, "setPalette": lambda _p: None,
        "applicationLogic": lambda: logic,
    }.items():  # fmt: skip
        setattr(desktop.app, name, value)
    monkeypatch.setattr(
        slicer.util, "modulePath", lambda _name: str(PATH.parents[2] / "BreastMassXAI" / "BreastMassXAI.py")
    )

    def load_volume(_path, _properties):
        from BreastMassXAILib.core.frame import Spacing
        from BreastMassXAILib.presenter.adding import samples
        from BreastMassXAILib.readers.frames import read_frame
        from BreastMassXAILib.scene.inputs import add_frame

        return add_frame(scene, read_frame(samples()[1].frame).with_spacing(Spacing.unknown()), "loaded")

    monkeypatch.setattr(slicer.util, "loadVolume", load_volume)
    monkeypatch.setattr(walking, "views_now", dict)
    frame = SimpleNamespace(width=414)
    monkeypatch.setattr(walking, "scroll_area_of", lambda _widget: frame)
    place = {"place": [0, 0, 400, 20], "inside": 1.0}
    monkeypatch.setattr(
        walking, "panel_now",
        lambda ui: {"viewport": [414, 465], "widgets": {n: place for n, w in vars(ui).items() if w.shown}},
    )  # fmt: skip

    def click(going, _view, row, column):
        line = walking.nodes_of(scene, "vtkMRMLMarkupsLineNode")[-1]
        node = going.panel.parameters.frame
        line.AddControlPointWorld(*[-a * b for a, b in zip((column, row), node.GetSpacing()[:2], strict=True)], 0.0)

    strokes = []

    def paint(going, view, points):
        """A disc around each point, as a brush would; only where the mass can be drawn."""
        from BreastMassXAILib.scene.inputs import mass_of, set_segments

        if view != "Red":
            return
        parameters = going.panel.parameters
        mask = mass_of(parameters.segmentation, parameters.massSegmentID, parameters.frame)
        row, column = np.mgrid[: mask.shape[0], : mask.shape[1]]
        going.ui.segmentEditor.saveStateForUndo()
        for at_row, at_column in points:
            mask = mask | (np.hypot(row - at_row, column - at_column) < 14)
        set_segments(
            parameters.segmentation, mask.astype(np.uint8), parameters.frame, {parameters.massSegmentID: (1, 1, 0)}
        )
        strokes.append(len(points))

    monkeypatch.setattr(walking.Walk, "click", click)
    monkeypatch.setattr(walking.Walk, "paint", paint)
    editor = type(module.ui.segmentEditor)
    effect = SimpleNamespace(setCommonParameter=lambda _name, _value: None, optionsFrame=lambda: None)
    monkeypatch.setattr(editor, "effectByName", lambda _editor, _name: effect)
    monkeypatch.setattr(slicer.util, "findChildren", lambda *_a, **_k: [], raising=False)
    monkeypatch.setattr(editor, "minimumSizeHint", SimpleNamespace(width=lambda: 300), raising=False)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    out = tmp_path / "out"
    going = walking.walk(out)
    report = json.loads((out / "walk.json").read_text())
    raised = {s["state"]: s["errors"] for s in report["states"] if s["errors"]}
    assert raised == {}, "\n".join(text for texts in raised.values() for text in texts)
    assert len(report["states"]) > 35 and len(strokes) >= 3
    assert len(list(out.glob("*.png"))) == len(report["states"]) == len(going.states)
    seen_by_a_window = ("legend", "corner", "two views", "explanation is shown over", "is on screen", "kept waiting")
    failed = [text for text in report["failed"] if not any(word in text for word in seen_by_a_window)]
    assert failed == []
