"""What contributors and users find beside the code says what the code says."""

import re
from pathlib import Path

import pytest

import BreastMassXAILib
from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.resources import SHIPPED_MODELS

ROOT = Path(__file__).resolve().parents[2]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_there_is_one_version():
    own = BreastMassXAILib.__version__
    assert re.search(r'^dynamic = \["version"\]', read("pyproject.toml"), re.MULTILINE)
    assert 'path = "BreastMassXAI/BreastMassXAILib/__init__.py"' in read("pyproject.toml")
    assert re.search(r"^version: (.*)$", read("CITATION.cff"), re.MULTILINE).group(1) == own
    assert re.search(r'^set\(BreastMassXAI_VERSION "(.*)"\)', read("CMakeLists.txt"), re.MULTILINE).group(1) == own
    released = re.findall(r"^## \[([\d.]+)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert released[0] == own


def test_what_a_report_of_a_fault_asks_for_names_no_place_and_no_person(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version", "--verbose"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"breast-mass-xai {BreastMassXAILib.__version__}\n")
    for name in ("python: ", "system: ", "device: ", "torch: ", *(f"model {name}: sha256 " for name in SHIPPED_MODELS)):
        assert f"\n{name}" in said
    assert "missing" not in said
    for private in (str(ROOT), str(Path.home()), ROOT.name + "/"):
        assert private not in said


@pytest.mark.parametrize("form", ["fault", "wish"])
def test_issue_forms_ask_for_the_versions(form):
    assert "breast-mass-xai --version --verbose" in read(f".github/ISSUE_TEMPLATE/{form}.yml")


def test_the_workflow_runs_the_readmes_two_commands():
    workflow, readme = read(".github/workflows/tests.yml"), read("README.md")
    for command in ("make demo", "make test"):
        assert f"run: {command}" in workflow and f"\n{command} " in readme
    for system in ("ubuntu", "macos", "windows"):
        assert f"{system}-latest" in workflow
