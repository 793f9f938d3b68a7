"""The Segment Editor in a panel of 430 pixels: laid out on layouts and options as Slicer's sources have them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest


class Layout:
    """What PythonQt shows of a layout: its items, each of which is a layout, a widget or a spacer."""

    def __init__(self, name: str, *items: object) -> None:
        self.objectName, self.items = name, list(items)
        self.direction, self.margins = "LeftToRight", None

    def count(self) -> int:
        return len(self.items)

    def itemAt(self, index: int):
        item = self.items[index]
        of = item if isinstance(item, Layout) else None
        return SimpleNamespace(layout=lambda: of, spacerItem=lambda: item if item == "spacer" else None, item=item)

    def removeItem(self, item) -> None:
        self.items.remove(item.item)

    def setDirection(self, direction) -> None:
        self.direction = direction

    def setContentsMargins(self, *margins: int) -> None:
        self.margins = margins


@pytest.fixture
def editor():
    tools = Layout("verticalLayout_3", "EffectsGroupBox", "UndoRedoGroupBox", "spacer")
    rest = Layout("verticalLayout", "SegmentsTable", "OptionsGroupBox")
    row = Layout("horizontalLayout", tools, rest)
    grid = Layout("gridLayout_2", Layout("NodeSelectorLayout"), Layout("SegmentActionsLayout"), "widget", row)
    return SimpleNamespace(layout=lambda: grid, effectColumnCount=2, row=row, tools=tools, grid=grid)


def test_the_tools_stand_in_a_row_above_their_options(opened, editor, monkeypatch):
    opened()
    import qt
    import slicer

    table = SimpleNamespace(visible=True)
    found = {"SegmentsTableResizableFrame": [table]}
    monkeypatch.setattr(slicer.util, "findChildren", lambda _editor, name: found[name])

    from BreastMassXAILib.widgets.narrow_editor import stack

    assert stack(editor, 9)
    assert editor.row.direction == qt.QBoxLayout.TopToBottom and editor.effectColumnCount == 9
    assert editor.tools.items == ["EffectsGroupBox", "UndoRedoGroupBox"] and editor.grid.margins == (0, 0, 0, 0)
    assert not table.visible


def test_an_editor_of_another_build_stays_as_it_is(opened, editor):
    opened()
    from BreastMassXAILib.widgets.narrow_editor import stack

    editor.row.objectName = "somethingElse"
    assert not stack(editor, 9) and editor.effectColumnCount == 2 and editor.tools.count() == 3
    assert not stack(SimpleNamespace(layout=lambda: None), 9)


def test_options_of_volumes_are_left_out(opened, monkeypatch):
    opened()
    import slicer

    from BreastMassXAILib.widgets.narrow_editor import leave_out_options_of_volumes

    def options(*texts: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(text=text, visible=True) for text in texts]

    known = {
        "Paint": {
            "QCheckBox": options("Sphere brush", "Edit in 3D views", "Color smudge"),
            "QLabel": options("Diameter:"),
        },
        "Scissors": {
            "QRadioButton": options("Erase inside", "Unlimited", "Symmetric", "Free-form"),
            "QLabel": options("Operation:", "Slice cut:"),
            "qMRMLSpinBox": [SimpleNamespace(visible=True)],
        },
    }
    effects = {name: SimpleNamespace(optionsFrame=lambda name=name: name) for name in known}
    monkeypatch.setattr(slicer.util, "findChildren", lambda frame, className: known[frame].get(className, []))
    leave_out_options_of_volumes(SimpleNamespace(effectByName=effects.get))
    left = {
        option.text for kinds in known.values() for kind in list(kinds)[:2] for option in kinds[kind] if option.visible
    }
    assert left == {"Color smudge", "Diameter:", "Erase inside", "Free-form", "Operation:"}
    assert not known["Scissors"]["qMRMLSpinBox"][0].visible
