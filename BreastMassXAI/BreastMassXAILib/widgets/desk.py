"""What a section of the panel may ask of the panel that holds it; the sections know nothing else of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..presenter.models import Model
    from ..presenter.session import Session
    from ..presenter.worker import Worker
    from .slots import Slots
    from .views import Views


class ChosenCohort(Protocol):
    """The section that holds a list of cases."""

    path: Path | None

    @property
    def name(self) -> str:
        """Of the list, for titles."""


class OfferedModels(Protocol):
    """The section that lists models."""

    def offer(self, folder: Path, choose: bool = False) -> None:
        """List a folder's models among those that can be chosen."""


class EditedMass(Protocol):
    """The section in which the mass is drawn."""

    def forget_edits(self) -> None:
        """Undo must not bring back another case's mass."""

    def follow(self) -> None:
        """Show the chosen mass in selector and editor."""


class Desk(Protocol):
    """The panel, as its sections see it."""

    ui: Any
    scene: Any
    parameters: Any
    slots: Slots
    session: Session
    worker: Worker
    views: Views
    install_packages: Callable[..., Any]

    @property
    def cohort(self) -> ChosenCohort: ...

    @property
    def explaining(self) -> OfferedModels: ...

    @property
    def mass(self) -> EditedMass: ...

    @property
    def message(self) -> str: ...

    @property
    def details(self) -> str: ...

    def choose(self, *, segmentation: Any, segment: str, frame: Any = None) -> None:
        """Take another frame or mass as the inputs."""

    def choose_model(self, model: Model | None) -> None:
        """Take another model."""

    def adopt_inputs(self) -> None:
        """Show the inputs that the session has."""

    def explain(self) -> None:
        """Start an explanation."""

    def cancel(self) -> None:
        """Stop what is under way."""

    def work(self) -> None:
        """Something has begun in the background: look after it."""

    def arrange(self) -> None:
        """Lay the views out for an explanation."""

    def arrange_loop(self, chart: Any) -> None:
        """Lay the views out for a loop, with the plot of its probabilities."""

    def open_page(self, name: str) -> None:
        """Bring a page of the panel to the front."""

    def show_looks(self) -> None:
        """Draw the overlay as its controls say."""

    def redraw(self) -> None:
        """Show what the session says now."""

    def tell(self, sentence: str, details: str = "") -> None:
        """Say something in the panel's own line."""

    def show_details(self) -> None:
        """Show what lies behind the sentence."""
