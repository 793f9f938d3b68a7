"""What ``train`` and ``cross-validate`` share: the options of a training, and what they ask for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..core.field import FieldRule
from . import values
from .options import add_assumption, add_data, add_progress, assumption, kept_command


def add_training_options(command: argparse.ArgumentParser) -> None:
    """The options of a :class:`~..network.training_run.TrainingRequest`."""
    data = command.add_argument_group("data")
    add_data(data)
    data.add_argument(
        "--folds",
        metavar="K",
        type=values.folds,
        help="cut anew into K parts by patient (default: the data's own, else 5)",
    )
    add_assumption(data)
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
        type=values.count,
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
    network.add_argument(
        "--scale", metavar="X", type=values.positive, default=2.2, help="for --field square (default: 2.2)"
    )
    network.add_argument(
        "--margin-mm", metavar="MM", type=values.not_negative, default=8.0, help="for --field roi (default: 8)"
    )
    network.add_argument(
        "--size",
        metavar="PIXELS",
        type=values.input_size,
        default=224,
        help="rows and columns of the input (default: 224)",
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
        "--learning-rate", metavar="X", type=values.positive, default=0.001, help="of Adam (default: 0.001)"
    )
    learning.add_argument(
        "--weight-decay", metavar="X", type=values.not_negative, default=0.0, help="of Adam (default: 0)"
    )
    learning.add_argument("--batch", metavar="N", type=values.count, default=12, help="frames in a step (default: 12)")
    learning.add_argument("--epochs", metavar="N", type=values.count, default=60, help="at most (default: 60)")
    learning.add_argument(
        "--patience",
        metavar="N",
        type=values.count,
        default=8,
        help="stop after N epochs without improvement (default: 8)",
    )
    learning.add_argument(
        "--variants", metavar="N", type=values.count, default=5, help="augmented variants of every frame (default: 5)"
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
    learning.add_argument(
        "--seed", metavar="N", type=values.whole, default=0, help="of all random numbers (default: 0)"
    )
    output = command.add_argument_group("output")
    output.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to write")
    output.add_argument("--name", help="the model's name; the folder's, if not given")
    output.add_argument("--resume", action="store_true", help="go on with a run that was broken off")
    output.add_argument(
        "--force", action="store_true", help="replace the folder, and throw unfinished work away unless --resume"
    )
    add_progress(output)


def asked(options: argparse.Namespace) -> dict[str, Any]:
    """What :func:`add_training_options` asked for, as fields of a TrainingRequest."""
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
        "assumption": assumption(options),
        "folds": options.folds,
        "device": options.device,
        "force": options.force,
        "resume": options.resume,
        "command": kept_command(options, {"--resume": 0, "--force": 0, "--progress": 1}),
    }
