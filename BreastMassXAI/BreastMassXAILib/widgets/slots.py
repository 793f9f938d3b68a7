"""The one way from signals, timers and events into the panel: what is raised on it ends as a sentence.

Nothing else in this room may connect, observe or start a timer (``Testing/extension/test_panel.py`` looks for it), so
no button can end in a traceback while the panel goes on saying something else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import qt

from ..core.errors import InputError
from ..presenter.worker import sentence_of

Tell = Callable[[str, str], None]
"""``tell(sentence, details)``: show the user what went wrong; no details where the sentence says it all."""


class Slots:
    """Parameters
    ----------
    tell : Tell
        When it fails itself, the application's log gets both.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    @contextmanager
    def reported(self) -> Iterator[None]:
        """What goes wrong inside is told in one sentence, with details on request."""
        try:
            yield
        except Exception as error:
            sentence, details = sentence_of(error)
            logging.debug("%s\n%s", sentence, details)
            try:
                self._tell(sentence, "" if isinstance(error, InputError) else details)
            except Exception:  # not even that can be shown
                logging.exception("%s\n%s", sentence, details)

    def guarded(self, slot: Callable[..., Any]) -> Callable[..., None]:
        """A slot that cannot fail. It takes what the signal sends: Slicer passes all of it to such a function."""

        def call(*arguments: Any) -> None:
            with self.reported():
                call.slot(*arguments)  # type: ignore[attr-defined]

        call.slot = slot  # type: ignore[attr-defined]
        call.slots = self  # type: ignore[attr-defined]
        return call

    def connect(self, sender: Any, signal: str, slot: Callable[..., Any]) -> None:
        """Call `slot` with what a widget's signal sends."""
        sender.connect(signal, self.guarded(slot))

    def observe(self, node: Any, event: Any, slot: Callable[[Any, Any], Any]) -> int:
        """Call ``slot(caller, event)`` whenever a node says so; the tag by which ``RemoveObserver`` ends it."""
        return node.AddObserver(event, self.guarded(slot))

    def timer(self, milliseconds: int, slot: Callable[[], Any], single: bool = False) -> Any:
        """A timer that is not started yet."""
        timer = qt.QTimer()
        timer.setInterval(milliseconds)
        timer.setSingleShot(single)
        self.connect(timer, "timeout()", slot)
        return timer

    def later(self, slot: Callable[[], Any]) -> None:
        """Call `slot` once, when what happens now is over."""
        qt.QTimer.singleShot(0, self.guarded(slot))
