"""How long a live update takes beside a bare Euclidean distance transform of the same frame, in one run.

A brush stroke on the mass of a 1000 x 800 frame, then everything that follows from it: reading the mask from the
scene, regions, hits, descriptors, contributions with a term for every descriptor of the outline, decision, and all
nodes of the explanation. Both are timed in turn, so that a busy machine slows both. Needs slicer-core::

    python Testing/benchmarks/benchmark_live.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from scipy.ndimage import distance_transform_edt

from BreastMassXAILib.core.classifier import Classifier, NetworkOutput
from BreastMassXAILib.core.descriptors import OUTLINE
from BreastMassXAILib.core.field import FieldRule
from BreastMassXAILib.core.frame import Case, Frame, Provenance, Spacing
from BreastMassXAILib.core.terms import Term
from BreastMassXAILib.hosts.headless import HeadlessSlicer

ROWS, COLUMNS = 800, 1000
LIMIT = 4.0


def make_case(sector: bool) -> Case:
    """A speckled frame with an elliptic mass; `sector`: of a convex probe, with a dark surround."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(40, 216, (ROWS, COLUMNS)).astype(np.float32)
    row, column = np.mgrid[:ROWS, :COLUMNS]
    if sector:
        radius = np.hypot(row + 300, column - COLUMNS / 2)
        angle = np.arctan2(column - COLUMNS / 2, row + 300)
        pixels[(radius < 330) | (radius > 1090) | (np.abs(angle) > 0.45)] = 0
    mass = ((row - 340) / 90) ** 2 + ((column - 500) / 140) ** 2 < 1
    return Case(Frame(pixels, Spacing(0.05, 0.05, Provenance.HEADER)), mass)


def measure(case: Case, repeats: int) -> tuple[list[float], list[float]]:
    """Seconds of refreshes and of distance transforms, taken in turn."""
    scene = HeadlessSlicer().scene
    from BreastMassXAILib.presenter.passes import NetworkPass
    from BreastMassXAILib.presenter.session import Session
    from BreastMassXAILib.presenter.status import State
    from BreastMassXAILib.scene.inputs import add_frame, add_mass, set_segments

    frame_node = add_frame(scene, case.frame, "frame")
    mass_node = add_mass(scene, case.mass, frame_node, "mass")
    session = Session(scene)
    cells = np.random.default_rng(1).normal(size=(14, 14)).astype(np.float32)
    rule = FieldRule("square", 2.2)
    output = NetworkOutput(float(cells.mean(dtype=np.float64)), 0.0, cells, rule.field(case.mass))
    terms = tuple(Term(name, 1.0, 0.5, 0.2) for name in OUTLINE)  # as many as there can be
    found = NetworkPass(output, Classifier(session.model.name, session.model.sha256, terms=terms), rule, {})
    session.remember(frame_node, session.model.sha256, found)
    session.set_inputs(frame_node, mass_node, "mass")
    assert session.status.state is State.CURRENT, session.status
    refreshes, transforms = [], []
    row, column = np.mgrid[:ROWS, :COLUMNS]
    for stroke in range(repeats):
        edited = case.mass | ((row - 300) ** 2 + (column - 425 - stroke % 7) ** 2 < 45**2)
        set_segments(mass_node, edited.astype(np.uint8), frame_node, {"mass": (1.0, 1.0, 0.0)})
        assert session.due
        refreshes.append(seconds(session.refresh))
        assert session.status.state is State.CURRENT, session.status
        transforms.append(seconds(lambda: distance_transform_edt(~edited)))  # noqa: B023
    session.close()
    return refreshes[1:], transforms[1:]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=21)
    repeats = parser.parse_args().repeats
    for name, sector in (("linear, whole frame", False), ("convex, sector on a dark surround", True)):
        refreshes, transforms = measure(make_case(sector), repeats)
        ratio = statistics.median(refreshes) / statistics.median(transforms)
        print(
            f"{name}: live update {1e3 * statistics.median(refreshes):.1f} ms "
            f"(slowest {1e3 * max(refreshes):.1f}), distance transform {1e3 * statistics.median(transforms):.1f} ms, "
            f"ratio {ratio:.2f} (at most {LIMIT:g})"
        )


if __name__ == "__main__":
    main()
