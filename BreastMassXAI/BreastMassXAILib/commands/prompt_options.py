"""Where the mass is, as a person points at it: what ``outline``, ``analyze`` and ``analyze-cine`` share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from . import values

if TYPE_CHECKING:
    from ..core.outline import Prompt


def add_prompt(command: argparse.ArgumentParser) -> None:
    """Clicks and a box; :func:`prompt` reads them."""
    for name, what in (
        ("--click", "a point in the mass, in pixels of the frame; may be repeated"),
        ("--not-here", "a point that does not belong to the mass; may be repeated"),
    ):
        command.add_argument(
            name, metavar="ROW,COL", type=lambda text: values.numbers(text, 2), action="append", default=[], help=what
        )
    command.add_argument(
        "--box",
        metavar="ROW0,COL0,ROW1,COL1",
        type=lambda text: values.numbers(text, 4),
        help="a rough box around the mass, upper left and lower right corner",
    )


def prompt(options: argparse.Namespace) -> Prompt:
    """What :func:`add_prompt` asked for."""
    from ..core.outline import Box, Click, Prompt

    clicks = tuple(
        Click(row, column, inside)
        for places, inside in ((options.click, True), (options.not_here, False))
        for row, column in places
    )
    return Prompt(clicks, None if options.box is None else Box(*options.box))
