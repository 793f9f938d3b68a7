"""A frame that lies upside down looks so."""

import numpy as np
import pytest

from BreastMassXAILib.core.frame import Frame, Spacing
from BreastMassXAILib.core.upright import frame_skin_side, skin_side
from BreastMassXAILib.phantom.simulation import Phantom, Scanner, simulate

LINEAR = Scanner(rows=280, columns=300, row_mm=0.13, column_mm=0.13)
CONVEX = Scanner(kind="convex", rows=250, columns=320, row_mm=0.18, column_mm=0.18, frequency_mhz=8.0)


def test_brightness_fades_with_depth():
    rng = np.random.default_rng(2)
    fading = rng.integers(60, 120, (200, 150)) * np.linspace(1.5, 0.4, 200)[:, None]
    assert skin_side(fading) == 1 and skin_side(fading[::-1]) == -1
    for step in (1, -1):  # a black border below does not count as depth
        bordered = np.vstack([fading, np.zeros((90, 150))])[::step]
        assert skin_side(bordered) == step


def test_an_even_or_an_empty_frame_tells_nothing():
    rng = np.random.default_rng(2)
    assert skin_side(rng.integers(0, 255, (200, 150))) == 0
    assert skin_side(np.zeros((200, 150))) == 0 and skin_side(np.full((20, 20), 90.0)) == 0


def test_a_sector_is_narrow_at_the_probe():
    rows, columns = np.mgrid[:200, :300]
    sector = (np.abs(columns - 150) < 30 + 0.5 * rows) * 100.0  # as bright in the depth as at the skin
    assert skin_side(sector) == 1 and skin_side(sector[::-1]) == -1


@pytest.mark.parametrize("scanner", [LINEAR, CONVEX], ids=["linear", "convex"])
def test_phantoms_are_never_taken_for_upside_down_and_turned_ones_never_for_upright(scanner):
    pixels = simulate(Phantom(scanner=scanner)).frame.pixels
    assert skin_side(pixels) >= 0 and skin_side(pixels[::-1]) <= 0


def test_a_frame_is_judged_by_its_scan_area():
    fading = np.random.default_rng(2).integers(60, 120, (200, 150)) * np.linspace(1.5, 0.4, 200)[:, None]
    screen = np.vstack([np.zeros((200, 150)), fading[::-1], np.full((120, 150), 20.0)]).astype(np.float32)
    area = np.zeros(screen.shape, bool)
    area[200:400] = True
    assert frame_skin_side(Frame(screen, Spacing.unknown(), scan_area=area)) == -1
    assert frame_skin_side(Frame(screen, Spacing.unknown())) == skin_side(screen)
