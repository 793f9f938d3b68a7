"""A list of cases: opened one by one in the same nodes, explained together, cancelled in the middle, told as tables."""

from __future__ import annotations

import csv
import shutil
import time

import numpy as np
import pytest

from BreastMassXAILib.core.errors import BreastMassXAIError, InputError, OutputError
from BreastMassXAILib.core.result import Settings
from BreastMassXAILib.resources import resource

pytest.importorskip("trame_slicer", reason="slicer-core and trame-slicer are not installed")
pytest.importorskip("torch")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """The samples as four good cases, a case whose mask is damaged, and one that the data set leaves out."""
    folder = tmp_path_factory.mktemp("cohort")
    samples = resource("SampleData")
    for path in samples.iterdir():
        shutil.copy(path, folder)
    (folder / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    rows = [["identifier", "image", "mask", "label", "patient", "spacing_row_mm", "spacing_col_mm"]]
    for name in ("malignant", "benign"):
        size = (samples / f"{name}_spacing_mm.txt").read_text().strip()
        size = size.split(",") if "," in size else [size, size]
        rows.append([f"{name} dicom", f"{name}.dcm", f"{name}_mask.png", name, f"{name} 1", "", ""])
        rows.append([f"{name} picture", f"{name}.png", f"{name}_mask.png", name, f"{name} 1", size[0], size[-1]])
    rows.insert(3, ["broken", "malignant.dcm", "damaged.png", "malignant", "b", "", ""])
    rows.append(["unheard of", "benign.dcm", "benign_mask.png", "perhaps", "c", "", ""])
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / "manifest.csv"


@pytest.fixture
def cohort(headless, manifest):
    from BreastMassXAILib.presenter.cohort import CohortList

    return CohortList.open(manifest)


@pytest.fixture
def session(scene):
    from BreastMassXAILib.presenter.session import Session

    session = Session(scene)
    yield session
    session.close()


@pytest.fixture
def run(cohort, session, worker, finish):
    """Run all cases; returns what was said at the end."""

    def run(settings: Settings | None = None) -> str:
        said = []
        cohort.run_all(worker, session.model, settings or Settings(), said.append)
        finish(worker)
        assert len(said) == 1
        return said[0]

    return run


def states(cohort) -> list[str]:
    return [row.state.value for row in cohort.rows]


def state(session) -> str:
    return session.status.state.value


def test_all_listed_cases_are_rows_and_those_left_out_say_why(cohort) -> None:
    assert states(cohort) == ["waiting"] * 5 + ["left out"]
    assert "perhaps" in cohort.rows[-1].reason
    assert len(cohort) == 6
    assert cohort.summary == "0 of 5 cases explained, 1 left out."


def test_what_is_no_data_set_is_refused(headless, tmp_path) -> None:
    from BreastMassXAILib.presenter.cohort import CohortList

    with pytest.raises(InputError):
        CohortList.open(tmp_path)


def test_stepping_shows_each_case_in_the_same_nodes(cohort, session, scene) -> None:
    count = None
    for _ in range(2):
        cohort.open_case(cohort.neighbour(1), session)
        assert state(session) == "ready"
        assert scene.GetNumberOfNodes() == (count or scene.GetNumberOfNodes())
        count = scene.GetNumberOfNodes()
        assert session.inputs[0].GetName() == cohort.rows[cohort.current].identifier
    assert (cohort.current, cohort.neighbour(-1)) == (1, 0)
    with pytest.raises(BreastMassXAIError):
        cohort.open_case(cohort.neighbour(1), session)
    assert states(cohort)[2] == "failed"
    assert cohort.rows[2].reason
    assert session.inputs[0].GetName() == cohort.rows[1].identifier
    cohort.open_case(cohort.neighbour(1), session)  # past the broken one
    assert cohort.current == 3
    cohort.open_case(4, session)
    assert cohort.neighbour(1) is None
    with pytest.raises(InputError):
        cohort.open_case(5, session)


def test_the_explanation_of_a_case_does_not_stay_on_the_next_one(cohort, session, scene) -> None:
    cohort.open_case(0, session)
    count = scene.GetNumberOfNodes()
    first = session.explain()
    assert states(cohort)[0] == "done"
    assert cohort.rows[0].probability == first.probability
    cohort.open_case(3, session)
    assert (state(session), session.result, session.nodes) == ("ready", None, None)
    assert scene.GetNumberOfNodes() <= count + 2  # two colour tables, once a scene
    cohort.open_case(0, session)
    assert (state(session), session.result) == ("current", first)


def test_run_all_gives_what_explain_gives_for_each_case(cohort, session, run, scene) -> None:
    heard = []
    cohort.on_change(lambda: heard.append(states(cohort)))
    assert run().startswith("Finished: 4 of 5 cases explained")
    assert states(cohort) == ["done", "done", "failed", "done", "done", "left out"]
    assert any("running" in seen for seen in heard)
    assert all(seen.count("running") <= 1 for seen in heard)
    rows = cohort.rows
    for index in (0, 1, 3):
        cohort.open_case(index, session)
        assert state(session) == "current"  # without a pass of the network
        assert session.result.probability == rows[index].probability
        shown = session.result
        assert session.explain() == shown
    assert cohort.rows == rows


def test_cancelled_in_the_middle_what_is_done_stays_and_the_rest_waits(cohort, session, worker, finish) -> None:
    said = []
    job = cohort.run_all(worker, session.model, Settings(), said.append)
    cohort.on_change(lambda: cohort.done == 2 and worker.cancel(job))
    finish(worker)
    assert states(cohort)[:2] == ["done", "done"]
    assert states(cohort).count("done") == 2
    assert "running" not in states(cohort)
    assert said[0].startswith("Cancelled: 2 of 5")
    kept = cohort.rows[:2]
    cohort.run_all(worker, session.model, Settings(), said.append)
    finish(worker)
    assert cohort.rows[:2] == kept
    assert states(cohort).count("done") == 4


def test_other_settings_are_another_run(cohort, run, monkeypatch) -> None:
    run()
    from BreastMassXAILib.presenter import cohort_run as module

    looked = []
    monkeypatch.setattr(module, "look", lambda case, *rest: looked.append(case) or pytest.fail("not asked for"))
    run()
    assert looked == []
    monkeypatch.undo()
    before = cohort.tables()["table_2"]["all"]["regions"]["peritumoral"]["chance_in_field"]["one"]
    run(Settings(ring_mm=1.0))
    assert cohort.tables()["table_2"]["all"]["regions"]["peritumoral"]["chance_in_field"]["one"] < before


def test_a_broken_model_fails_the_run_and_no_case(cohort, session, worker, finish, tmp_path) -> None:
    from BreastMassXAILib.presenter.models import model_at

    shutil.copytree(session.model.folder, tmp_path / "broken")
    (tmp_path / "broken" / "weights.safetensors").write_bytes(b"no weights")
    said = []
    cohort.run_all(worker, model_at(tmp_path / "broken"), Settings(), said.append)
    finish(worker)
    assert "altered" in said[0]
    assert set(states(cohort)) == {"waiting", "left out"}


def test_explain_does_not_wait_for_the_whole_cohort(cohort, session, worker, finish) -> None:
    cohort.open_case(4, session)
    cohort.run_all(worker, session.model, Settings())
    session.start(worker)
    end = time.monotonic() + 60
    while state(session) == "running" and time.monotonic() < end:
        worker.poll()
    assert state(session) == "current"
    assert cohort.done < 4
    finish(worker)
    assert cohort.done == 4


def test_what_is_drawn_on_a_case_is_kept_and_counts(cohort, session, scene, run) -> None:
    from scipy import ndimage

    from BreastMassXAILib.scene.inputs import mass_of, set_segments

    run()
    before = cohort.rows[0]
    cohort.open_case(0, session)
    frame_node, mass_node, _ = session.inputs
    mass = mass_of(mass_node, "mass", frame_node)
    drawn = np.roll(ndimage.binary_erosion(mass, iterations=8), 40, axis=1)
    set_segments(mass_node, drawn.astype(np.uint8), frame_node, {"mass": (1, 1, 0)})
    cohort.open_case(3, session)
    assert cohort.rows[0].state.value == "waiting"
    assert session.inputs[1].GetSegmentation().GetNumberOfSegments() == 1
    cohort.open_case(0, session)
    np.testing.assert_array_equal(mass_of(mass_node, "mass", frame_node), drawn)
    run()
    assert cohort.rows[0].state.value == "done"
    assert cohort.rows[0].probability != before.probability
    assert state(session) == "current"
    assert session.result.probability == cohort.rows[0].probability


def test_the_csv_accounts_for_every_case(cohort, run, tmp_path) -> None:
    with pytest.raises(InputError):
        cohort.write_csv(tmp_path / "cases.csv")
    assert not list(tmp_path.iterdir())
    run()
    cohort.write_csv(tmp_path / "cases.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["cases.csv"]
    with (tmp_path / "cases.csv").open(newline="") as file:
        table = {row["identifier"]: row for row in csv.DictReader(file)}
    assert len(table) == len(cohort)
    for row in cohort.rows:
        line = table[row.identifier]
        if row.probability is None:
            assert (line["status"], line["left_out_because"]) == ("left out", row.reason)
        else:
            assert float(line["probability"]) == row.probability
    with pytest.raises(OutputError):
        cohort.write_csv(tmp_path / "nowhere" / "cases.csv")


def test_tables_and_roc_are_shown_in_nodes_that_are_reused(cohort, run, scene) -> None:
    with pytest.raises(InputError):
        cohort.show_tables(scene)
    run()
    nodes = cohort.show_tables(scene)
    count = scene.GetNumberOfNodes()
    assert cohort.show_tables(scene) == nodes
    assert scene.GetNumberOfNodes() == count
    roc = nodes.roc.GetTable()
    curve = [[roc.GetColumn(k).GetValue(i) for i in range(roc.GetNumberOfRows())] for k in range(3)]
    tables = cohort.tables()["table_1"]["image"]["roc"]
    assert curve[:2] == [tables["false_positive_rate"], tables["true_positive_rate"]]
    assert nodes.chart.GetNumberOfPlotSeriesNodes() == 2
    names = [nodes.table_2.GetTable().GetColumn(1).GetValue(row) for row in range(8)]
    assert names[:4] == ["mass", "peritumoral", "below the mass", "any of the three"]
    measures = [nodes.table_1.GetTable().GetColumn(0).GetValue(row) for row in range(10)]
    assert measures[:3] == ["n", "AUC", "model's threshold"] and measures[6] == "best threshold here"
    auc = cohort.tables()["table_1"]["image"]["auc"]["value"]
    assert nodes.table_1.GetTable().GetColumnByName("per image").GetValue(1).startswith(f"{auc:.2f}")
    assert not nodes.chart.GetLegendVisibility(), "it would lie over the curve"
    assert nodes.chart.GetTitle().startswith(f"ROC of {cohort.name} (red), chance (grey)\nAUC ")


def test_plot_and_tables_can_be_read_in_a_window_of_1280_by_800(cohort, run, scene) -> None:
    """Slicer's module panel takes 434 pixels of it. Its tables have 10 points of DejaVu Sans on Linux, the widest of
    the usual fonts, and some 14 pixels beside each text; its plots have Arial."""
    from pathlib import Path

    import matplotlib
    from PIL import ImageFont

    run()
    nodes = cohort.show_tables(scene)
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    font, smaller = ImageFont.truetype(str(file), 13), ImageFont.truetype(str(file), 12)
    views = 1280 - 434
    for node, room in ((nodes.table_1, 0.56 * views), (nodes.table_2, views)):
        table = node.GetTable()
        width = 0.0
        for index in range(table.GetNumberOfColumns()):
            column = table.GetColumn(index)
            cells = [column.GetValue(row) for row in range(table.GetNumberOfRows())]
            texts = [column.GetName(), *("0.88 (0.88 to 0.88)" if " to " in cell else cell for cell in cells)]
            width += max(font.getlength(text) for text in texts) + 14
        assert width < room - 12, f"{node.GetName()}: {width:.0f} of {room:.0f}"
    longest = "ROC of a cohort with a rather lon… (red), chance (grey)"
    assert smaller.getlength(longest) < 0.44 * views
