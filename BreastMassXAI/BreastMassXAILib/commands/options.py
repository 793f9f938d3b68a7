"""Options that commands share, each written once, and the command line as results keep it."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..methods import DEFAULT, METHODS
from . import values
from .arguments import PROGRAM

if TYPE_CHECKING:
    from ..core.field import FieldRule
    from ..core.settling import SpacingAssumption

FILLS = ("inpaint", "blur", "mean")
"""Those of :mod:`..core.infill`, for the same reason as `FIELDS`."""
FIELDS = ("frame", "scan-area", "square", "roi", "reach")
"""Those of :class:`~..core.field.FieldRule`, written here so that help needs no numpy."""


def add_data(command: argparse._ActionsContainer) -> None:
    """A labelled data set."""
    command.add_argument(
        "data",
        metavar="DATA",
        type=Path,
        help="BUS-BRA's folder, a folder per class, OASBUD.mat, a CSV manifest or a pack",
    )


def add_assumption(command: argparse._ActionsContainer) -> None:
    """What a data set's frames measure where nothing tells; :func:`assumption` reads it."""
    add_size(
        command,
        "pixel size in mm where no file tells it; twice to confirm an unusual one",
        "imaged width in mm where no file tells the pixel size",
    )


def add_size(command: argparse._ActionsContainer, spacing: str, width: str) -> argparse._MutuallyExclusiveGroup:
    """Pixel size or width of a frame, with what the command has to say of each; other ways to tell may join them."""
    size = command.add_mutually_exclusive_group()
    size.add_argument("--spacing", metavar="MM|ROW,COL", type=values.spacing, action=values.SaidTwice, help=spacing)
    size.add_argument("--assume-width", metavar="MM", type=values.positive, help=width)
    values.add_confirmation(command)
    return size


def assumption(options: argparse.Namespace) -> SpacingAssumption:
    """What :func:`add_assumption` asked for."""
    from ..core.settling import SpacingAssumption

    return SpacingAssumption(options.spacing, options.assume_width, options.confirm_size)


def add_field(command: argparse._ActionsContainer, sentence: str) -> None:
    """What the network sees of a frame, or what is kept of it, as `sentence` says; :func:`field_rule` reads it."""
    command.add_argument("--field", choices=FIELDS, help=sentence)
    command.add_argument(
        "--scale", metavar="X", type=values.positive, default=2.2, help="for square and reach (default: 2.2)"
    )
    command.add_argument(
        "--margin-mm", metavar="MM", type=values.not_negative, default=8.0, help="for --field roi (default: 8)"
    )


def field_rule(options: argparse.Namespace, kind: str) -> FieldRule:
    """The rule of this kind with the numbers that :func:`add_field` asked for."""
    from ..core.field import FieldRule

    scale = options.scale if kind in ("square", "reach") else None
    return FieldRule(kind, scale, options.margin_mm if kind == "roi" else None)


def add_ring(command: argparse._ActionsContainer, sentence: str) -> None:
    """The peritumoral ring's width, with what the command has to say of it."""
    command.add_argument(
        "--ring-mm", metavar="MM", type=values.not_negative, default=5.0, help=f"{sentence} (default: 5)"
    )


def add_grey_zone(command: argparse._ActionsContainer, sentence: str) -> None:
    """Probabilities that are too close to the threshold, with what the command has to say of them."""
    command.add_argument("--grey-zone", metavar="P", type=values.half, default=0.0, help=sentence)


def add_jobs(command: argparse._ActionsContainer) -> None:
    """How many processes share the cases."""
    command.add_argument(
        "--jobs", metavar="N", type=values.count, default=1, help="processes on this machine (default: 1)"
    )


def add_choices(command: argparse._ActionsContainer) -> None:
    """Operating point and rule of suspension; :func:`choices` reads them."""
    command.add_argument(
        "--operating-point",
        choices=("sensitive", "balanced", "specific"),
        default="balanced",
        help="threshold of the model: sensitivity of at least 0.95, closest to the ROC curve's corner (default), or "
        "specificity of at least 0.95",
    )
    command.add_argument(
        "--suspend",
        choices=("paper", "confidence", "disagreement", "outside", "none"),
        help="when not to decide: neither extreme point in a region (paper), too close to the threshold (confidence), "
        "the network's heads disagree (disagreement), evidence outside the regions (outside), or never (default: the "
        "model's own rule, which was measured to help; older models: paper)",
    )


def choices(options: argparse.Namespace) -> dict[str, Any]:
    """What :func:`add_choices` asked for, as fields of :class:`~..core.result.Settings`."""
    return {"operating_point": options.operating_point, "suspend": options.suspend}


def add_methods(command: argparse._ActionsContainer) -> None:
    """What explains a decision; ``methods_of`` of the room `methods` reads them."""
    command.add_argument(
        "--method",
        dest="methods",
        metavar="NAME[:N]",
        action="append",
        default=[],
        help=f"what explains the decision, which stays the same: {', '.join(METHODS)}; may be repeated, the first "
        "is the main one and the others are shown beside it. N: a stage (grad-cam, grad-cam++, layer-cam, hires-cam), "
        "channels (score-cam), input resolutions (cameras), tiles across (occlusion), steps (integrated-gradients) or "
        f"noisy copies (smooth-grad) (default: {DEFAULT})",
    )


def add_check(command: argparse._ActionsContainer) -> None:
    """The counter-check; :func:`check` reads it."""
    command.add_argument(
        "--check",
        action="store_true",
        help="replace each region by plausible tissue, ask the network again (four passes more) and show the change of "
        "the logit beside the region's contribution; where the two disagree for the region that decided, that is said "
        "first",
    )
    command.add_argument(
        "--check-fill",
        choices=FILLS,
        default=FILLS[0],
        help="what a region is replaced by: tissue in-painted from its surroundings with their speckle (default), a "
        "blur of itself, or their mean grey",
    )


def check(options: argparse.Namespace) -> str | None:
    """What :func:`add_check` asked for, as :class:`~..core.result.Settings` has it."""
    return options.check_fill if options.check else None


def add_progress(command: argparse._ActionsContainer) -> None:
    """How far the work is; :func:`~..core.progress.reporter` shows it."""
    command.add_argument(
        "--progress",
        choices=("auto", "bar", "json", "none"),
        default="auto",
        help="bar in a terminal, or JSON lines on standard error (default: auto)",
    )


def kept_command(options: argparse.Namespace, left_out: Mapping[str, int] = MappingProxyType({})) -> str:
    """The command line as a result keeps it, without the folders of this computer.

    Parameters
    ----------
    left_out : mapping of str to int
        Options that the result does not depend on, with the number of words after each.
    """
    words = iter(Path(word).name if Path(word).is_absolute() else word for word in options.arguments)
    kept = []
    for word in words:
        for _ in range(left_out.get(word, 0)):
            next(words, None)
        if word.partition("=")[0] not in left_out:
            kept.append(word)
    return shlex.join([PROGRAM, *kept])
