"""The pieces of a planted study, each of which leaves one file: what is there already is not computed again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.classifier import NetworkOutput
from ..core.field import Field, FieldRule
from ..core.frame import Case, Frame, Provenance, Spacing
from ..core.regions import REGIONS, region_labels
from ..phantom.planted import PIXEL_MM, PLANTS, RING_MM, SIDE, PlantedPhantom, breast, planted
from ..pipeline import load_model
from ..readers.files import write_beside

if TYPE_CHECKING:
    from ..network.bundle import Bundle

CHUNK = 20
"""Phantoms in a file."""
VARIANTS = 4
"""Phantoms to learn from that share a simulated breast; all others have one of their own."""
AIM = 0.95
"""Share of the validation phantoms, and of the unseen ones, that a network must classify rightly."""


@dataclass(frozen=True)
class Study:
    """What all pieces of one study have in common.

    Parameters
    ----------
    state : Path
        The folder of their files.
    model : Path, optional
        Whose trunk learns; the shipped one by default.
    training, validation, unseen : int
        Numbers of phantoms, in this order.
    seed : int
    depth : str
        What learns, see :data:`~..network.retraining.DEPTHS`.
    threads : int, optional
        Of torch.
    """

    state: Path
    model: Path | None
    training: int
    validation: int
    unseen: int
    seed: int
    depth: str = "last-stage"
    threads: int | None = None

    @property
    def count(self) -> int:
        return self.training + self.validation + self.unseen

    def chunks(self) -> list[np.ndarray]:
        """The phantoms' numbers, file by file."""
        return [np.arange(first, min(first + CHUNK, self.count)) for first in range(0, self.count, CHUNK)]

    def seeds(self, number: int) -> tuple[int, int]:
        """Of a phantom's breast and of what is planted on it; studies share neither, unless their seeds are equal."""
        first = 1_000_000 * self.seed
        breast = number // VARIANTS if number < self.training else self.training + number
        return first + breast, first + number


@dataclass(frozen=True, eq=False)
class Pool:
    """All phantoms of a study.

    Parameters
    ----------
    grey : ndarray of uint8, shape (n, SIDE, SIDE)
    mass : ndarray of bool, same shape
    labels : dict of str to ndarray of bool, shape (n,)
        By plant.
    """

    grey: np.ndarray
    mass: np.ndarray
    labels: dict[str, np.ndarray]

    def case(self, number: int) -> Case:
        """A phantom as a case like any other."""
        spacing = Spacing(PIXEL_MM, PIXEL_MM, Provenance.CALIBRATED)
        return Case(Frame(self.grey[number].astype(np.float32), spacing), self.mass[number])


@dataclass(frozen=True)
class Explained:
    """A method's answers for some phantoms under one network.

    Parameters
    ----------
    numbers : tuple of int
    outputs : tuple of NetworkOutput
    """

    numbers: tuple[int, ...]
    outputs: tuple[NetworkOutput, ...]


def _threads(study: Study) -> None:
    import torch

    if study.threads is not None and torch.get_num_threads() != study.threads:
        torch.set_num_threads(study.threads)


def phantoms_file(study: Study, numbers: np.ndarray) -> Path:
    return study.state / f"phantoms-{numbers[0]:05d}.npz"


def make_phantoms(study: Study, numbers: np.ndarray) -> None:
    """Simulate some phantoms."""
    made: list[PlantedPhantom] = []
    known, base = -1, None
    for number in numbers:
        of_breast, of_plants = study.seeds(int(number))
        if base is None or of_breast != known:
            known, base = of_breast, breast(of_breast)
        made.append(planted(base, of_plants))
    _save(
        phantoms_file(study, numbers),
        grey=np.stack([phantom.case.frame.pixels.astype(np.uint8) for phantom in made]),
        mass=np.packbits(np.stack([phantom.case.mass for phantom in made]), axis=-1),
        **{name: np.array([phantom.labels[name] for phantom in made]) for name in PLANTS},
    )


@lru_cache(maxsize=2)
def pool(study: Study) -> Pool:
    """All phantoms of a study, which are made."""
    parts = [np.load(phantoms_file(study, numbers)) for numbers in study.chunks()]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in ("grey", "mass", *PLANTS)}
    mass = np.unpackbits(joined["mass"], axis=-1, count=SIDE).astype(bool)
    return Pool(joined["grey"], mass, {name: joined[name] for name in PLANTS})


def features_file(study: Study, numbers: np.ndarray) -> Path:
    return study.state / f"features-{numbers[0]:05d}.npz"


def see_features(study: Study, numbers: np.ndarray) -> None:
    """What the model's trunk sees of some phantoms."""
    from ..network.retraining import averaged_features

    _threads(study)
    bundle = _trunk(study.model)
    grey = np.load(phantoms_file(study, numbers))["grey"]
    _save(features_file(study, numbers), features=averaged_features(bundle.network, grey, bundle.preprocessing))


@lru_cache(maxsize=2)
def _trunk(model: Path | None) -> Bundle:
    """The model as it looks at phantoms: whole frames, at their own size."""
    from dataclasses import replace

    bundle = load_model(model)
    return replace(bundle, rule=FieldRule("frame"), preprocessing=replace(bundle.preprocessing, size=SIDE))


def network_file(study: Study, plant: str) -> Path:
    return study.state / f"network-{plant}.safetensors"


def learn(study: Study, plant: str) -> None:
    """Train the network that answers one question."""
    import torch

    from ..network.checkpoint import Checkpoint
    from ..network.retraining import grey_inputs, retrained

    _threads(study)
    bundle, phantoms = _trunk(study.model), pool(study)
    features = np.concatenate([np.load(features_file(study, numbers))["features"] for numbers in study.chunks()])
    training = np.arange(study.training)
    validation = np.arange(study.training, study.training + study.validation)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(study.seed)
        found = retrained(
            bundle.network,
            features,
            phantoms.labels[plant],
            training,
            validation,
            lambda indices: grey_inputs(phantoms.grey[indices], bundle.preprocessing),
            AIM,
            study.seed,
            study.depth,
        )
    facts = {"accuracy": found.accuracy, "how": found.how, "epochs": found.epochs}
    Checkpoint(dict(found.network.state_dict()), facts).save(network_file(study, plant))


@lru_cache(maxsize=2)
def network(study: Study, plant: str) -> tuple[Bundle, dict[str, Any]]:
    """The trained network of a plant as a bundle that looks at whole phantoms, and what is known of its training."""
    import copy
    from dataclasses import replace

    from ..core.errors import OutputError
    from ..network.checkpoint import Checkpoint

    bundle = _trunk(study.model)
    kept = Checkpoint.load(network_file(study, plant))
    if kept is None:
        raise OutputError(f"The unfinished work lacks {network_file(study, plant).name}: begin again with --force.")
    learned = copy.deepcopy(bundle.network)
    learned.heads = None
    learned.load_state_dict(kept.tensors)
    classifier = replace(
        bundle.classifier, name=f"{bundle.classifier.name} for {plant}", threshold=0.5, temperature=1.0
    )
    return replace(bundle, network=learned, classifier=classifier), kept.facts


def maps_file(study: Study, plant: str, method: str, numbers: Sequence[int]) -> Path:
    return study.state / f"maps-{plant}-{method.replace(':', '_')}-{numbers[0]:05d}.npz"


def explain_phantoms(study: Study, plant: str, method: str, numbers: tuple[int, ...]) -> None:
    """A method's maps of some phantoms."""
    from ..methods.catalogue import method_of
    from ..methods.running import saliency_maps

    _threads(study)
    bundle, phantoms = network(study, plant)[0], pool(study)
    outputs = saliency_maps(bundle, [phantoms.case(number) for number in numbers], method_of(method))
    _save(
        maps_file(study, plant, method, numbers),
        numbers=np.array(numbers),
        logits=np.array([output.logit for output in outputs]),
        biases=np.array([output.bias for output in outputs]),
        cells=np.stack([output.cells for output in outputs]),
        exact=np.array([output.exact for output in outputs]),
    )


def explained(study: Study, plant: str, method: str, parts: Sequence[tuple[int, ...]]) -> Explained:
    """What :func:`explain_phantoms` kept."""
    numbers: list[int] = []
    outputs: list[NetworkOutput] = []
    for part in parts:
        with np.load(maps_file(study, plant, method, part)) as kept:
            numbers += kept["numbers"].tolist()
            rows = zip(kept["logits"], kept["biases"], kept["cells"], kept["exact"], strict=True)
            outputs += [
                NetworkOutput(float(z), float(b), cells, Field(0, 0, SIDE, SIDE), None, method, bool(exact))
                for z, b, cells, exact in rows
            ]
    return Explained(tuple(numbers), tuple(outputs))


def changes_file(study: Study, plant: str, numbers: Sequence[int]) -> Path:
    return study.state / f"changes-{plant}-{numbers[0]:05d}.npz"


def check_phantoms(study: Study, plant: str, numbers: tuple[int, ...]) -> None:
    """The counter-check of some phantoms: by how much the logit falls when each region is replaced."""
    from ..methods.counter_check import changes_of
    from ..network.cam import class_activation_map

    _threads(study)
    bundle, phantoms = network(study, plant)[0], pool(study)
    found = np.full((len(numbers), len(REGIONS)), np.nan)
    for row, number in zip(found, numbers, strict=True):
        case = phantoms.case(number)
        labels = region_labels(case.mass, case.frame.spacing, RING_MM)
        changes = changes_of(bundle, case, class_activation_map(bundle, case), labels).changes
        row[:] = [changes.get(name, np.nan) for name in REGIONS]
    _save(changes_file(study, plant, numbers), numbers=np.array(numbers), changes=found)


def checked(study: Study, plant: str, parts: Sequence[tuple[int, ...]]) -> dict[int, dict[str, float]]:
    """What :func:`check_phantoms` kept, by the phantoms' numbers; regions that could not be replaced are missing."""
    found: dict[int, dict[str, float]] = {}
    for part in parts:
        with np.load(changes_file(study, plant, part)) as kept:
            for number, row in zip(kept["numbers"].tolist(), kept["changes"], strict=True):
                found[number] = {
                    name: float(value) for name, value in zip(REGIONS, row, strict=True) if not np.isnan(value)
                }
    return found


def _save(path: Path, **arrays: np.ndarray) -> None:
    """Write beside, then rename: a file that is there is whole."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]  # numpy has an option of its own among the names
    write_beside(path, content.getvalue())
