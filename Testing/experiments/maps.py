"""Maps of a model, or of its network with random weights, on a data set: an .npz file for evidence.py.

    python Testing/experiments/maps.py BUSBRA --model busbra-square --random 0 --assume-width 40 --out random.npz

A cross-validation's folder with --out-of-fold gives every case the network that has not seen its patient.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from BreastMassXAILib.cohorts.cases import read_case
from BreastMassXAILib.cohorts.datasets import read_dataset
from BreastMassXAILib.commands import values
from BreastMassXAILib.core.settling import SpacingAssumption
from BreastMassXAILib.network.bundle import load_bundle
from BreastMassXAILib.network.cam import class_activation_maps
from BreastMassXAILib.network.random_weights import with_random_weights

BATCH = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=values.model, required=True)
    parser.add_argument("--random", type=int, metavar="SEED", help="random weights instead of the model's own")
    parser.add_argument("--out-of-fold", action="store_true", help="the model is a folder with fold-1, fold-2 ...")
    parser.add_argument("--assume-width", type=float, required=True, metavar="MM")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    data = read_dataset(options.data)
    parts = {None: list(data.records)}
    if options.out_of_fold:
        folds = sorted({record.partition for record in data.records if record.partition is not None})
        parts = {fold: [record for record in data.records if record.partition == fold] for fold in folds}
    found: dict[str, list] = {"identifiers": [], "folds": [], "logits": [], "maps": [], "fields": []}
    started = time.monotonic()
    for fold, records in parts.items():
        bundle = load_bundle(options.model if fold is None else options.model / f"fold-{fold}")
        if options.random is not None:
            bundle = with_random_weights(bundle, options.random + (fold or 0))
        for first in range(0, len(records), BATCH):
            part = records[first : first + BATCH]
            cases = [read_case(record, SpacingAssumption(width_mm=options.assume_width)) for record in part]
            for record, answer in zip(part, class_activation_maps(bundle, cases), strict=True):
                field = answer.field
                found["identifiers"].append(record.identifier)
                found["folds"].append(fold or 0)
                found["logits"].append(answer.logit)
                found["maps"].append(answer.cells)
                found["fields"].append((field.row, field.column, field.height, field.width))
            seconds = time.monotonic() - started
            print(f"{len(found['logits'])} of {len(data.records)}, {seconds:.0f} s", end="\r", flush=True)
    print()
    np.savez_compressed(options.out, **{name: np.array(values) for name, values in found.items()})


if __name__ == "__main__":
    main()
