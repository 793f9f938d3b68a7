"""Folders that are whole or not there."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from BreastMassXAILib.core.errors import InputError, OutputError
from BreastMassXAILib.core.resuming import resumable_folder
from BreastMassXAILib.core.writing import atomic_file, atomic_folder


def test_the_folder_takes_its_name_when_all_is_written(tmp_path):
    with atomic_folder(tmp_path / "deep" / "out") as folder:
        (folder / "result.json").write_text("{}")
        assert not (tmp_path / "deep" / "out").exists()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    assert (tmp_path / "deep" / "out" / "result.json").read_text() == "{}"


@pytest.mark.parametrize("failure", [InputError("bad"), ValueError("bad"), KeyboardInterrupt()])
def test_any_failure_leaves_nothing_behind_and_is_handed_on(tmp_path, failure):
    with pytest.raises(type(failure)), atomic_folder(tmp_path / "deep" / "out") as folder:
        (folder / "result.json").write_text("{}")
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_a_failure_of_the_disk_is_an_output_error_that_names_the_file_and_the_reason(tmp_path):
    full = (errno.ENOSPC, os.strerror(errno.ENOSPC))
    named = r"saliency\.nrrd cannot be written .*No space left"
    with pytest.raises(OutputError, match=named) as caught, atomic_folder(tmp_path / "out") as folder:
        raise OSError(*full, str(folder / "saliency.nrrd"))
    assert "part" not in str(caught.value)
    unnamed = r"The results cannot be written .*No space left"
    with pytest.raises(OutputError, match=unnamed), atomic_folder(tmp_path / "out"):
        raise OSError(*full)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limits there")
def test_a_disk_that_takes_no_more_leaves_nothing_behind(tmp_path):
    """A file size limit of the operating system stands for the full disk: the write itself fails half-way."""
    script = """
        import resource, signal, sys
        from pathlib import Path
        import numpy as np
        from BreastMassXAILib.core.errors import OutputError
        from BreastMassXAILib.core.frame import Spacing
        from BreastMassXAILib.core.resuming import resumable_folder
        from BreastMassXAILib.core.writing import atomic_folder
        from BreastMassXAILib.readers.nrrd import write_nrrd
        out = Path(sys.argv[1])
        noise = np.random.default_rng(0).random((300, 300), dtype=np.float32)
        import SimpleITK
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        for write in (
            lambda folder: write_nrrd(folder / "map.nrrd", noise, Spacing.unknown()),
            lambda folder: (folder / "map.raw").write_bytes(noise.tobytes()),
        ):
            try:
                with atomic_folder(out / "result") as folder:
                    write(folder)
            except OutputError as error:
                print(error)
            assert not list(out.iterdir())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("map.nrrd cannot be written")
    assert second.startswith("The results cannot be written")


def existing(path: Path, file: str = "result.json") -> Path:
    path.mkdir()
    (path / file).write_text("old")
    return path


def test_an_existing_folder_is_kept_without_force(tmp_path):
    out = existing(tmp_path / "out")
    with pytest.raises(OutputError, match="exists already"), atomic_folder(out):
        pytest.fail("nothing may be computed for a folder that cannot be written")
    assert (out / "result.json").read_text() == "old"


def test_force_replaces_an_earlier_result_as_a_whole(tmp_path):
    out = existing(tmp_path / "out")
    with atomic_folder(out, force=True) as folder:
        (folder / "result.json").write_text("new")
        (folder / "figure.png").write_text("new")
    assert sorted(path.name for path in out.iterdir()) == ["figure.png", "result.json"]
    assert (out / "result.json").read_text() == "new"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("name", ["frame.png", "patients/notes.txt"])
def test_force_never_deletes_what_the_user_put_beside_a_result(tmp_path, name):
    out = existing(tmp_path / "out")
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("precious")
    with pytest.raises(OutputError, match=name), atomic_folder(out, force=True) as folder:
        (folder / "result.json").write_text("new")
    assert (out / name).read_text() == "precious"
    assert (out / "result.json").read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_force_that_fails_keeps_the_earlier_result(tmp_path):
    out = existing(tmp_path / "out")
    with pytest.raises(InputError), atomic_folder(out, force=True):
        raise InputError("bad")
    assert (out / "result.json").read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_the_earlier_result_is_put_back_when_the_new_one_cannot_be_moved(tmp_path):
    out = existing(tmp_path / "out")
    with pytest.raises(OutputError), atomic_folder(out, force=True) as folder:
        folder.rmdir()  # someone else clears temporary folders
    assert (out / "result.json").read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_force_replaces_no_file_and_no_folder_of_someone_else(tmp_path):
    photos = existing(tmp_path / "photos", "holiday.jpg")
    (tmp_path / "notes").write_text("mine")
    for target, sentence in ((photos, "no result.json"), (tmp_path / "notes", "a file of that name")):
        with pytest.raises(OutputError, match=sentence), atomic_folder(target, force=True):
            pytest.fail("must not start")
    assert (photos / "holiday.jpg").exists() and (tmp_path / "notes").read_text() == "mine"


def test_an_empty_folder_may_be_replaced_with_force_and_a_link_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with atomic_folder(tmp_path / "link", force=True) as folder:
        (folder / "result.json").write_text("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real" / "result.json").read_text() == "new"


def test_a_file_in_the_place_of_a_parent_folder_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"), atomic_folder(tmp_path / "file" / "out"):
        pytest.fail("must not start")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission_is_an_output_error(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="ermission"), atomic_folder(tmp_path / "out"):
            pytest.fail("must not start")
    finally:
        tmp_path.chmod(0o700)


def work(path, resume=False, force=False, request=None, stop=None):
    """Some work in two steps; `stop` ends it at a function of the file system, as a kill would."""
    with resumable_folder(
        path, request or {"n": 1}, ("model.json",), resume=resume, force=force, marker="model.json"
    ) as at:
        first = at.state / "first"
        begun = first.exists()
        first.touch()
        (at.result / "model.json").write_text("{}")
        if stop == "in the middle":
            os._exit(9)
    return begun


@pytest.mark.parametrize("step", range(12))
@pytest.mark.parametrize("force", [False, True])
def test_a_kill_at_any_step_can_be_resumed_or_thrown_away(tmp_path, step, force):
    """The process ends at its n-th change of the file system; afterwards the work can be brought to its end."""
    script = textwrap.dedent(
        f"""
        import os, pathlib, shutil, sys
        sys.path[:0] = [{str(Path(__file__).parent)!r}]
        left = {step}
        def killing(function):
            def killed(*arguments, **options):
                global left
                if left == 0:
                    os._exit(9)
                left -= 1
                return function(*arguments, **options)
            return killed
        for name in ("rename", "replace", "mkdir"):
            setattr(pathlib.Path, name, killing(getattr(pathlib.Path, name)))
        shutil.rmtree = killing(shutil.rmtree)
        from test_writing import work
        work(pathlib.Path({str(tmp_path / "out")!r}))
        """
    )
    ended = subprocess.run([sys.executable, "-c", script], env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)))
    assert ended.returncode in (0, 9)
    if not (tmp_path / "out").exists():
        work(tmp_path / "out", resume=not force, force=force)
    else:  # finished; at most there is something to clean up
        with pytest.raises(OutputError, match="exists already"):
            work(tmp_path / "out", resume=True)
    assert (tmp_path / "out" / "model.json").read_text() == "{}"
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["out"]


def test_work_that_failed_before_anything_was_done_leaves_nothing(tmp_path):
    for failure in (InputError("no"), OSError("no"), KeyboardInterrupt()):
        wanted = OutputError if isinstance(failure, OSError) else type(failure)
        with (
            pytest.raises(wanted),
            resumable_folder(tmp_path / "out", {"n": 1}, ("model.json",), marker="model.json"),
        ):
            raise failure
        assert list(tmp_path.iterdir()) == []


def test_a_leftover_in_which_nothing_was_done_is_in_nobodys_way(tmp_path):
    child = os.fork()
    if not child:
        with resumable_folder(tmp_path / "out", {"n": 1}, ("model.json",), marker="model.json"):
            os._exit(9)
    os.waitpid(child, 0)
    assert (tmp_path / "out.unfinished" / "request.json").is_file()
    assert not work(tmp_path / "out", request={"n": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked there")
@pytest.mark.parametrize("options", [{}, {"resume": True}, {"force": True}])
def test_a_second_run_keeps_away_from_work_that_goes_on(tmp_path, options):
    """The first is another process: locks are between processes."""
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        with resumable_folder(tmp_path / "out", {"n": 1}, ("model.json",), marker="model.json") as at:
            os.write(ready[1], b".")
            os.read(go[0], 1)
            (at.result / "model.json").write_text("first")
        os._exit(0)
    os.read(ready[0], 1)
    with pytest.raises(OutputError, match=r"Another run is at work in out\.unfinished"):
        work(tmp_path / "out", **options)
    os.write(go[1], b".")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (tmp_path / "out" / "model.json").read_text() == "first"


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("maker", ["atomic", "resumable"])
def test_of_two_runs_into_one_folder_the_second_is_refused_when_it_would_take_the_name(tmp_path, older, maker):
    """Each in turn is the one that ends first; with an older result and --force it is replaced once."""

    def run(text, meanwhile=lambda: None):
        if maker == "atomic":
            with atomic_folder(tmp_path / "out", force=older) as folder:
                (folder / "result.json").write_text(text)
                meanwhile()
        else:
            with resumable_folder(tmp_path / "out", {}, ("result.json",), force=older, marker="result.json") as at:
                (at.result / "result.json").write_text(text)
                meanwhile()

    def first():
        with atomic_folder(tmp_path / "out", force=older) as folder:
            (folder / "result.json").write_text("first")

    if older:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "result.json").write_text("older")
    with pytest.raises(OutputError, match="Another run has written"):
        run("second", first)
    assert (tmp_path / "out" / "result.json").read_text() == "first"
    left = {path.name for path in tmp_path.iterdir()} - {"out"}
    assert left == (set() if maker == "atomic" else {"out.unfinished"})  # hours of work are kept


def test_a_link_that_leads_to_itself_is_an_output_error(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    for out in (tmp_path / "loop", tmp_path / "loop" / "out"):
        with pytest.raises(OutputError, match="leads to itself"), atomic_folder(out):
            pytest.fail("must not start")
        with pytest.raises(OutputError, match="leads to itself"):
            work(out)
    assert [path.name for path in tmp_path.iterdir()] == ["loop"]


def test_unfinished_work_goes_on_only_with_its_own_request(tmp_path):
    child = os.fork()
    if not child:
        work(tmp_path / "out", stop="in the middle")
    os.waitpid(child, 0)
    with pytest.raises(OutputError, match="go on with --resume"):
        work(tmp_path / "out")
    with pytest.raises(OutputError, match="began with other data or other options"):
        work(tmp_path / "out", resume=True, request={"n": 2})
    assert work(tmp_path / "out", resume=True)
    assert not work(tmp_path / "out", force=True, resume=True)  # nothing to go on with: a new result in its place


def test_what_is_in_the_way_is_left_alone(tmp_path):
    (tmp_path / "out.unfinished").mkdir()
    (tmp_path / "out.unfinished" / "thesis.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(OutputError, match="in the way"):
            work(tmp_path / "out", force=force)
    assert (tmp_path / "out.unfinished" / "thesis.txt").read_text() == "mine"


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    target = tmp_path / "new" / "mask.seg.nrrd"
    with pytest.raises(RuntimeError), atomic_file(target) as work:
        work.write_text("half")
        assert work.name.endswith("mask.seg.nrrd") and not target.exists()
        raise RuntimeError
    assert not target.parent.exists()
    with atomic_file(target) as work:
        work.write_text("whole")
    assert target.read_text() == "whole" and [file.name for file in target.parent.iterdir()] == [target.name]


def test_a_file_that_is_there_is_kept_unless_it_may_be_replaced(tmp_path):
    target = tmp_path / "mask.png"
    target.write_text("older")
    with pytest.raises(OutputError, match="exists already"), atomic_file(target):
        raise AssertionError("not reached")
    with pytest.raises(RuntimeError), atomic_file(target, force=True) as work:
        work.write_text("half")
        raise RuntimeError
    assert target.read_text() == "older"
    with atomic_file(target, force=True) as work:
        work.write_text("newer")
    assert target.read_text() == "newer" and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(OutputError, match="a folder of that name"), atomic_file(tmp_path, force=True):
        raise AssertionError("not reached")


def test_a_file_that_came_meanwhile_is_not_overwritten(tmp_path):
    target = tmp_path / "mask.png"
    with pytest.raises(OutputError, match="exists already"), atomic_file(target) as work:
        work.write_text("ours")
        target.write_text("another's")
    assert target.read_text() == "another's" and len(list(tmp_path.iterdir())) == 1
