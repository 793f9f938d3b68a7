"""The keyboard: one table of keys, in force while the module is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import qt

from .keys import KEYS
from .slots import Slots
from .window import main_window


class Shortcuts:
    """Parameters
    ----------
    actions : mapping of name to callable
        One for each of :data:`~.keys.KEYS`.
    slots : Slots
    """

    def __init__(self, actions: Mapping[str, Callable[[], None]], slots: Slots) -> None:
        self._actions = actions
        self._slots = slots
        self._installed: list = []

    def install(self) -> None:
        """Listen to the keys in Slicer's main window; without one there is no keyboard to listen to."""
        window = main_window()
        if window is None or self._installed:
            return
        for name, key in KEYS.items():
            shortcut = qt.QShortcut(window)
            shortcut.setKey(qt.QKeySequence(key.sequence))
            self._slots.connect(shortcut, "activated()", self._actions[name])
            self._installed.append(shortcut)

    def remove(self) -> None:
        for shortcut in self._installed:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._installed.clear()


def show_keys(ui) -> None:
    """Name each key in the tooltip of its button."""
    for key in KEYS.values():
        if key.widget:
            widget = getattr(ui, key.widget)
            widget.toolTip = f"{widget.toolTip} [{key.sequence}]"
