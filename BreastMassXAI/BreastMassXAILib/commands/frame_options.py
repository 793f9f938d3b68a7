"""What ``analyze`` and ``analyze-cine`` share: the options of an explanation, and what they ask for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..resources import DEFAULT_MODEL, SHIPPED_MODELS
from . import values
from .options import add_check, add_choices, add_grey_zone, add_progress, add_ring, add_size, check, choices


def add_reading(command: argparse.ArgumentParser) -> None:
    """How a frame's file is to be read: pixel size, sense of the rows, scan area, beams; :func:`reading` reads them."""
    size = add_size(
        command,
        "pixel size in mm, one number or depth,width (assumed); twice to confirm an unusual one",
        "assume that the frame is this wide, with square pixels unless the file says otherwise",
    )
    size.add_argument(
        "--calibrate",
        metavar="ROW0,COL0,ROW1,COL1,MM",
        type=lambda text: values.numbers(text, 5),
        action="append",
        default=[],
        help="a line between two points of the frame that is MM long, as on its depth scale (calibrated); a second "
        "line in another direction for pixels that are not square",
    )
    command.add_argument(
        "--flip",
        choices=("rows",),
        help="rows: turn the frame upside down, where its file's first row is not at the skin, and with it a mask that "
        "has no geometry of its own",
    )
    command.add_argument(
        "--scan-area",
        metavar="FILE|auto|whole",
        default="auto",
        help="mask of the pixels that hold echoes, or the whole frame (default: what the file tells, else what is "
        "found where the surround is certain)",
    )
    command.add_argument(
        "--beams",
        choices=("auto", "linear", "convex"),
        default="auto",
        help="how depth runs (default: convex where the scan area is a sector, else linear)",
    )
    command.add_argument(
        "--apex",
        metavar="ROW,COL",
        type=lambda text: values.numbers(text, 2),
        help="where a convex probe's beams meet; write --apex=-80,320 for one above the frame",
    )


def add_frame_options(command: argparse.ArgumentParser, what: str) -> None:
    """The options of a :class:`~..analyses.request.Request`; `what` is the input as the usage names it."""
    add_reading(command)
    command.add_argument(
        "--segment",
        metavar="NAME|VALUE",
        dest="segments",
        action="append",
        default=[],
        help="which segment, label value or colour (#rrggbb) of the mask is the mass, where it holds several; may be "
        "repeated (default: the one that is named mass, tumour, lesion or the like)",
    )
    command.add_argument(
        "--field",
        choices=("frame", "scan-area"),
        help="what a network for whole frames looks at (default: as it was trained)",
    )
    command.add_argument(
        "--model",
        metavar="DIR|NAME",
        type=values.model,
        help=f"model folder, or a shipped one: {DEFAULT_MODEL} (default), {', '.join(SHIPPED_MODELS[1:])}",
    )
    add_ring(command, "width of the peritumoral ring; 0 for none")
    add_grey_zone(command, "suspend the decision when the probability is this close to the threshold (default: 0, off)")
    add_choices(command)
    add_check(command)
    command.add_argument(
        "--out", metavar="DIR", type=Path, help=f"folder to write (default: {what}'s name + '-explained')"
    )
    command.add_argument("--force", action="store_true", help="replace an earlier result in that folder")
    add_progress(command)


def reading(options: argparse.Namespace) -> dict[str, Any]:
    """What :func:`add_reading` asked for, as fields of a :class:`~..analyses.request.FrameRules`."""
    from ..core.calibration import CalibrationLine
    from ..core.frame import Provenance, Spacing
    from ..core.settling import Said

    area, size = options.scan_area, options.spacing
    return {
        "said": Said(
            spacing=None if size is None else Spacing(size[0], size[1], Provenance.ASSUMED),
            width_mm=options.assume_width,
            lines=tuple(CalibrationLine(*line) for line in options.calibrate),
            scan_area=area if area in ("auto", "whole") else "auto",
            beams=options.beams,
            apex=options.apex,
        ),
        "area_file": None if area in ("auto", "whole") else Path(area),
        "confirmed_size": options.confirm_size,
        "flip_rows": options.flip == "rows",
    }


def asked(options: argparse.Namespace) -> dict[str, Any]:
    """What :func:`add_frame_options` asked for, as fields of a :class:`~..analyses.request.Request`."""
    from ..core.result import Settings

    return {
        **reading(options),
        "segments": tuple(options.segments),
        "model": options.model,
        "network_field": options.field,
        "settings": Settings(options.ring_mm, options.grey_zone, check=check(options), **choices(options)),
        "out": options.out,
        "force": options.force,
    }
