from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def speckle() -> np.ndarray:
    """A frame's grey values, 40 rows x 56 columns, every column and row different, 0 and 255 among them."""
    values = np.random.default_rng(7).integers(0, 256, (40, 56)).astype(np.uint8)
    values[0, 0], values[-1, -1] = 0, 255
    return values


@pytest.fixture
def ellipse() -> np.ndarray:
    """A mass on that frame, off centre in both axes, so that a flip or a transposition shows."""
    rows, columns = np.mgrid[:40, :56]
    return ((rows - 14) / 7) ** 2 + ((columns - 33) / 11) ** 2 <= 1


@pytest.fixture
def headless():
    """A Slicer of its own for each test."""
    pytest.importorskip("trame_slicer", reason="slicer-core and trame-slicer are not installed")
    from BreastMassXAILib.hosts.headless import HeadlessSlicer

    return HeadlessSlicer()


@pytest.fixture
def scene(headless):
    return headless.scene


@pytest.fixture
def patients(tmp_path) -> Path:
    """A manifest of eight patients, four of each kind, each with a frame of its own."""
    from PIL import Image

    from BreastMassXAILib.resources import resource

    samples, rows = resource("SampleData"), ["image,mask,label,patient,spacing_row_mm,spacing_col_mm"]
    for kind in ("malignant", "benign"):
        pixels = np.asarray(Image.open(samples / f"{kind}.png").convert("L"))
        for number in range(4):
            image = tmp_path / f"{kind}-{number}.png"
            Image.fromarray(np.clip(pixels.astype(int) + 5 * number, 0, 255).astype(np.uint8)).save(image)
            rows.append(f"{image.name},{samples / kind}_mask.png,{kind},{kind}{number},0.065,0.065")
    path = tmp_path / "patients.csv"
    path.write_text("\n".join(rows))
    return path
