"""Slice views that are made after what they are to show, and what they say when it is taken away."""

from __future__ import annotations

import pytest

VIEWS = ("Red", "BreastMassXAI")


@pytest.fixture
def view(headless):
    """Makes offscreen slice views, one after the other, as Slicer's layout manager makes its own."""
    from trame_slicer.views import DirectViewFactory, ViewLayoutDefinition

    headless._app.view_manager.register_factory(DirectViewFactory(do_render_offscreen=True))

    def make(name: str):
        made = headless._app.view_manager.create_view(ViewLayoutDefinition.axial_view(name))
        made.set_mapped_in_layout(True)
        made.update_size(300, 200)
        return made

    return make


@pytest.fixture
def explained(scene, case, explanation):
    from BreastMassXAILib.scene.explanation import show_explanation
    from BreastMassXAILib.scene.inputs import add_frame, add_mass

    frame = add_frame(scene, case.frame, "N")
    mass = add_mass(scene, case.mass, frame, "my mass")
    return show_explanation(scene, frame, explanation, mass_segmentation=mass)


@pytest.fixture
def showing(scene):
    from BreastMassXAILib.presenter.showing import Showing

    showing = Showing(scene, lambda: showing.update())
    yield showing
    showing.close()


def bar_in(view, legend) -> bool:
    """Whether a view draws a colour bar."""
    actor = view.get_displayable_manager_by_class("vtkMRMLColorLegendDisplayableManager").GetColorLegendActor(legend)
    return actor is not None and bool(actor.GetVisibility())


def test_a_view_that_is_younger_than_the_colour_bar_shows_it(explained, showing, view) -> None:
    """As after the first explanation in a session: first the nodes, then the layout of two views."""
    from BreastMassXAILib.presenter.showing import Wanted

    red = view("Red")
    showing.show(Wanted(explained.frame, explained.mass))
    red.render()
    assert bar_in(red, explained.legend)
    overlay = view("BreastMassXAI")
    showing.update()
    overlay.render()
    assert bar_in(overlay, explained.legend)
    assert not bar_in(red, explained.legend)


@pytest.mark.parametrize("closed", [False, True], ids=["explanation", "scene"])
def test_nothing_complains_of_a_colour_bar_when_it_goes(explained, headless, scene, showing, view, closed) -> None:
    from BreastMassXAILib.presenter.showing import Wanted
    from BreastMassXAILib.scene.explanation import remove_explanation
    from BreastMassXAILib.scene.legend import remove_legends

    made = [view(name) for name in VIEWS]
    showing.show(Wanted(explained.frame, explained.mass))
    for each in made:
        each.render()
    if closed:
        remove_legends(scene)
        scene.Clear(0)
    else:
        remove_explanation(explained.frame)
        showing.update()
    for each in made:
        each.render()
    assert "ColorLegend" not in headless.messages
    assert scene.GetNumberOfNodesByClass("vtkMRMLColorLegendDisplayNode") == 0
