"""How long work tells how far it is, and how it is stopped: one callable, called between steps."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""``progress(done, total, what)``. Work stops cleanly when the callable raises; nothing is left half-written."""


def silent(done: int, total: int, what: str) -> None:
    """For callers who do not want to know."""
