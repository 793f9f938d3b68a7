"""A short run of Testing/fuzz, with changes that hypothesis chooses and shrinks."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("resource", reason="the fuzzer limits memory as Unix does")
pytest.importorskip("gdcm", reason="the fuzzer writes JPEG lossless with python-gdcm")


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "fuzz_readers", Path(__file__).parents[1] / "fuzz" / "fuzz_readers.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look for their module there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def seeds(fuzz, tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("seeds")
    fuzz.use_whole_files(folder)
    return fuzz.write_seeds(folder)


def test_every_valid_file_is_read(fuzz, seeds):
    assert len(seeds) > 50
    for path in seeds:
        assert fuzz.judge(path).outcome == "read", path.name


CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 8), st.binary(max_size=8)), max_size=4)


@settings(max_examples=150, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 10_000), changes=CHANGES, kept=st.floats(0, 1), case=st.integers(0, 10_000))
def test_a_damaged_file_is_read_or_refused_with_a_sentence(fuzz, seeds, tmp_path, which, changes, kept, case):
    path = seeds[which % len(seeds)]
    contents = [each.read_bytes() for each in seeds]
    data = bytearray(contents[which % len(seeds)])
    if case % 2:
        data = bytearray(fuzz.damage(np.random.default_rng(case), bytes(data), path.name, contents))
    for place, removed, inserted in changes:
        at = int(place * len(data))
        data[at : at + removed] = inserted
    target = tmp_path / path.name
    target.write_bytes(data[: int(np.ceil(kept * len(data)))])
    verdict = fuzz.judge(target)
    assert verdict.outcome in ("read", "refused"), verdict.detail
