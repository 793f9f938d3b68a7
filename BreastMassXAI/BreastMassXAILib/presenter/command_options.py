"""The options of a command as something that a dialog can offer, taken from the command's own parser.

So a panel offers what the command line does, in the same words, and a new option is offered without a line here.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ..core.errors import InputError

GIVEN = ("--out", "--force", "--progress", "--help")
"""What the panel gives itself: the folder, which was chosen, its replacement, which was agreed to, and how to talk."""


class Kind(str, Enum):
    SWITCH = "switch"
    CHOICE = "choice"
    TEXT = "text"


@dataclass(frozen=True)
class Option:
    """An option of a command.

    Parameters
    ----------
    flag : str
        As on the command line: ``--ring-mm``.
    title : str
        In a dialog: ``ring mm``.
    help : str
    kind : Kind
    default : str
        As a user would write it; "" where the command decides, or for a switch.
    choices : tuple of str
    several : bool
        May be given several times: then texts are separated by semicolons.
    wants : str
        What the text is, in a word: ``MM``.
    group : int
        Options of the same group above 0 exclude each other.
    """

    flag: str
    title: str
    help: str
    kind: Kind
    default: str
    choices: tuple[str, ...] = ()
    several: bool = False
    wants: str = ""
    group: int = 0


def options_of(parser: argparse.ArgumentParser, given: Collection[str] = GIVEN) -> list[Option]:
    """What a command's parser understands besides its files and what the panel gives itself."""
    groups = {
        id(action): number
        for number, group in enumerate(parser._mutually_exclusive_groups, start=1)
        for action in group._group_actions
    }
    return [
        _option(action, groups.get(id(action), 0))
        for action in parser._actions
        if action.option_strings and action.option_strings[-1] not in given and action.help != argparse.SUPPRESS
    ]


def _option(action: argparse.Action, group: int) -> Option:
    flag = action.option_strings[-1]
    default = "" if action.nargs == 0 or action.default is None else str(action.default)
    kind = Kind.SWITCH if action.nargs == 0 else Kind.CHOICE if action.choices else Kind.TEXT
    return Option(
        flag,
        flag.lstrip("-").replace("-", " "),
        (action.help or "").replace("%%", "%"),
        kind,
        default,
        tuple(str(choice) for choice in action.choices or ()),
        isinstance(action, argparse._AppendAction),
        str(action.metavar or ""),
        group,
    )


def arguments_of(parser: argparse.ArgumentParser, values: Mapping[str, str | bool]) -> list[str]:
    """A command's arguments for what was chosen, checked by its own parser.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    values : mapping of flag to text or truth value
        Texts that are empty or the default are left to the command.

    Raises
    ------
    InputError
        With one sentence, for the first value that the command would refuse.
    """
    actions = {action.option_strings[-1]: action for action in parser._actions if action.option_strings}
    found: list[str] = []
    taken: dict[int, str] = {}
    for option in options_of(parser):
        value = values.get(option.flag, "")
        if option.kind is Kind.SWITCH:
            texts = [""] if value else []
        else:
            parts = str(value).split(";") if option.several else [str(value)]
            texts = [part.strip() for part in parts if part.strip() and part.strip() != option.default]
        for text in texts:
            if option.group and taken.setdefault(option.group, option.flag) != option.flag:
                raise InputError(f"'{option.title}' and '{taken[option.group].lstrip('-')}' exclude each other.")
            if option.kind is Kind.SWITCH:
                found.append(option.flag)
                continue
            _check(parser, actions[option.flag], option, text)
            found.append(f"{option.flag}={text}")  # a text may begin with a dash
    return found


def _check(parser: argparse.ArgumentParser, action: argparse.Action, option: Option, text: str) -> None:
    try:
        value = parser._get_value(action, text)
    except argparse.ArgumentError as error:
        raise InputError(f"'{option.title}': {error.message}.") from None
    if action.choices is not None and value not in action.choices:
        raise InputError(f"'{option.title}': choose one of {', '.join(option.choices)}.")


def is_occupied(folder: Path) -> bool:
    """Whether a folder holds anything that writing to it would replace."""
    return folder.is_dir() and any(folder.iterdir())
