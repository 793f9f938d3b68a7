"""What the module's views show: the chosen frame and what belongs to it, whatever was done before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("trame_slicer", reason="slicer-core and trame-slicer are not installed")

FRAME, OVERLAY = "Red", "BreastMassXAI"


class Screen:
    """The slice views of a layout, with sizes as their windows would give them, and what can be seen in them."""

    def __init__(self, scene) -> None:
        from BreastMassXAILib.presenter.showing import Showing

        self.scene = scene
        self.asked = 0
        self.showing = Showing(scene, self._ask)

    def _ask(self) -> None:
        self.asked += 1

    def lay_out(self, **sizes: tuple[int, int]) -> None:
        """Change the layout to these views, as Slicer does: new ones get a node, the others leave the layout."""
        from BreastMassXAILib.scene.views import find_view_node, slice_nodes

        for name in sizes:
            for kind in ("Slice", "SliceComposite"):
                if find_view_node(self.scene, f"vtkMRML{kind}Node", name) is None:
                    node = self.scene.CreateNodeByClass(f"vtkMRML{kind}Node")
                    node.UnRegister(None)
                    node.SetName(name)
                    node.SetLayoutName(name)
                    self.scene.AddNode(node)
        for node in slice_nodes(self.scene):
            name = node.GetLayoutName()
            node.SetMappedInLayout(name in sizes)
            if name in sizes:
                resize(node, *sizes[name])
        if self.asked:
            self.asked = 0
            self.showing.update()

    def show(self, session) -> None:
        from BreastMassXAILib.presenter.overlay import Looks
        from BreastMassXAILib.presenter.showing import Wanted

        frame, mass, _ = session.inputs
        self.showing.show(Wanted(frame, mass, Looks(), session.note))

    def layers(self, name: str) -> tuple[str | None, ...]:
        """Names of background, foreground and label layer."""
        from BreastMassXAILib.scene.views import find_view_node

        node = find_view_node(self.scene, "vtkMRMLSliceCompositeNode", name)
        found = (node.GetBackgroundVolumeID(), node.GetForegroundVolumeID(), node.GetLabelVolumeID())
        return tuple(self.scene.GetNodeByID(each).GetName() if each else None for each in found)

    def visible(self, name: str) -> set[str]:
        """Names of the segmentations and markups that can be seen in a view; "legend" for each colour bar."""
        from BreastMassXAILib.scene.views import find_view_node

        view = find_view_node(self.scene, "vtkMRMLSliceNode", name).GetID()
        found = set()
        for index in range(self.scene.GetNumberOfNodesByClass("vtkMRMLDisplayNode")):
            display = self.scene.GetNthNodeByClass(index, "vtkMRMLDisplayNode")
            node = display.GetDisplayableNode()
            if node is None or not display.GetVisibility() or not display.IsDisplayableInView(view):
                continue
            if display.IsA("vtkMRMLColorLegendDisplayNode"):
                if node.GetName() in self.layers(name):
                    found.add(f"{node.GetName()} legend")
            elif node.IsA("vtkMRMLSegmentationNode") or node.IsA("vtkMRMLMarkupsNode"):
                found.add(node.GetName())
        return found

    def fills(self, name: str, frame) -> float:
        """How much of the view's width or height, whichever it fills more, the frame takes; 1 where it is fitted."""
        from BreastMassXAILib.scene.views import filled, find_view_node

        node = find_view_node(self.scene, "vtkMRMLSliceNode", name)
        (width, height), (columns, rows, _) = node.GetFieldOfView()[:2], node.GetDimensions()
        assert width / columns == pytest.approx(height / rows), "a millimetre is not as high as it is wide"
        np.testing.assert_allclose(node.GetXYZOrigin()[:2], 0, atol=1e-9)
        return max(filled(node, frame))


def resize(node, columns: int, rows: int) -> None:
    """As vtkMRMLSliceLogic::ResizeSliceNode does."""
    field, slices = node.GetFieldOfView(), node.GetDimensions()[2]
    state = node.StartModify()
    node.SetDimensions(columns, rows, slices)
    node.SetFieldOfView(field[1] * columns / rows, field[1], slices)
    node.EndModify(state)


@pytest.fixture
def screen(scene):
    screen = Screen(scene)
    screen.lay_out(Red=(421, 650), BreastMassXAI=(421, 650))
    yield screen
    screen.showing.close()


@pytest.fixture
def explained(room, screen):
    room.session.explain()
    screen.show(room.session)
    return room


def another(room, benign, name: str = "other", mass: bool = True):
    """Another patient's frame, with a mass of its own."""
    from BreastMassXAILib.scene.inputs import add_frame, add_mass

    frame = add_frame(room.scene, benign.frame, name)
    return frame, add_mass(room.scene, benign.mass, frame, f"{name} mass") if mass else None


def test_an_explained_frame_is_shown_alone_and_explained_beside(explained, screen) -> None:
    assert screen.layers(FRAME) == ("N", None, None)
    assert screen.layers(OVERLAY) == ("N", "N saliency", "N regions")
    assert screen.visible(FRAME) == {"my mass"}
    assert screen.visible(OVERLAY) == {"my mass", "N extremes", "N saliency legend"}
    for name in (FRAME, OVERLAY):
        assert screen.fills(name, explained.frame) == pytest.approx(1)


def test_another_frame_is_shown_without_the_first_ones_mass_crosses_and_bar(explained, screen, benign) -> None:
    frame, mass = another(explained, benign)
    explained.session.set_inputs(frame, mass, "mass")
    screen.show(explained.session)
    for name in (FRAME, OVERLAY):
        assert screen.layers(name) == ("other", None, None)
        assert screen.visible(name) == {"other mass"}
        assert screen.fills(name, frame) == pytest.approx(1)
    explained.session.explain()
    screen.show(explained.session)
    assert screen.visible(OVERLAY) == {"other mass", "other extremes", "other saliency legend"}
    explained.session.set_inputs(explained.frame, explained.mass, "mass")
    screen.show(explained.session)
    assert screen.layers(OVERLAY) == ("N", "N saliency", "N regions")
    assert screen.visible(OVERLAY) == {"my mass", "N extremes", "N saliency legend"}


def test_a_scene_is_saved_as_it_is_seen(explained, headless, screen, benign, tmp_path: Path) -> None:
    from BreastMassXAILib.hosts.headless import HeadlessSlicer

    frame, mass = another(explained, benign)
    explained.session.set_inputs(frame, mass, "mass")
    screen.show(explained.session)
    headless.save(tmp_path / "a.mrb")
    fresh = HeadlessSlicer()
    fresh.load(tmp_path / "a.mrb")
    again = Screen(fresh.scene)
    for name in (FRAME, OVERLAY):
        assert again.layers(name) == ("other", None, None)
        assert again.visible(name) == {"other mass"}
    again.showing.close()


def test_no_frame_nothing_of_ours(explained, screen) -> None:
    explained.session.set_inputs(None)
    screen.show(explained.session)
    for name in (FRAME, OVERLAY):
        assert screen.layers(name)[1:] == (None, None)
        assert screen.visible(name) == set()


def test_a_deleted_frame_leaves_nothing_to_be_seen(explained, screen) -> None:
    explained.scene.RemoveNode(explained.frame)
    explained.session.refresh()
    screen.show(explained.session)
    for name in (FRAME, OVERLAY):
        assert screen.layers(name) == (None, None, None)
        assert screen.visible(name) == set()


def test_a_map_that_slicer_offers_for_a_deleted_frame_is_not_taken_for_a_frame(explained, screen) -> None:
    """Slicer's view controls choose another volume for the one that is gone: it may be ours."""
    from BreastMassXAILib.scene.views import find_view_node

    saliency = explained.session.nodes.saliency
    explained.scene.RemoveNode(explained.frame)
    find_view_node(explained.scene, "vtkMRMLSliceCompositeNode", FRAME).SetBackgroundVolumeID(saliency.GetID())
    explained.session.refresh()
    screen.show(explained.session)
    assert screen.layers(FRAME) == (None, None, None)


def test_what_others_made_is_not_touched(explained, screen, benign) -> None:
    """A segmentation, markups and a volume in a view that is not the module's."""
    scene = explained.scene
    volume, _ = another(explained, benign, "volume", mass=False)
    theirs = [scene.AddNewNodeByClass(f"vtkMRML{kind}Node", kind) for kind in ("Segmentation", "MarkupsLine")]
    for node in theirs:
        node.CreateDefaultDisplayNodes()
    screen.lay_out(Red=(421, 650), BreastMassXAI=(421, 650), Green=(300, 300))
    from BreastMassXAILib.scene.views import find_view_node

    green = find_view_node(scene, "vtkMRMLSliceCompositeNode", "Green")
    green.SetBackgroundVolumeID(volume.GetID())
    green.SetForegroundVolumeID(explained.frame.GetID())
    watched = [*theirs, *(node.GetDisplayNode() for node in theirs), volume, volume.GetDisplayNode(), green]
    times = [node.GetMTime() for node in watched]
    frame, mass = another(explained, benign)
    for inputs in ((frame, mass, "mass"), (None,), (explained.frame, explained.mass, "mass")):
        explained.session.set_inputs(*inputs)
        screen.show(explained.session)
        assert {"Segmentation", "MarkupsLine"} <= screen.visible(FRAME)
    assert [node.GetMTime() for node in watched] == times


def test_a_mass_that_the_user_hid_stays_hidden(explained, screen, benign) -> None:
    explained.mass.GetDisplayNode().SetVisibility(False)
    frame, mass = another(explained, benign)
    for inputs in ((frame, mass, "mass"), (explained.frame, explained.mass, "mass")):
        explained.session.set_inputs(*inputs)
        screen.show(explained.session)
    assert "my mass" not in screen.visible(FRAME)


# Layouts and sizes


def test_the_overlay_follows_the_layout(explained, screen) -> None:
    """Four-Up has no view of the module's own: there the explanation lies on the view that shows the frame."""
    screen.lay_out(Red=(421, 310), Green=(421, 310), Yellow=(421, 310))
    assert screen.layers(FRAME) == ("N", "N saliency", "N regions")
    assert screen.visible(FRAME) == {"my mass", "N extremes", "N saliency legend"}
    assert screen.layers("Green") == screen.layers("Yellow") == (None, None, None)
    assert screen.visible("Green") <= {"my mass"}
    assert screen.fills(FRAME, explained.frame) == pytest.approx(1)
    screen.lay_out(Red=(421, 650), BreastMassXAI=(421, 650))
    assert screen.layers(FRAME) == ("N", None, None)
    assert screen.layers(OVERLAY) == ("N", "N saliency", "N regions")
    assert screen.visible(OVERLAY) == {"my mass", "N extremes", "N saliency legend"}
    for name in (FRAME, OVERLAY):
        assert screen.fills(name, explained.frame) == pytest.approx(1)


def test_the_overlay_lies_on_the_one_view_that_shows_the_frame(explained, screen) -> None:
    from BreastMassXAILib.scene.views import find_view_node

    screen.lay_out(Yellow=(800, 600))
    find_view_node(explained.scene, "vtkMRMLSliceCompositeNode", "Yellow").SetBackgroundVolumeID(
        explained.frame.GetID()
    )
    screen.showing.update()
    assert screen.layers("Yellow") == ("N", "N saliency", "N regions")
    assert "N extremes" in screen.visible("Yellow")


def test_while_another_module_is_open_its_views_are_its_own(explained, screen, benign) -> None:
    from BreastMassXAILib.scene.views import find_view_node

    screen.showing.claims = False
    volume, _ = another(explained, benign, "volume", mass=False)
    for name in (FRAME, OVERLAY):
        find_view_node(explained.scene, "vtkMRMLSliceCompositeNode", name).SetBackgroundVolumeID(volume.GetID())
    screen.lay_out(Red=(421, 310), Green=(421, 310))
    screen.show(explained.session)
    assert screen.layers(FRAME) == ("volume", None, None)
    assert "N extremes" not in screen.visible(FRAME)
    screen.showing.claims = True
    screen.showing.update()
    assert screen.layers(FRAME) == ("N", "N saliency", "N regions")


def test_views_that_get_another_size_are_filled_again(explained, screen) -> None:
    for sizes in ((350, 650), (900, 200), (60, 700), (421, 650)):
        screen.lay_out(Red=sizes, BreastMassXAI=sizes[::-1])
        for name in (FRAME, OVERLAY):
            assert screen.fills(name, explained.frame) == pytest.approx(1)


def test_where_the_user_zoomed_the_view_stays(explained, screen) -> None:
    from BreastMassXAILib.scene.views import find_view_node

    node = find_view_node(explained.scene, "vtkMRMLSliceNode", OVERLAY)
    width, height, depth = node.GetFieldOfView()
    node.SetFieldOfView(width / 3, height / 3, depth)
    screen.show(explained.session)
    screen.lay_out(Red=(400, 600), BreastMassXAI=(400, 600))
    assert screen.fills(OVERLAY, explained.frame) > 2.5
    assert screen.fills(FRAME, explained.frame) == pytest.approx(1)


def test_a_calibrated_frame_fills_its_views(explained, screen) -> None:
    from BreastMassXAILib.presenter.adding import draw_line
    from BreastMassXAILib.scene.calibration import calibrate_volume, undo_calibration

    line = draw_line(explained.scene, explained.frame)
    for row in (100, 400):
        column_mm, row_mm, _ = explained.frame.GetSpacing()
        line.AddControlPoint((-50 * column_mm, -row * row_mm, 0))
    before = explained.frame.GetSpacing()
    for change in (
        lambda: calibrate_volume(explained.frame, [(line, 70.0)]),
        lambda: undo_calibration(explained.frame),
    ):
        change()
        assert explained.frame.GetSpacing() != before
        before = explained.frame.GetSpacing()
        explained.session.refresh()
        screen.show(explained.session)
        for name in (FRAME, OVERLAY):
            assert screen.fills(name, explained.frame) == pytest.approx(1)
            assert line.GetName() in screen.visible(name)


def test_a_line_is_seen_on_its_own_frame_only(explained, screen, benign) -> None:
    from BreastMassXAILib.presenter.adding import draw_line

    line = draw_line(explained.scene, explained.frame)
    frame, mass = another(explained, benign)
    explained.session.set_inputs(frame, mass, "mass")
    screen.show(explained.session)
    assert line.GetName() not in screen.visible(FRAME) | screen.visible(OVERLAY)
    explained.session.set_inputs(explained.frame, explained.mass, "mass")
    screen.show(explained.session)
    assert line.GetName() in screen.visible(FRAME)


# The corner


def test_the_corner_says_the_decision_and_whether_it_is_an_earlier_one(explained, scene) -> None:
    from vtkmodules.vtkRenderingCore import vtkRenderer

    from BreastMassXAILib.presenter.overlay import Looks
    from BreastMassXAILib.presenter.showing import Showing, Wanted

    renderers = {FRAME: vtkRenderer(), OVERLAY: vtkRenderer()}
    drawn: list[str] = []
    showing = Showing(scene, lambda: None, renderers.get, drawn.append)
    session = explained.session

    def show() -> str:
        frame, mass, _ = session.inputs
        showing.show(Wanted(frame, mass, Looks(), session.note))
        return showing.corner.text

    result = session.result
    text = show()
    assert text.splitlines()[0].lower().startswith(result.decision)
    assert f"{result.probability:.2f}" in text
    assert "research use only" in text.lower()
    assert "arlier" not in text
    assert showing.corner.renderer is renderers[OVERLAY]
    assert renderers[OVERLAY].GetViewProps().GetNumberOfItems() == 1
    assert OVERLAY in drawn
    explained.paint(np.roll(explained.case.mass, 60, axis=1))
    session.refresh()
    assert session.status.state.value == "stale"
    assert "earlier result" in show().lower()
    session.set_inputs(None)
    assert show() == ""
    assert renderers[OVERLAY].GetViewProps().GetNumberOfItems() == 0
    showing.close()


# The ways by which a frame gets chosen


@pytest.fixture
def cohort(tmp_path, malignant, benign):
    """Two cases as files, of different shape and pixel size."""
    from PIL import Image

    from BreastMassXAILib.presenter.cohort import CohortList

    lines = ["image,mask,label,patient,spacing_row_mm,spacing_col_mm"]
    for name, case, mm in (("one", malignant, 0.065), ("two", benign, 0.2)):
        cut = slice(None, None if name == "one" else -70)
        Image.fromarray(case.frame.pixels[cut].astype(np.uint8)).save(tmp_path / f"{name}.png")
        Image.fromarray(case.mass[cut].astype(np.uint8) * 255).save(tmp_path / f"{name}_mask.png")
        lines.append(f"{name}.png,{name}_mask.png,malignant,{name},{mm},{mm}")
    (tmp_path / "cohort.csv").write_text("\n".join(lines))
    return CohortList.open(tmp_path / "cohort.csv")


def test_a_cohorts_cases_are_shown_and_fitted_in_a_scene_where_nothing_was(scene, screen, cohort) -> None:
    from BreastMassXAILib.presenter.session import Session

    session = Session(scene)
    for index, name in ((0, "one.png"), (1, "two.png"), (0, "one.png")):
        cohort.open_case(index, session)
        screen.show(session)
        frame = session.inputs[0]
        for view in (FRAME, OVERLAY):
            assert screen.layers(view)[0] == frame.GetName() == name
            assert screen.visible(view) == {f"{name} mass"}
            assert screen.fills(view, frame) == pytest.approx(1)
    session.close()


def test_stepping_from_an_explained_case_leaves_no_layer(scene, screen, cohort) -> None:
    from BreastMassXAILib.presenter.session import Session
    from BreastMassXAILib.scene.views import find_view_node

    session = Session(scene)
    cohort.open_case(0, session)
    session.explain()
    screen.show(session)
    assert screen.layers(OVERLAY) == ("one.png", "one.png saliency", "one.png regions")
    cohort.open_case(1, session)
    frame = session.inputs[0]
    # Slicer's view controls offer the only volume that is left for the map that was removed.
    find_view_node(scene, "vtkMRMLSliceCompositeNode", OVERLAY).SetForegroundVolumeID(frame.GetID())
    screen.show(session)
    for view in (FRAME, OVERLAY):
        assert screen.layers(view) == ("two.png", None, None)
        assert screen.visible(view) == {"two.png mass"}
    cohort.open_case(0, session)
    screen.show(session)
    assert screen.layers(OVERLAY) == ("one.png", "one.png saliency", "one.png regions")
    session.close()


def test_a_calibrating_line_goes_with_the_case_it_was_drawn_on(scene, screen, cohort) -> None:
    from BreastMassXAILib.presenter.adding import draw_line
    from BreastMassXAILib.presenter.session import Session

    session = Session(scene)
    cohort.open_case(0, session)
    name = draw_line(scene, session.inputs[0]).GetName()
    cohort.open_case(1, session)
    screen.show(session)
    assert scene.GetFirstNodeByName(name) is None
    session.close()


def test_a_sample_whose_frame_was_deleted_is_complete_again(scene, screen) -> None:
    """The mass is still there, and it was the mass of a frame that is gone."""
    from BreastMassXAILib.presenter.adding import add_sample
    from BreastMassXAILib.presenter.session import Session

    session = Session(scene)
    for _ in range(3):
        frame, mass = add_sample(scene, "malignant")
        session.set_inputs(frame, mass, "mass")
        assert session.mass_for(frame, mass, "mass") == (mass, "mass")
        assert session.can_explain, session.status.sentence
        screen.show(session)
        assert screen.visible(FRAME) == {"malignant phantom mass"}
        scene.RemoveNode(frame)
        session.refresh()
        screen.show(session)
        assert screen.visible(FRAME) == set()
        assert session.mass_for(None, mass, "mass") == (mass, "mass")
    session.close()


def test_a_frame_that_is_chosen_alone_brings_its_own_mass(explained, benign) -> None:
    session = explained.session
    frame, mass = another(explained, benign)
    bare, _ = another(explained, benign, "bare", mass=False)
    assert session.mass_for(frame, explained.mass, "mass") == (mass, "mass")
    assert session.mass_for(bare, explained.mass, "mass") == (None, "")
    assert session.mass_for(bare, mass, "mass") == (mass, "mass"), "both were chosen"
    session.set_inputs(frame, mass, "mass")
    assert session.mass_for(explained.frame, mass, "mass") == (explained.mass, "mass")
    assert session.mass_for(explained.frame, None, "") == (explained.mass, "mass")
