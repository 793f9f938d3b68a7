from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """A folder with three small untrained bundles on one packed ResNet-18; `fold1` and `fold2` name test partitions."""
    import torch
    from safetensors.torch import save_file

    from BreastMassXAILib.core.field import FieldRule
    from BreastMassXAILib.network.bundle import save_bundle
    from BreastMassXAILib.network.preprocessing import Preprocessing
    from BreastMassXAILib.network.resnet import Architecture, ScaledResNet
    from BreastMassXAILib.network.tensor_files import pack_backbone, read_tensors

    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    save_file(ScaledResNet(Architecture(18)).backbone.state_dict(), folder / "source.safetensors")
    backbone = folder / "backbones" / "resnet18-stage3.safetensors"
    pack_backbone(folder / "source.safetensors", backbone, 3)
    for number, name in enumerate(("tiny", "fold1", "fold2")):
        network = ScaledResNet(Architecture(18, last_stage=3))
        network.backbone.load_state_dict(read_tensors(backbone))
        save_bundle(
            folder / name,
            network,
            name=name,
            backbone=backbone,
            rule=FieldRule("square", 2.5) if number else FieldRule(),
            preprocessing=Preprocessing(64),
            threshold=0.5,
            temperature=1.0,
            facts={"training": {"data": {"name": "small"}, **({"test_partition": number} if number else {})}},
        )
    return folder


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory):
    """A manifest of 26 frames of 13 patients in two partitions, one of the frames damaged and one mask empty."""
    folder = tmp_path_factory.mktemp("data") / "small"
    folder.mkdir()
    generator = np.random.default_rng(5)
    rows = []
    for number in range(26):
        patient = number // 2
        pixels = generator.integers(20, 200, (90, 110)).astype(np.uint8)
        mask = np.zeros((90, 110), np.uint8)
        row, column = 20 + number, 30 + 2 * number
        mask[row : row + 20, column : column + 24] = 255
        if patient % 2:
            pixels[mask > 0] //= 3
        Image.fromarray(pixels).save(folder / f"f{number}.png")
        Image.fromarray(mask).save(folder / f"f{number}_m.png")
        label = "malignant" if patient % 2 else "benign"
        rows.append(
            (f"f{number}.png", f"f{number}_m.png", label, f"p{patient}", "lr"[number % 2], 1 + patient % 3 // 2)
        )
    (folder / "f3.png").write_bytes((folder / "f3.png").read_bytes()[:200])
    Image.fromarray(np.zeros((90, 110), np.uint8)).save(folder / "f8_m.png")
    with (folder / "manifest.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("image", "mask", "label", "patient", "view", "partition"))
        table.writerows(rows)
    return folder
