"""Tables of a classifier's answers."""

import pytest

from BreastMassXAILib.cohorts.predictions import read_predictions
from BreastMassXAILib.core.errors import InputError


def test_probabilities_logits_and_thresholds(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("identifier,label,probability,threshold\na,benign,0.25,0.4\nb,malignant,1,\n")
    assert read_predictions(path) == ({"a": 0.25, "b": 1.0}, {"a": 0.4})
    path.write_text("identifier,logit\na,0\nb,-800\n")
    assert read_predictions(path)[0] == {"a": 0.5, "b": 0.0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,probability\n", "needs the columns identifier"),
        ("identifier,p\n", "needs the columns"),
        ("identifier,probability\na,0.1\na,0.2\n", "two predictions for a"),
        ("identifier,probability\na,high\n", "Line 2 .* no probability"),
        ("identifier,probability\na,nan\n", "no probability"),
        ("identifier,probability\na,-0.1\n", "no probability"),
    ],
)
def test_what_is_refused(tmp_path, text, words):
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_predictions(path)


def test_a_missing_table(tmp_path):
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_predictions(tmp_path / "none.csv")
