"""One family of exceptions whose messages a radiologist can act on."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


class BreastMassXAIError(Exception):
    """Anything that a user can understand and put right. The message is one clear sentence.

    Characters that cannot be printed, which damaged files bring into it, are shown as ``?``, so that it stays one line
    in a terminal, and can be written wherever text can.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(_printable(message))


class InputError(BreastMassXAIError):
    """A frame or a mass mask that cannot be read or cannot be explained."""


class NoMassError(InputError):
    """No mass was found where one was to be suggested: an answer rather than a mistake."""


class SpacingError(InputError):
    """Millimetres are asked of a frame whose pixel size is not known."""


class BundleError(BreastMassXAIError):
    """A model bundle that is incomplete, altered or of an unknown kind."""


class OutputError(BreastMassXAIError):
    """A result that cannot be written where the user wants it."""


class MissingPackageError(BreastMassXAIError):
    """A package that this step needs is not installed; the message says how to install it."""


def shown(text: str, limit: int = 80) -> str:
    """Text from a file as a sentence can show it: in one line, without what cannot be printed, and no longer."""
    plain = _printable(text)
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."


def _printable(text: str) -> str:
    """Names of files may hold other spaces than the usual one, and what joins letters in some scripts."""
    return "".join(
        each if each.isprintable() or each in "\u200c\u200d" or unicodedata.category(each) == "Zs" else "?"
        for each in text
    )


class SegmentChoiceError(InputError):
    """A mask holds several segments or labels, and which of them is the mass cannot be told, or was told wrongly.

    Parameters
    ----------
    file_name : str
    what : str
        ``segments``, ``values`` or ``colours``.
    choices : sequence of str
        What can be chosen, as ``--segment`` takes it.
    asked : str, optional
        What was chosen and is not there.
    """

    def __init__(self, file_name: str, what: str, choices: Sequence[str], asked: str | None = None) -> None:
        self.choices = tuple(choices)
        listed = ", ".join(shown(choice) for choice in self.choices[:20]) + (
            " and others" if len(self.choices) > 20 else ""
        )
        if asked is not None:
            sentence = f"The mask {file_name} has no segment '{shown(asked)}': its {what} are {listed or 'none'}."
        else:
            sentence = (
                f"The mask {file_name} has several {what} and it is not certain which is the mass: choose one "
                f"(--segment) of {listed}."
            )
        super().__init__(sentence)
