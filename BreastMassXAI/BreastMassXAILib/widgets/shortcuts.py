"""The keyboard: one table of keys, in force while the module is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import qt
import slicer

from .keys import KEYS


class Shortcuts:
    """Parameters
    ----------
    actions : mapping of name to callable
        One for each of :data:`~.keys.KEYS`.
    """

    def __init__(self, actions: Mapping[str, Callable[[], None]]) -> None:
        self._actions = actions
        self._installed: list = []

    def install(self) -> None:
        """Listen to the keys in Slicer's main window; without one there is no keyboard to listen to."""
        window = slicer.util.mainWindow()
        if window is None or self._installed:
            return
        for name, key in KEYS.items():
            shortcut = qt.QShortcut(window)
            shortcut.setKey(qt.QKeySequence(key.sequence))
            shortcut.connect("activated()", self._actions[name])
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
