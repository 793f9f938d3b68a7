"""One worker thread: order, progress, cancel, errors as sentences, results on the polling thread."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.presenter.worker import Activity, Worker


def finish(worker: Worker) -> None:
    end = time.monotonic() + 30
    while worker.poll():
        assert time.monotonic() < end, "the worker did not come to an end"
        time.sleep(0.001)


class Heard:
    """What a job handed over, and in which thread."""

    def __init__(self) -> None:
        self.done: list = []
        self.failed: list = []
        self.parts: list = []
        self.threads: set = set()

    def submit(self, worker: Worker, work) -> int:
        return worker.submit(
            work, self._into(self.done), lambda *words: self._into(self.failed)(words), self._into(self.parts)
        )

    def _into(self, found: list):
        def take(value) -> None:
            self.threads.add(threading.current_thread())
            found.append(value)

        return take


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_work_runs_in_one_other_thread_and_lands_in_this_one(worker, heard) -> None:
    for _ in range(3):
        heard.submit(worker, lambda _progress: threading.current_thread())
    finish(worker)
    assert len(set(heard.done)) == 1
    assert heard.threads == {threading.current_thread()}
    assert threading.current_thread() not in heard.done


@given(st.lists(st.sampled_from(["good", "bad", "stream"]), max_size=12))
def test_jobs_end_in_order_and_each_ends_once(kinds) -> None:
    worker, heard, order = Worker(), Heard(), []

    def work(kind: str, number: int):
        def run(_progress):
            if kind == "bad":
                raise InputError(f"{number} is bad.")
            return number

        def stream(_progress):
            yield number
            return number

        return stream if kind == "stream" else run

    for number, kind in enumerate(kinds):
        worker.submit(
            work(kind, number),
            lambda value: order.append(("done", value)),
            lambda sentence, _details: order.append(("failed", int(sentence.split()[0]))),
            heard.parts.append,
        )
    finish(worker)
    worker.stop()
    assert order == [("failed" if kind == "bad" else "done", number) for number, kind in enumerate(kinds)]
    assert heard.parts == [number for number, kind in enumerate(kinds) if kind == "stream"]


def test_an_error_of_ours_is_its_sentence_and_others_say_that_they_were_not_foreseen(worker, heard) -> None:
    def fail(error):
        def work(_progress):
            raise error

        return work

    for error in (InputError("The mask is empty."), ValueError("shapes (3,) (4,)"), MemoryError()):
        heard.submit(worker, fail(error))
    finish(worker)
    ours, other, memory = heard.failed
    assert ours[0] == "The mask is empty."
    assert "shapes" not in other[0]
    assert "shapes" in other[1]
    assert "memory" in memory[0]
    assert all("Traceback" in details for _, details in heard.failed)


def test_cancelled_in_the_middle_parts_stay_and_nothing_follows(worker, heard) -> None:
    went_on = threading.Event()

    def work(progress):
        for number in range(1000):
            progress(number, 1000, "cases")
            yield number
            if number == 2:
                went_on.wait(10)

    job = heard.submit(worker, work)
    end = time.monotonic() + 30
    while len(heard.parts) < 3 and time.monotonic() < end:
        worker.poll()
    worker.cancel(job)
    went_on.set()
    finish(worker)
    assert heard.parts == [0, 1, 2]
    assert (heard.done, heard.failed) == ([], [("", "")])


def test_a_waiting_job_is_cancelled_and_the_next_one_runs(worker, heard) -> None:
    gate = threading.Event()
    heard.submit(worker, lambda _progress: gate.wait(10))
    waiting = heard.submit(worker, lambda _progress: "waiting")
    heard.submit(worker, lambda _progress: "next")
    worker.cancel(waiting)
    gate.set()
    finish(worker)
    assert heard.done == [True, "next"]
    assert heard.failed == [("", "")]


def test_a_ready_result_is_dropped_when_cancelled_before_it_is_handed_over(worker, heard) -> None:
    job = heard.submit(worker, lambda _progress: "ready")
    later = threading.Event()
    worker.submit(lambda _progress: later.set(), lambda _value: None, lambda *_words: None)
    assert later.wait(10)  # the first job has ended, in order
    worker.cancel(job)
    finish(worker)
    assert (heard.done, heard.failed) == ([], [("", "")])


def test_progress_tells_what_runs_now(worker, heard) -> None:
    step, gate = threading.Event(), threading.Event()

    def work(progress):
        progress(1, 2, "network")
        step.set()
        gate.wait(10)

    heard.submit(worker, work)
    assert step.wait(10)
    assert worker.activity == Activity(1, 2, "network")
    gate.set()
    finish(worker)
    assert worker.activity is None
    assert not worker.busy


def test_a_result_that_cannot_be_taken_fails_with_a_sentence(worker) -> None:
    failed = []

    def refuse(_value):
        raise InputError("The scene was closed.")

    worker.submit(lambda _progress: 1, refuse, lambda *words: failed.append(words[0]))
    finish(worker)
    assert failed == ["The scene was closed."]


def test_a_stopped_worker_hands_nothing_over_and_can_start_again(worker, heard) -> None:
    heard.submit(worker, lambda _progress: "lost")
    worker.stop()
    assert not worker.poll()
    heard.submit(worker, lambda _progress: "found")
    finish(worker)
    assert heard.done == ["found"]
    assert heard.failed == []


def test_an_urgent_job_runs_between_two_parts_of_a_long_one(worker, heard) -> None:
    first, gate, order = threading.Event(), threading.Event(), []

    def long(progress):
        for number in range(3):
            progress(number, 3, "cases")
            yield number
            if number == 0:
                first.set()
                gate.wait(10)

    worker.submit(long, lambda _value: order.append("long"), lambda *_words: None, order.append)
    worker.submit(lambda _progress: None, lambda _value: order.append("waited"), lambda *_words: None)
    assert first.wait(10)
    worker.submit(lambda _progress: None, lambda _value: order.append("urgent"), lambda *_words: None, urgent=True)
    gate.set()
    finish(worker)
    assert order.index("urgent") < order.index(2)
    assert order[-2:] == ["long", "waited"]
