"""A table of a classifier's answers, as ``train`` and ``cross-validate`` write it."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from ..core.errors import InputError
from .tables import table_text


def read_predictions(path: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Probabilities of malignancy and, where the table has them, the thresholds that go with them.

    Parameters
    ----------
    path : Path
        CSV with the columns ``identifier`` and ``probability`` or, instead, ``logit``; optionally ``threshold`` (of the
        probability).

    Returns
    -------
    probabilities, thresholds : dict of identifier to float

    Raises
    ------
    InputError
        When the table cannot be read, lacks a column, names a case twice, or holds what is no probability.
    """
    try:
        reader = csv.DictReader(io.StringIO(table_text(path), newline=""))
        table, columns = list(reader), reader.fieldnames or ()
    except (OSError, csv.Error) as error:
        raise InputError(f"{path.name} cannot be read as a table: {error}.") from error
    if "identifier" not in columns or not {"probability", "logit"} & set(columns):
        raise InputError(f"{path.name} needs the columns identifier and probability (or logit).")
    probabilities: dict[str, float] = {}
    thresholds: dict[str, float] = {}
    for line, row in enumerate(table, start=2):
        name = row["identifier"]
        if name in probabilities:
            raise InputError(f"{path.name} has two predictions for {name}, the second in line {line}.")
        try:
            value = float(row["probability"]) if "probability" in columns else _sigmoid(float(row["logit"]))
            if row.get("threshold"):
                thresholds[name] = float(row["threshold"])
        except (TypeError, ValueError):
            value = math.nan
        if not 0 <= value <= 1 or not 0 <= thresholds.get(name, 0) <= 1:
            raise InputError(f"Line {line} of {path.name} holds no probability between 0 and 1 for {name}.")
        probabilities[name] = value
    return probabilities, thresholds


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
