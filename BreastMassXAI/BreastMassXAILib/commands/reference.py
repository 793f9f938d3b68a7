"""The page of all commands and options, ``docs/reference/commands.md``, see ``make docs``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from .arguments import COMMANDS, PROGRAM, module_of


def page() -> str:
    """The commands with their options as Markdown, from what the command line itself understands."""
    parts = [
        "# Commands",
        f"`{PROGRAM} COMMAND --help` says the same. This page is made by `make docs`.",
        "Exit codes: 0; 2 for bad input (one sentence on standard error); 3 where no mass was found that could be "
        "outlined (a sentence with the confidence on standard error, nothing is written); 1 for a fault of "
        "ours; 130, 143 or 129 when stopped by Ctrl+C, a request to terminate or a closed terminal.",
    ]
    for name, sentence in COMMANDS.items():
        command = argparse.ArgumentParser(prog=f"{PROGRAM} {name}")
        module_of(name).add_options(command)
        parts += [f"## {name}", command.description or sentence, "\n".join(_table(command))]
    return "\n\n".join(parts) + "\n"


def _table(command: argparse.ArgumentParser) -> Iterator[str]:
    yield "| option | what it does |"
    yield "|---|---|"
    for action in command._actions:
        if isinstance(action, argparse._HelpAction) or action.help == argparse.SUPPRESS:
            continue
        said = (action.help or "").replace("|", "\\|")
        yield f"| {_words(action)} | {said[:1].upper()}{said[1:]}{' (required)' if _required(action) else ''} |"


def _words(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else action.metavar or action.dest.upper()
    if action.choices is not None:
        value = ", ".join(map(str, action.choices))
    text = f"{', '.join(action.option_strings)} {value}".strip().replace("|", "\\|")
    return f"`{text}`"


def _required(action: argparse.Action) -> bool:
    return action.required and bool(action.option_strings)


if __name__ == "__main__":
    sys.stdout.write(page())
