"""The keyboard: one table of keys, in force while the module is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import qt

from .keys import EDITOR_KEYS, KEYS
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


def show_keys(ui, actions: Mapping[str, Callable[[], None]], slots: Slots) -> None:
    """Name each key in the tooltip of its button, and all of them in the popup of the button Keys."""
    menu = qt.QMenu(ui.keysButton)
    for name, key in KEYS.items():
        if key.widget:
            widget = getattr(ui, key.widget)
            widget.toolTip = f"{widget.toolTip} [{key.sequence}]"
        action = _add(menu, f"{key.does}\t{key.sequence}")
        slots.connect(action, "triggered()", actions[name])
    menu.addSeparator()
    for sequence, does in EDITOR_KEYS.items():
        _add(menu, f"{does}\t{sequence}").setEnabled(False)
    ui.keysButton.setMenu(menu)


def _add(menu, text: str):
    """An entry of a menu; the tab in its text puts the key where menus have it."""
    action = qt.QAction(text, menu)
    menu.addAction(action)
    return action
