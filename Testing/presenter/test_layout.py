"""The layouts that Slicer is told of when it starts."""

from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree

from BreastMassXAILib.presenter import layout


def views(description: str) -> list[tuple[str | None, str | None]]:
    root = ElementTree.fromstring(description)
    return [(view.get("class"), view.get("singletontag")) for view in root.iter("view")]


def test_frame_and_overlay_are_side_by_side() -> None:
    assert ElementTree.fromstring(layout.side_by_side_layout()).get("type") == "horizontal"
    assert views(layout.side_by_side_layout()) == [
        ("vtkMRMLSliceNode", layout.FRAME_VIEW),
        ("vtkMRMLSliceNode", layout.OVERLAY_VIEW),
    ]


def test_the_cohort_has_a_plot_and_two_tables() -> None:
    assert views(layout.cohort_layout()) == [
        ("vtkMRMLPlotViewNode", layout.PLOT_VIEW),
        *(("vtkMRMLTableViewNode", tag) for tag in layout.TABLE_VIEWS),
    ]


def test_a_loop_has_its_plot_below_the_views() -> None:
    assert ElementTree.fromstring(layout.loop_layout()).get("type") == "vertical"
    assert views(layout.loop_layout()) == [
        ("vtkMRMLSliceNode", layout.FRAME_VIEW),
        ("vtkMRMLSliceNode", layout.OVERLAY_VIEW),
        ("vtkMRMLPlotViewNode", layout.LOOP_PLOT_VIEW),
    ]


def test_neighbours_get_the_same_room() -> None:
    """Without a size, Slicer's splitters go by what each view's controls would like to have."""
    for description in (layout.side_by_side_layout(), layout.cohort_layout()):
        for split in ElementTree.fromstring(description).iter("layout"):
            assert split.get("split") == "true"
            sizes = [int(item.get("splitSize") or 0) for item in split.findall("item")]
            assert min(sizes) > 0 and sum(sizes) == 1000
            assert len(set(sizes)) == 1 or split.find("item/view[@class='vtkMRMLPlotViewNode']") is not None


def test_the_cohorts_views_have_names() -> None:
    """Slicer calls a table view without one "1", and both of them alike."""
    found = ElementTree.fromstring(layout.cohort_layout()).iter("view")
    labels = [view.findtext("property[@name='viewlabel']") for view in found]
    assert labels == ["ROC", "Decisions", "Pointing game"]


def test_the_numbers_are_free_in_slicer() -> None:
    """Slicer keeps those up to 100 for itself."""
    assert len(layout.layouts()) == 3 and min(layout.layouts()) > 100


def test_reading_them_costs_slicers_start_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import BreastMassXAILib.presenter.layout\n"
        "print(*sorted(name.split('.')[0] for name in set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) - sys.stdlib_module_names == {"BreastMassXAILib"}
