from __future__ import annotations

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
