"""A bundle with descriptor terms, of what ``outline_terms.py`` found: another bundle's network, scaled, and the terms.

    python Testing/experiments/outline_bundle.py BUSBRA --terms terms.json --keep terms.npz --source busbra \
        --folds CV --assume-width 40 [--automatic NPZ] --write FOLDER

Temperature, operating points, rule of suspension and metrics are those of the out-of-fold sums on experts' outlines.
The scale of the network's logit is folded into the linear layer and the heads, so that
``mean(CAM) + terms + bias == logit`` with the bundle's own map and bias.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from outline_terms import NAMES, answers, gathered
from safetensors.torch import load_file, save_file

from BreastMassXAILib.cohorts.datasets import read_dataset
from BreastMassXAILib.core.recalibration import Answers, calibration, cross_fitted
from BreastMassXAILib.network.bundle import sha256_of
from BreastMassXAILib.network.labelled_cases import Labelled
from BreastMassXAILib.network.training_figures import metrics, probabilities
from BreastMassXAILib.resources import model_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--terms", type=Path, required=True)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--folds", type=Path, required=True)
    parser.add_argument("--assume-width", type=float, required=True)
    parser.add_argument("--automatic", type=Path)
    parser.add_argument("--name", default="busbra-outline")
    parser.add_argument("--write", type=Path, required=True)
    options = parser.parse_args()
    found = json.loads(options.terms.read_text(encoding="utf-8"))
    final, source, folder = found["final"], model_folder(options.source), options.write
    if [term["name"] for term in final["terms"]] != list(NAMES):
        raise SystemExit("These terms are not of this version of outline_terms.py.")
    data = gathered(options.data, options.folds, options.assume_width, options.keep, options.automatic)
    logits, _ = answers(data)["both"]["expert"]
    made = calibration(Answers.of_logits(logits), data.malignant, data.patients, "out of fold", data.folds)
    temperatures, thresholds = cross_fitted(logits, data.malignant, data.patients, data.folds)
    cases = Labelled(read_dataset(options.data).records, data.folds)
    figures = metrics(cases, probabilities(logits, temperatures), thresholds["balanced"])

    folder.mkdir(parents=True, exist_ok=True)
    weights = load_file(source / "weights.safetensors")
    for name in ("linear.weight", "linear.bias", "heads.weight", "heads.bias"):
        if name in weights:
            weights[name] = weights[name] * final["scale"]
    weights["linear.bias"] = weights["linear.bias"] + final["bias"]
    save_file(weights, folder / "weights.safetensors")
    description = json.loads((source / "model.json").read_text(encoding="utf-8"))
    for name in ("training-images.txt",):
        if (source / name).is_file():
            shutil.copy(source / name, folder / name)
    description |= {
        "name": options.name,
        "weights": {"sha256": sha256_of(folder / "weights.safetensors")},
        "terms": final["terms"],
        "threshold": made.threshold,
        "temperature": made.temperature,
        **made.facts(),
    }
    description["training"]["terms"] = {
        "how": "logistic regression with a ridge on the network's logit and the standardised, clipped descriptors, "
        f"fitted on out-of-fold logits of {found['images']} images, each with the outlines "
        f"{', '.join(found['kinds_mixed'])}; the network is that of the bundle named here, its logit scaled",
        "network": description["training"].get("final", ""),
        "bundle": source.name,
        "scale": final["scale"],
    }
    description["metrics"] = {
        "how": "out of fold on the experts' outlines, 5 partitions of BUS-BRA, by patient: each case was judged by a "
        "network and terms that had not seen its patient, but the networks whose logits the terms were fitted on had; "
        "by_outline: AUC per image",
        **figures,
        "by_outline": {
            model: {kind: entry["auc_image"] for kind, entry in by_kind.items()}
            for model, by_kind in found["table"].items()
        },
    }
    (folder / "model.json").write_text(json.dumps(description, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    print(f"{folder}: AUC {figures['per_image']['auc']:.3f}, {np.abs([t['weight'] for t in final['terms']]).max():.2f}")


if __name__ == "__main__":
    main()
