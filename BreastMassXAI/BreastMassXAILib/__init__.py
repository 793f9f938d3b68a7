"""BreastMassXAI: why did a network call this breast mass on ultrasound malignant?

From Python::

    import BreastMassXAILib as bmx

    found = bmx.explain("frame.dcm", "mask.png")
    print(found)

The names are loaded when they are used: importing the library loads neither torch nor numpy. Their pages are in
``api/``. The rooms of the library, one way of dependence, downwards only:

``commands``, ``api`` -> ``analyses`` -> ``hosts``, ``widgets`` -> ``presenter`` -> ``scene`` -> ``pipeline`` ->
``network`` -> ``cohorts``, ``writers`` -> ``readers``, ``phantom`` -> ``core``
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api.explaining import Explained as Explained
    from .api.explaining import ExplainedCine as ExplainedCine
    from .api.explaining import explain as explain
    from .api.explaining import explain_cine as explain_cine
    from .api.explaining import figure as figure
    from .api.explaining import load_model as load_model
    from .api.explaining import save as save
    from .api.frames import read_frame as read_frame
    from .api.frames import read_mask as read_mask
    from .api.frames import suggest_mask as suggest_mask
    from .api.studies import Evaluation as Evaluation
    from .api.studies import evaluate as evaluate
    from .api.studies import train as train
    from .core.errors import BreastMassXAIError as BreastMassXAIError
    from .core.frame import Frame as Frame
    from .core.frame import Spacing as Spacing
    from .core.result import Settings as Settings
    from .methods.outside import as_captum as as_captum
    from .methods.outside import as_quantus as as_quantus

__version__ = "0.2.0"

_PLACES = {
    "BreastMassXAIError": ".core.errors",
    "Evaluation": ".api.studies",
    "Explained": ".api.explaining",
    "ExplainedCine": ".api.explaining",
    "Frame": ".core.frame",
    "Settings": ".core.result",
    "Spacing": ".core.frame",
    "as_captum": ".methods.outside",
    "as_quantus": ".methods.outside",
    "evaluate": ".api.studies",
    "explain": ".api.explaining",
    "explain_cine": ".api.explaining",
    "figure": ".api.explaining",
    "load_model": ".api.explaining",
    "read_frame": ".api.frames",
    "read_mask": ".api.frames",
    "save": ".api.explaining",
    "suggest_mask": ".api.frames",
    "train": ".api.studies",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name], __name__), name)


def __dir__() -> list[str]:
    return [*(name for name in globals() if not name.startswith("_PLACES")), *_PLACES]
