"""A cohort evaluated, for Python."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.progress import Progress, silent
from ..core.result import Settings
from ..core.settling import SpacingAssumption
from .frames import MM, PathName, spacing_of
from .tables import as_frame

if TYPE_CHECKING:
    import pandas

    from ..analyses.training import Trained


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """A cohort under one or several models; in a notebook it shows itself.

    Parameters
    ----------
    folder : Path
        Where ``cases.csv``, ``report.json`` and ``report.html`` lie.
    report : dict
        What ``report.json`` holds.
    """

    folder: Path
    report: dict[str, Any]

    def rows(self, model: int = 0) -> list[dict[str, str]]:
        """One row a case, as ``cases.csv`` has them; `model` counts from 0."""
        name = "cases.csv" if model == 0 else f"cases-{model + 1}.csv"
        with (self.folder / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def table(self, model: int = 0) -> pandas.DataFrame:
        """The cases under a model as a pandas frame, numbers as numbers.

        Raises
        ------
        MissingPackageError
            When pandas is not installed.
        """
        import io

        rows = self.rows(model)
        as_frame([])  # says what is missing
        import pandas

        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
        text.seek(0)
        return pandas.read_csv(text)

    def __repr__(self) -> str:
        data = self.report["data"]
        lines = [f"{data['name']}: {data['evaluated']} of {data['listed']} cases evaluated"]
        return "\n".join([*lines, *(f"  {m['name']}: {text}" for m in self.report["models"] for text in m["findings"])])

    def _repr_html_(self) -> str:
        from .pages import evaluation_page

        return evaluation_page(self.folder.name, self.report)


def evaluate(
    data: PathName,
    model: PathName | Sequence[PathName] = (),
    *,
    out: PathName | None = None,
    out_of_fold: bool = False,
    with_random: bool = False,
    predictions: PathName | None = None,
    spacing: MM | None = None,
    width_mm: float | None = None,
    settings: Settings | None = None,
    jobs: int = 1,
    pictures: int = 2,
    force: bool = False,
    progress: Progress = silent,
) -> Evaluation:
    """Classify and explain a labelled data set, and write the folder that the command ``evaluate`` writes.

    Parameters
    ----------
    data : str or Path
        BUS-BRA's folder, a folder per class, OASBUD's ``.mat`` file, or a CSV manifest.
    model : str, Path, or several of them
        Shipped models' names or folders; the shipped default, if none is given.
    out : str or Path, optional
        The folder to write; by default the data's name with ``-evaluated``, in the current folder.
    out_of_fold : bool
        Each case is looked at by the one of the models that was tested on its partition.
    with_random : bool
        Beside each model, its network with random weights.
    predictions : str or Path, optional
        A table of probabilities instead of models; there are no explanations then.
    spacing, width_mm
        mm per pixel, or the imaged width, where neither data set nor file tells.
    settings : Settings, optional
    jobs : int
        Processes on this machine.
    pictures : int
        Examples of each kind in the report.
    force : bool
        Replace an earlier result.
    progress : callable
        Called with (done, total, what).

    Raises
    ------
    BreastMassXAIError
        With one sentence; then nothing is written.

    Examples
    --------
    >>> import BreastMassXAILib as bmx
    >>> import tempfile
    >>> from pathlib import Path
    >>> here = Path.cwd()
    >>> manifest = Path(tempfile.mkdtemp()) / "cohort.csv"
    >>> rows = [f"{here}/{name}.dcm,{here}/{name}_mask.png,{name}" for name in ("benign", "malignant")]
    >>> _ = manifest.write_text("\\n".join(["image,mask,label", *rows]))
    >>> found = bmx.evaluate(manifest, out=manifest.parent / "out", pictures=0)
    >>> found.report["data"]["evaluated"], len(found.rows())
    (2, 2)
    """
    from ..analyses.cohort import EvaluateRequest
    from ..analyses.cohort import evaluate as work
    from ..resources import model_folder

    given = spacing_of(spacing)
    models = [model] if isinstance(model, (str, PathLike)) else list(model)
    folder, report = work(
        EvaluateRequest(
            data=Path(data),
            models=tuple(model_folder(each) for each in models),
            out=None if out is None else Path(out),
            predictions=None if predictions is None else Path(predictions),
            out_of_fold=out_of_fold,
            with_random=with_random,
            assumption=SpacingAssumption(None if given is None else given.mm(), width_mm),
            settings=settings or Settings(),
            jobs=jobs,
            pictures=pictures,
            force=force,
        ),
        progress,
    )
    return Evaluation(folder, report)


def train(
    data: PathName,
    out: PathName,
    *,
    recipe: str = "paper",
    test_fold: int | None = None,
    name: str | None = None,
    spacing: MM | None = None,
    width_mm: float | None = None,
    device: str = "auto",
    resume: bool = False,
    force: bool = False,
    progress: Progress = silent,
    **settings: Any,
) -> Trained:
    """Train a model on a labelled data set, as the command ``train`` does.

    Parameters
    ----------
    data : str or Path
        As for :func:`evaluate`.
    out : str or Path
        The model's folder.
    recipe : {"paper", "guided"}
        What is done unless `settings` say otherwise.
    test_fold : int, optional
        The partition that is kept for the test.
    name : str, optional
        The model's; the folder's, if not given.
    spacing, width_mm
        mm per pixel, or the imaged width, where neither data set nor file tells.
    device : {"auto", "cpu", "cuda"}
    resume, force : bool
        Go on with a run that was broken off; replace an earlier model.
    progress : callable
        Called with (done, total, what), anew for each stretch of the work.
    **settings
        Fields of :class:`~..network.training_settings.TrainingSettings`: method, epochs, seed, ...

    Returns
    -------
    Trained
        ``folder``, which :func:`load_model` takes, and ``metrics`` on the test partition.

    Raises
    ------
    BreastMassXAIError
        With one sentence.

    Examples
    --------
    >>> import BreastMassXAILib as bmx
    >>> bmx.train("nothing.csv", "model")
    Traceback (most recent call last):
    BreastMassXAILib.core.errors.InputError: There is no data set nothing.csv.
    """
    from ..analyses.training import TrainRequest, train_bundle
    from ..core.errors import InputError
    from ..core.field import FieldRule
    from ..network.recipes import RECIPES

    if recipe not in RECIPES:
        raise InputError(f"There is no recipe {recipe!r}: choose one of {', '.join(RECIPES)}.")
    chosen, given = RECIPES[recipe], spacing_of(spacing)
    request = TrainRequest(
        data=Path(data),
        out=Path(out),
        name=name or Path(out).name,
        rule=FieldRule(chosen.field_kind, 2.2 if chosen.field_kind == "square" else None),
        pooled_blocks=chosen.pooled_blocks,
        settings={**chosen.settings, **settings},
        assumption=SpacingAssumption(None if given is None else given.mm(), width_mm),
        device=device,
        resume=resume,
        force=force,
        test_fold=test_fold,
    )
    done = train_bundle(request, lambda: progress)
    assert done is not None  # one process only
    return done
