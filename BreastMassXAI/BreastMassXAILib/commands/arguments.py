"""The commands: each is a file beside this one, which holds its options (``add_options``) and its work (``run``).

Only the file of the command that is asked for is imported, so that help and version come at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from .. import __version__

PROGRAM = "breast-mass-xai"
COMMANDS = {
    "analyze": "classify one frame and explain the decision",
    "outline": "outline the mass on one frame, at a click or without one, and write its mask",
    "analyze-cine": "classify and explain the frames of a cine loop or the slices of a volume",
    "train": "train a model on a labelled data set",
    "cross-validate": "train and test on every partition in turn, then train on all cases",
    "train-outline": "train the network that suggests outlines, and measure it on every partition",
    "pack": "put a data set into one file that is ready for training",
    "calibrate": "fit a model's temperature and operating points to labelled cases of one's own",
    "evaluate": "classify and explain a cohort; write tables and a report",
    "agree": "compare two outlines of the same masses, and what their difference does to the decision",
    "planted": "let networks decide by one known thing, and see which explanations name it",
    "sanity": "test whether saliency maps can be believed, over a cohort",
    "check-manifest": "say what is wrong with a CSV manifest, row by row",
    "inspect": "say what files hold: frames, pixel size and where it comes from, scan area",
}
"""Each command's help in a line. ``analyze-cine`` is the file ``analyze_cine.py``."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Understand a command line; ``run(options)`` of what is returned does the work.

    Raises
    ------
    SystemExit
        As argparse does: with code 2 and the usage for options that make no sense, with 0 after --help and --version.
    """
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Why did a network call this breast mass on ultrasound malignant? Research use only.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("--verbose", action="store_true", help="with --version: what computes here, to report a fault")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    asked = next((word for word in arguments if not word.startswith("-")), None)
    if {"--version", "--verbose"} <= set(arguments) and asked is None:
        from .versions import facts

        print(facts())
        raise SystemExit(0)
    for name, sentence in COMMANDS.items():
        command = commands.add_parser(name, help=sentence)
        if name == asked:
            module_of(name).add_options(command)
            command.set_defaults(run=module_of(name).run)
    options = parser.parse_args(arguments)
    options.arguments = list(arguments)
    return options


def module_of(name: str) -> ModuleType:
    """The file of a command, with its ``add_options(parser)`` and ``run(options)``."""
    return import_module(f".{name.replace('-', '_')}", __package__)
