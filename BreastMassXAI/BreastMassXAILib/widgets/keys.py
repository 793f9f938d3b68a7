"""The keys of the module. None of them means anything to the Segment Editor, to slice views or to Slicer's menus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """A key sequence as Qt writes it, and the widget whose tooltip names it ("" for none)."""

    sequence: str
    widget: str


KEYS = {
    "explain": Key("E", "explainButton"),
    "overlay": Key("O", "saliencyCheckBox"),
    "regions": Key("U", "regionsCheckBox"),
    "next": Key("N", "nextCaseButton"),
    "previous": Key("P", "previousCaseButton"),
    "save": Key("Shift+S", "saveButton"),
}
