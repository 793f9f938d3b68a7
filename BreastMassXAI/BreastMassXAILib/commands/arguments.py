"""What the command line understands: the commands, their options, and what each of them starts."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..resources import SHIPPED_MODELS, resource

PROGRAM = "breast-mass-xai"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Understand a command line; ``run(options)`` of what is returned does the work.

    Raises
    ------
    SystemExit
        As argparse does: with code 2 and the usage for options that make no sense, with 0 after --help and --version.
    """
    options = _parser().parse_args(arguments)
    options.arguments = [_without_folders(argument) for argument in arguments]
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Why did a network call this breast mass on ultrasound malignant? Research use only.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_analyze(commands)
    _add_analyze_cine(commands)
    _add_train(commands)
    _add_cross_validate(commands)
    _add_evaluate(commands)
    _add_check_manifest(commands)
    _add_inspect(commands)
    return parser


def _add_analyze(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "analyze",
        help="classify one frame and explain the decision",
        description="Classify the mass on one B-mode frame; write the signed saliency map, the three regions, the "
        "pointing game, a Slicer scene and a picture.",
    )
    command.add_argument("frame", metavar="FRAME", type=Path, help="PNG, JPEG, BMP, TIFF, NRRD, MHA, NIfTI or DICOM")
    command.add_argument(
        "--mask", metavar="MASK", type=Path, required=True, help="mask of the mass, same size as FRAME"
    )
    command.add_argument(
        "--frame", dest="number", metavar="N", type=_count, help="which frame of a loop or volume, counted from 1"
    )
    _add_shared_options(command, "FRAME")
    command.set_defaults(run=_analyze)


def _add_analyze_cine(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "analyze-cine",
        help="classify and explain the frames of a cine loop or the slices of a volume",
        description="Classify the mass on the frames of a multi-frame DICOM file, or on the slices of an NRRD, MHA or "
        "NIfTI volume; write each frame's numbers, saliency and regions, the curve of probability over time, a Slicer "
        "scene with synchronised sequences and pictures. Frames are counted from 1.",
    )
    command.add_argument("cine", metavar="CINE", type=Path, help="multi-frame DICOM, or NRRD, MHA, NIfTI volume")
    command.add_argument(
        "--mask",
        metavar="[N=]MASK",
        dest="masks",
        type=_frame_mask,
        action="append",
        required=True,
        help="mask of the mass on frame N; may be repeated. Without N: a mask of all frames (volume), or of frame 1",
    )
    command.add_argument(
        "--propagate",
        action="store_true",
        help="give frames without a mask one: between masks by shape interpolation, elsewhere the nearest "
        "(default: such frames are skipped)",
    )
    command.add_argument(
        "--frames", metavar="A:B[:STEP]", type=_range, default=slice(None), help="frames A to B only, every STEP-th"
    )
    command.add_argument(
        "--axis",
        type=int,
        choices=(0, 1, 2),
        default=0,
        help="how a volume is cut: along its stored slices (0, default) or its columns (2), with depth along the "
        "stored rows; along its rows (1), with depth along the slices",
    )
    _add_shared_options(command, "CINE")
    command.set_defaults(run=_analyze_cine)


def _add_shared_options(command: argparse.ArgumentParser, what: str) -> None:
    size = command.add_mutually_exclusive_group()
    size.add_argument(
        "--spacing", metavar="MM|ROW,COL", type=_spacing, help="pixel size in mm, one number or depth,width (assumed)"
    )
    size.add_argument(
        "--assume-width", metavar="MM", type=_positive, help="assume that the frame is this wide, with square pixels"
    )
    size.add_argument(
        "--calibrate",
        metavar="ROW0,COL0,ROW1,COL1,MM",
        type=lambda text: _numbers(text, 5),
        action="append",
        default=[],
        help="a line between two points of the frame that is MM long, as on its depth scale (calibrated); a second "
        "line in another direction for pixels that are not square",
    )
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
        type=lambda text: _numbers(text, 2),
        help="where a convex probe's beams meet; write --apex=-80,320 for one above the frame",
    )
    command.add_argument(
        "--field",
        choices=("frame", "scan-area"),
        help="what a network for whole frames looks at (default: as it was trained)",
    )
    command.add_argument(
        "--model",
        metavar="DIR|NAME",
        type=_model,
        help="model folder, or a shipped one: busbra-square (default), busbra-frame",
    )
    command.add_argument(
        "--ring-mm",
        metavar="MM",
        type=_not_negative,
        default=5.0,
        help="width of the peritumoral ring; 0 for none (default: 5)",
    )
    command.add_argument(
        "--grey-zone",
        metavar="P",
        type=_half,
        default=0.0,
        help="suspend the decision when the probability is this close to the threshold (default: 0, off)",
    )
    command.add_argument(
        "--out", metavar="DIR", type=Path, help=f"folder to write (default: {what}'s name + '-explained')"
    )
    command.add_argument("--force", action="store_true", help="replace an earlier result in that folder")
    _add_progress(command)


def _analyze(options: argparse.Namespace) -> None:
    from .analyze import AnalyzeRequest, analyze_files

    analyze_files(
        AnalyzeRequest(frame=options.frame, mask=options.mask, frame_number=options.number, **_shared(options)),
        options.progress,
    )


def _analyze_cine(options: argparse.Namespace) -> None:
    from .analyze_cine import CineRequest, analyze_cine_file

    request = CineRequest(
        cine=options.cine,
        masks=tuple(options.masks),
        propagate=options.propagate,
        frames=options.frames,
        axis=options.axis,
        **_shared(options),
    )
    analyze_cine_file(request, options.progress)


def _shared(options: argparse.Namespace) -> dict[str, Any]:
    """What :func:`_add_shared_options` asked for, as fields of a Request."""
    from ..hosts.geometry import GeometryRequest

    return {
        "spacing": options.spacing,
        "assumed_width_mm": options.assume_width,
        "model": options.model,
        "ring_mm": options.ring_mm,
        "grey_zone": options.grey_zone,
        "out": options.out,
        "force": options.force,
        "segments": tuple(options.segments),
        "flip_rows": options.flip == "rows",
        "geometry": GeometryRequest(
            calibration=tuple(options.calibrate),
            scan_area=options.scan_area,
            beams=options.beams,
            apex=options.apex,
            field=options.field,
        ),
    }


def _frame_mask(text: str) -> tuple[int | None, Path]:
    """``N=MASK`` or ``MASK``; a file whose own name begins like that can be given as ``./N=MASK``."""
    number, equals, name = text.partition("=")
    return (_count(number), Path(name)) if equals and number.isdecimal() else (None, Path(text))


def _range(text: str) -> slice:
    """``A:B`` or ``A:B:STEP``, counted from 1 with B included; any of them may be left out."""
    parts = text.split(":")
    if len(parts) not in (2, 3) or any(part and (not part.isdecimal() or int(part) < 1) for part in parts):
        raise argparse.ArgumentTypeError(f"'{text}' is not A:B or A:B:STEP, counted from 1")
    first, last, step = (int(part) if part else None for part in (*parts, "")[:3])
    return slice(None if first is None else first - 1, last, step)


def _add_train(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "train",
        help="train a model on a labelled data set",
        description="Adapt a pretrained ResNet to a labelled data set (deep representation scaling by default) and "
        "report on one of its partitions, if one is kept for the test. Writes a model folder. Under torchrun several "
        "processes share the work.",
    )
    _add_training_options(command)
    command.add_argument(
        "--fold", metavar="N", dest="test_fold", type=_count, help="partition kept for the test (default: none)"
    )
    command.set_defaults(run=_train)


def _add_cross_validate(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "cross-validate",
        help="train and test on every partition in turn, then train on all cases",
        description="Train without each partition in turn and predict it; write a model for each partition, the "
        "out-of-fold predictions with their figures, and a model that was trained on all cases and calibrated on those "
        "predictions. Under torchrun several processes share the work.",
    )
    _add_training_options(command)
    command.add_argument("--no-final", dest="final", action="store_false", help="leave out the model from all cases")
    command.set_defaults(run=_cross_validate)


def _add_training_options(command: argparse.ArgumentParser) -> None:
    data = command.add_argument_group("data")
    data.add_argument(
        "data", metavar="DATA", type=Path, help="BUS-BRA's folder, a folder per class, OASBUD.mat or a CSV manifest"
    )
    data.add_argument(
        "--folds", metavar="K", type=_folds, help="cut anew into K parts by patient (default: the data's own, else 5)"
    )
    size = data.add_mutually_exclusive_group()
    size.add_argument("--spacing", metavar="MM|ROW,COL", type=_spacing, help="pixel size in mm where no file tells it")
    size.add_argument(
        "--assume-width", metavar="MM", type=_positive, help="imaged width in mm where no file tells the pixel size"
    )
    network = command.add_argument_group("network")
    network.add_argument(
        "--backbone",
        metavar="NAME|FILE",
        default="resnet50-v1-stage3",
        help="resnet50-v1-stage3 (shipped, default), resnet18, resnet34, resnet50 (torchvision downloads its ImageNet "
        "weights), or a .safetensors file with torchvision's names",
    )
    network.add_argument(
        "--variant",
        choices=("torchvision", "v1"),
        default="torchvision",
        help="of a file's bottlenecks: stride on the 3x3 (torchvision, default) or on the first 1x1 convolution (v1)",
    )
    network.add_argument(
        "--last-stage",
        type=int,
        choices=(3, 4),
        help="stage that enters pooling; 3 for a finer map (default: the last)",
    )
    network.add_argument(
        "--pooled-blocks",
        metavar="N",
        type=_count,
        default=1,
        help="outputs of the last N residual blocks enter pooling (default: 1, as in the paper)",
    )
    network.add_argument(
        "--field",
        choices=("frame", "scan-area", "square", "roi"),
        default="square",
        help="what the network sees: the whole frame (paper), the box around the scan area, or a square around the "
        "mass whose side is --scale times the mass's, or the mass's and --margin-mm on either side (default: square)",
    )
    network.add_argument("--scale", metavar="X", type=_positive, default=2.2, help="for --field square (default: 2.2)")
    network.add_argument(
        "--margin-mm", metavar="MM", type=_not_negative, default=8.0, help="for --field roi (default: 8)"
    )
    network.add_argument(
        "--size", metavar="PIXELS", type=_input_size, default=224, help="rows and columns of the input (default: 224)"
    )
    learning = command.add_argument_group("training")
    learning.add_argument(
        "--method",
        choices=("drs", "fine-tune", "linear-probe"),
        default="drs",
        help="what is trained: scaling and linear layers (drs, default), all from --first-stage, or the linear layer",
    )
    learning.add_argument(
        "--first-stage",
        type=int,
        choices=(1, 2, 3, 4),
        default=3,
        help="first stage that is trained; those before it are computed once (default: 3; 1 for the paper's whole "
        "network, at four times the time)",
    )
    learning.add_argument(
        "--start",
        choices=("probe", "random"),
        default="probe",
        help="linear layer at the start: a logistic regression on the pretrained features (default), or random (paper)",
    )
    learning.add_argument(
        "--learning-rate", metavar="X", type=_positive, default=0.001, help="of Adam (default: 0.001)"
    )
    learning.add_argument("--weight-decay", metavar="X", type=_not_negative, default=0.0, help="of Adam (default: 0)")
    learning.add_argument("--batch", metavar="N", type=_count, default=12, help="frames in a step (default: 12)")
    learning.add_argument("--epochs", metavar="N", type=_count, default=60, help="at most (default: 60)")
    learning.add_argument(
        "--patience", metavar="N", type=_count, default=8, help="stop after N epochs without improvement (default: 8)"
    )
    learning.add_argument(
        "--variants", metavar="N", type=_count, default=5, help="augmented variants of every frame (default: 5)"
    )
    learning.add_argument(
        "--class-weights",
        choices=("none", "balanced"),
        default="none",
        help="balanced: both classes count the same in the loss (default: none)",
    )
    learning.add_argument(
        "--precision",
        choices=("full", "mixed"),
        default="full",
        help="mixed: bfloat16 sums, for accelerators (default: full)",
    )
    learning.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: cuda if there is")
    learning.add_argument("--seed", metavar="N", type=_whole, default=0, help="of all random numbers (default: 0)")
    output = command.add_argument_group("output")
    output.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to write")
    output.add_argument("--name", help="the model's name; the folder's, if not given")
    output.add_argument("--resume", action="store_true", help="go on with a run that was broken off")
    output.add_argument(
        "--force", action="store_true", help="replace the folder, and throw unfinished work away unless --resume"
    )
    _add_progress(output)


def _training(options: argparse.Namespace) -> dict[str, Any]:
    """What :func:`_add_training_options` asked for, as fields of a TrainingRequest."""
    from ..cohorts.records import SpacingAssumption
    from ..core.field import FieldRule

    names = ["method", "first_stage", "start", "learning_rate", "weight_decay", "batch", "epochs", "patience"]
    names += ["variants", "class_weights", "precision", "seed"]
    scale = options.scale if options.field == "square" else None
    margin_mm = options.margin_mm if options.field == "roi" else None
    return {
        "data": options.data,
        "out": options.out,
        "name": options.name or options.out.name,
        "rule": FieldRule(options.field, scale, margin_mm),
        "backbone": options.backbone,
        "variant": options.variant,
        "last_stage": options.last_stage,
        "pooled_blocks": options.pooled_blocks,
        "size": options.size,
        "settings": {name: getattr(options, name) for name in names},
        "assumption": SpacingAssumption(options.spacing, options.assume_width),
        "folds": options.folds,
        "device": options.device,
        "force": options.force,
        "resume": options.resume,
        "command": _reproducible(options),
    }


def _reproducible(options: argparse.Namespace) -> str:
    """The command line without what says how it ran rather than what it computed."""
    words, left_out = iter(options.arguments), {"--resume": 0, "--force": 0, "--progress": 1}
    kept = []
    for word in words:
        for _ in range(left_out.get(word, 0)):
            next(words, None)
        if word not in left_out and not word.startswith("--progress="):
            kept.append(word)
    return shlex.join([PROGRAM, *kept])


def _train(options: argparse.Namespace) -> None:
    from .train import TrainRequest, train_bundle

    train_bundle(TrainRequest(**_training(options), test_fold=options.test_fold), options.progress)


def _cross_validate(options: argparse.Namespace) -> None:
    from .cross_validate import CrossValidateRequest, cross_validate

    cross_validate(CrossValidateRequest(**_training(options), final=options.final), options.progress)


def _add_evaluate(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "evaluate",
        help="classify and explain a cohort; write tables and a report",
        description="Classify and explain every case of a labelled data set: one row a case, the paper's tables with "
        "intervals and chance levels, curves, and a report to read. A broken file costs its own row only.",
    )
    command.add_argument(
        "data", metavar="DATA", type=Path, help="BUS-BRA's folder, a folder per class, OASBUD.mat or a CSV manifest"
    )
    source = command.add_mutually_exclusive_group()
    source.add_argument(
        "--model",
        metavar="DIR|NAME",
        type=_model,
        action="append",
        help="model folder, or a cross-validation's; several to compare (default: shipped)",
    )
    source.add_argument(
        "--predictions", metavar="CSV", type=Path, help="probabilities instead of a model (no explanations then)"
    )
    command.add_argument(
        "--out-of-fold",
        action="store_true",
        help="each case is looked at by the model, or by the fold of a cross-validation, that was tested on it",
    )
    command.add_argument(
        "--out", metavar="DIR", type=Path, help="folder to write (default: the data's name + '-evaluated')"
    )
    size = command.add_mutually_exclusive_group()
    size.add_argument("--spacing", metavar="MM|ROW,COL", type=_spacing, help="pixel size in mm where no file tells it")
    size.add_argument(
        "--assume-width", metavar="MM", type=_positive, help="imaged width in mm where no file tells the pixel size"
    )
    command.add_argument(
        "--ring-mm", metavar="MM", type=_not_negative, default=5.0, help="width of the peritumoral ring (default: 5)"
    )
    command.add_argument(
        "--grey-zone",
        metavar="P",
        type=_half,
        default=0.0,
        help="suspend decisions whose probability is this close to the threshold (default: 0)",
    )
    command.add_argument("--jobs", metavar="N", type=_count, default=1, help="processes on this machine (default: 1)")
    command.add_argument("--dask", metavar="ADDRESS", help="scheduler of a dask.distributed cluster, instead of --jobs")
    command.add_argument(
        "--pictures", metavar="N", type=int, default=2, help="examples of each kind in the report (default: 2)"
    )
    command.add_argument("--force", action="store_true", help="replace an earlier result in that folder")
    _add_progress(command)
    command.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    from ..cohorts.records import SpacingAssumption
    from ..core.result import Settings
    from .cross_validate import models_of
    from .evaluate import EvaluateRequest, evaluate

    models = [model for folder in options.model or () for model in models_of(folder, options.out_of_fold)]
    evaluate(
        EvaluateRequest(
            data=options.data,
            models=tuple(models),
            out=options.out,
            predictions=options.predictions,
            out_of_fold=options.out_of_fold,
            assumption=SpacingAssumption(options.spacing, options.assume_width),
            settings=Settings(options.ring_mm, options.grey_zone),
            jobs=options.jobs,
            dask=options.dask,
            pictures=options.pictures,
            force=options.force,
            command=shlex.join([PROGRAM, *options.arguments]),
        ),
        options.progress,
    )


def _add_check_manifest(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "check-manifest",
        help="say what is wrong with a CSV manifest, row by row",
        description="Check a manifest (image, mask, label and optionally patient, view, spacing_row_mm, "
        "spacing_col_mm, identifier, partition, frame, segment, flip): every file is opened. Ends with code 2 when "
        "anything is wrong.",
    )
    command.add_argument("manifest", metavar="FILE", type=Path)
    command.set_defaults(run=_check_manifest)


def _check_manifest(options: argparse.Namespace) -> None:
    from .check_manifest import check_manifest_file

    check_manifest_file(options.manifest)


def _add_progress(command: argparse._ActionsContainer) -> None:
    command.add_argument(
        "--progress",
        choices=("auto", "bar", "json", "none"),
        default="auto",
        help="bar in a terminal, or JSON lines on standard error (default: auto)",
    )


def _add_inspect(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "inspect",
        help="say what files hold: frames, pixel size and where it comes from, scan area",
        description="List the size, frames, pixel size with its provenance, scan area, calibrated regions and warnings "
        "of files. Nothing of the patient is read.",
    )
    command.add_argument("files", metavar="FILE", type=Path, nargs="+")
    command.add_argument("--json", action="store_true", help="print a JSON list instead of a table")
    command.set_defaults(run=_inspect)


def _inspect(options: argparse.Namespace) -> None:
    from .inspect import inspect_files

    inspect_files(options.files, options.json)


def _model(text: str) -> Path:
    """A folder, or a shipped model by its name."""
    if not Path(text).exists() and text in SHIPPED_MODELS:
        return resource("Models", text)
    return Path(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 on")
    return int(text)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 0 on")
    return int(text)


def _folds(text: str) -> int:
    if _count(text) < 2:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of parts from 2 on")
    return int(text)


def _input_size(text: str) -> int:
    if not 32 <= _count(text) <= 1024:
        raise argparse.ArgumentTypeError(f"'{text}' is no size from 32 to 1024")
    return int(text)


def _spacing(text: str) -> tuple[float, float]:
    parts = [_positive(part) for part in text.split(",")]
    if len(parts) not in (1, 2):
        raise argparse.ArgumentTypeError("give one number of mm, or two as ROW,COL")
    return parts[0], parts[-1]


def _numbers(text: str, count: int) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count:
        raise argparse.ArgumentTypeError(f"'{text}' is not {count} numbers with commas between")
    return values


def _positive(text: str) -> float:
    value = _not_negative(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def _not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not zero or a positive number")
    return value


def _half(text: str) -> float:
    value = _not_negative(text)
    if value > 0.5:
        raise argparse.ArgumentTypeError("must be at most 0.5, half of all probabilities")
    return value


def _without_folders(argument: str) -> str:
    """Folders of this computer may name a person; a result names files only."""
    return Path(argument).name if Path(argument).is_absolute() else argument
