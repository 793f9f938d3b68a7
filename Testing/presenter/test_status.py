"""Where a session stands follows from what is known of it, and from nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from BreastMassXAILib.presenter.inputs import Seen
from BreastMassXAILib.presenter.status import Known, State, Status, status_of, why_stale

NOW = Seen("frame", "mass", (0.1, 0.1), "header", 5.0, 0.0, "model")
MISSING = Status(State.MISSING, "Choose a model.")
FAILED = Status(State.FAILED, "No memory.", "Traceback ...")
LOOKED = Known(chosen=True, now=NOW)


@pytest.mark.parametrize(
    ("known", "state", "words"),
    [
        (Known(), State.EMPTY, "Choose an image"),
        (Known(chosen=True, problem=MISSING), State.MISSING, "Choose a model."),
        (Known(chosen=True, problem=MISSING, shown=True), State.STALE, "Choose a model."),
        (Known(chosen=True, problem=FAILED, shown=True), State.FAILED, "No memory."),
        (replace(LOOKED, running=True, shown=True), State.RUNNING, "is looking"),
        (replace(LOOKED, failure=FAILED), State.FAILED, "No memory."),
        (LOOKED, State.READY, "Press Explain."),
        (replace(LOOKED, shown=True, was=NOW), State.CURRENT, "saved with this scene"),
        (replace(LOOKED, shown=True, was=replace(NOW, mass="other")), State.STALE, "Mass or settings were changed"),
        (replace(LOOKED, shown=True, was=replace(NOW, frame="other")), State.STALE, "not the one that was explained"),
        (replace(LOOKED, shown=True, was=replace(NOW, model="other")), State.STALE, "another model's"),
        (replace(LOOKED, shown=True, saved_reason="It was stale."), State.STALE, "It was stale."),
        (replace(LOOKED, shown=True, was=NOW, answered=True, fits=True), State.CURRENT, "fits image, mass"),
        (replace(LOOKED, shown=True, was=NOW, answered=True), State.STALE, "no longer where the network looked"),
    ],
)
def test_each_state_has_its_sentence(known, state, words):
    found = status_of(known)
    assert found.state is state and words in found.sentence


TRUTH = st.booleans()
SEEN = st.builds(
    Seen, *[st.sampled_from("ab")] * 2, st.just(None), st.just(""), *[st.just(0.0)] * 2, st.sampled_from("ab")
)


@given(TRUTH, TRUTH, st.sampled_from([None, FAILED]), SEEN, TRUTH, st.none() | SEEN, TRUTH, TRUTH)
def test_nothing_but_fitting_inputs_is_current(chosen, running, failure, now, shown, was, answered, fits):
    known = Known(chosen, running, None, failure, now, shown, was, None, answered, fits)
    found = status_of(known)
    assert found.sentence
    if found.state is State.CURRENT:
        assert chosen and not running and failure is None
        assert fits if answered else shown and was == now


@given(SEEN, SEEN)
def test_why_it_is_stale_names_the_first_thing_that_differs(was, now):
    said = why_stale(was, now)
    assert ("another model's" in said) == (was.model != now.model)
    assert ("image is not" in said) == (was.model == now.model and was.frame != now.frame)
