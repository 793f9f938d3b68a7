"""Slicer's Segment Editor, made to fit into the width of a module panel.

As Slicer lays it out, the tools stand beside the table of segments and the tool's options, and the widest options
(*Islands*, *Scissors*) then want some 130 pixels more than Slicer's panel has at 1280x800. Here the tools stand in a
row above them, the table is left out (which segment is the mass is chosen beside its segmentation), and so are options
that mean nothing for a single frame. What is looked for is named as in ``qMRMLSegmentEditorWidget.ui`` and the effects'
sources; where Slicer changes it, the editor stays as Slicer has it.
"""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import translate

_SIDE_BY_SIDE, _TABLE = "horizontalLayout", "SegmentsTableResizableFrame"
_PAINT, _SCISSORS = "qSlicerSegmentEditorPaintEffect", "qSlicerSegmentEditorScissorsEffect"
_OF_VOLUMES = {
    "Paint": (_PAINT, ("Sphere brush", "Edit in 3D views")),
    "Erase": (_PAINT, ("Sphere brush", "Edit in 3D views")),
    "Scissors": (_SCISSORS, ("Slice cut:", "Unlimited", "Positive", "Negative", "Symmetric")),
}
"""Effect -> where its texts are translated, and those that are about more than one slice."""


def stack(editor: Any, tools: int) -> bool:
    """Put the tools in a row above their options; False where the editor is laid out otherwise than known.

    Parameters
    ----------
    editor : qMRMLSegmentEditorWidget
    tools : int
        How many tools there are, the arrow that leaves them included.
    """
    grid = editor.layout()
    if grid is None:
        return False
    rows = [grid.itemAt(index).layout() for index in range(grid.count())]
    for row in rows:
        if row is None or row.objectName != _SIDE_BY_SIDE:
            continue
        row.setDirection(qt.QBoxLayout.TopToBottom)
        column = row.itemAt(0).layout()
        last = column.itemAt(column.count() - 1) if column is not None and column.count() else None
        if last is not None and last.spacerItem() is not None:  # it kept the tools at the top of their column
            column.removeItem(last)
        grid.setContentsMargins(0, 0, 0, 0)
        editor.effectColumnCount = tools
        for table in slicer.util.findChildren(editor, name=_TABLE):
            table.visible = False
        return True
    return False


def leave_out_options_of_volumes(editor: Any) -> None:
    """Hide what is about other slices and 3D views; of effects that are registered later when called again."""
    for name, (context, texts) in _OF_VOLUMES.items():
        effect = editor.effectByName(name)
        if effect is None:
            continue
        frame, words = effect.optionsFrame(), {translate(context, text) for text in texts}
        for kind in ("QCheckBox", "QRadioButton", "QLabel"):
            for option in slicer.util.findChildren(frame, className=kind):
                if option.text in words:
                    option.visible = False
        if name == "Scissors":
            for depth in slicer.util.findChildren(frame, className="qMRMLSpinBox"):
                depth.visible = False
