"""The shipped samples in a headless Slicer, explained by the shipped model."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest

from BreastMassXAILib.core.frame import Case
from BreastMassXAILib.readers.frames import read_frame_and_mask
from BreastMassXAILib.resources import resource


def sample(name: str) -> Case:
    folder = resource("SampleData")
    frame, mass, source = read_frame_and_mask(folder / f"{name}.dcm", folder / f"{name}_mask.png")
    return Case(frame, mass, source)


@pytest.fixture(scope="session")
def malignant() -> Case:
    return sample("malignant")


@pytest.fixture(scope="session")
def benign() -> Case:
    return sample("benign")


@pytest.fixture
def headless(headless):
    pytest.importorskip("torch")
    return headless


@pytest.fixture
def room(scene, malignant):
    """A scene with a sample, and a session that has it as input."""
    from BreastMassXAILib.presenter.session import Session
    from BreastMassXAILib.scene.inputs import add_frame, add_mass, set_segments

    frame_node = add_frame(scene, malignant.frame, "N")
    mass_node = add_mass(scene, malignant.mass, frame_node, "my mass", malignant.mass_origin)
    session = Session(scene)
    session.set_inputs(frame_node, mass_node, "mass")

    def paint(mass: np.ndarray) -> None:
        set_segments(mass_node, mass.astype(np.uint8), frame_node, {"mass": (1.0, 1.0, 0.0)})

    yield SimpleNamespace(scene=scene, session=session, frame=frame_node, mass=mass_node, paint=paint, case=malignant)
    session.close()


@pytest.fixture
def worker():
    from BreastMassXAILib.presenter.worker import Worker

    worker = Worker()
    yield worker
    worker.stop()


def finish(worker, seconds: float = 60) -> None:
    """Poll as a timer would until the worker has nothing left."""
    end = time.monotonic() + seconds
    while worker.poll():
        assert time.monotonic() < end, "the worker did not come to an end"
        time.sleep(0.005)


@pytest.fixture(name="finish")
def _finish():
    return finish
