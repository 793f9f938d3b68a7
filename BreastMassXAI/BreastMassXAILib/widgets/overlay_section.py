"""Overlay: how the explanation looks. The controls are bound to the parameters; here they become looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..presenter.overlay import Looks

if TYPE_CHECKING:
    from .desk import Desk


class OverlaySection:
    def __init__(self, panel: Desk) -> None:
        self._panel = panel
        panel.slots.connect(panel.ui.layoutButton, "clicked()", panel.arrange)

    def draw(self) -> None:
        parameters = self._panel.parameters
        self._panel.ui.rangeSpinBox.enabled = parameters is not None and parameters.fixedRange

    @property
    def looks(self) -> Looks:
        """What the parameters say."""
        parameters = self._panel.parameters
        return Looks(
            opacity=parameters.opacity,
            dead_band=parameters.deadBand,
            outline=parameters.regionOutlines,
            saliency=parameters.showSaliency,
            regions=parameters.showRegions,
            extremes=parameters.showExtremes,
            legend=parameters.showLegend,
        )

    def toggle_saliency(self) -> None:
        self._panel.ui.saliencyCheckBox.click()

    def toggle_regions(self) -> None:
        self._panel.ui.regionsCheckBox.click()
