"""The keys of the module. None of them means anything to the Segment Editor, to slice views or to Slicer's menus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """A key sequence as Qt writes it, what it does, and the widget whose tooltip names it ("" for none)."""

    sequence: str
    does: str
    widget: str


KEYS = {
    "explain": Key("E", "Explain", "explainButton"),
    "overlay": Key("O", "Saliency map on and off", "saliencyCheckBox"),
    "regions": Key("U", "Regions on and off", "regionsCheckBox"),
    "next": Key("N", "Next case of the cohort", "nextCaseButton"),
    "previous": Key("P", "Previous case", "previousCaseButton"),
    "save": Key("Shift+S", "Save result", "saveButton"),
}
EDITOR_KEYS = {
    "1 to 8": "Tools of the Segment Editor",
    "Esc": "Leave the tool",
    "Space": "The last tool again",
    "Z, Y": "Undo and redo of the mass",
}
"""The Segment Editor's own, as `qMRMLSegmentEditorWidget` installs them."""
