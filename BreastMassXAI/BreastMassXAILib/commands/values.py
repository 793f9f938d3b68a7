"""How the words after an option are understood; what makes no sense is refused with a sentence."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..resources import model_folder


def model(text: str) -> Path:
    """A folder, or a shipped model by its name."""
    return model_folder(text)


def count(text: str) -> int:
    """A number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 on")
    return int(text)


def whole(text: str) -> int:
    """A number from 0 on."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 0 on")
    return int(text)


def folds(text: str) -> int:
    """A number of parts, from 2 on."""
    if count(text) < 2:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of parts from 2 on")
    return int(text)


def input_size(text: str) -> int:
    """Rows and columns of a network's input, 32 to 1024."""
    if not 32 <= count(text) <= 1024:
        raise argparse.ArgumentTypeError(f"'{text}' is no size from 32 to 1024")
    return int(text)


def spacing(text: str) -> tuple[float, float]:
    """``MM`` or ``ROW,COL``: mm per pixel (row, column)."""
    parts = [positive(part) for part in text.split(",")]
    if len(parts) not in (1, 2):
        raise argparse.ArgumentTypeError("give one number of mm, or two as ROW,COL")
    return parts[0], parts[-1]


def numbers(text: str, count: int) -> tuple[float, ...]:
    """So many numbers with commas between."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count:
        raise argparse.ArgumentTypeError(f"'{text}' is not {count} numbers with commas between")
    return values


def positive(text: str) -> float:
    """A finite number above 0."""
    value = not_negative(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def not_negative(text: str) -> float:
    """0 or a finite number above it."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not zero or a positive number")
    return value


def half(text: str) -> float:
    """A distance of probabilities from a threshold: 0 to 0.5."""
    value = not_negative(text)
    if value > 0.5:
        raise argparse.ArgumentTypeError("must be at most 0.5, half of all probabilities")
    return value


class SaidTwice(argparse.Action):
    """A size that may be unusual: saying it a second time confirms it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        before = getattr(namespace, self.dest, None)
        if before is not None:
            if before != values:
                parser.error(f"{option_string} was given twice, with different sizes")
            namespace.confirm_size = True
        setattr(namespace, self.dest, values)


def add_confirmation(command: argparse._ActionsContainer) -> None:
    """That a frame narrower than 10 mm or wider than 300 mm is no slip."""
    command.add_argument(
        "--confirm-size",
        action="store_true",
        help="a frame below 10 mm or above 300 mm wide is no slip of the unit",
    )


def pair(text: str) -> tuple[str, str]:
    """``NAME=VALUE``."""
    name, equals, value = text.partition("=")
    if not (equals and name.strip() and value.strip()):
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form NAME=VALUE")
    return name.strip(), value.strip()
