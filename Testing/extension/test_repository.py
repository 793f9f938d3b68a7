"""What contributors and users find beside the code says what the code says."""

import re
import shutil
import sys
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


def yaml_of(name):
    return pytest.importorskip("yaml", reason="comes with the extra `cluster`").safe_load(read(name))


def test_every_command_of_the_workflow_exists():
    """The workflow has not run anywhere yet; what can be known of it without a runner is held here."""
    workflow = yaml_of(".github/workflows/tests.yml")
    makefile = read("Makefile")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    variables = set(re.findall(r"^([A-Z_]+) \?=", makefile, re.MULTILINE))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert {"push", "pull_request"} <= set(workflow[True])  # YAML 1.1 reads `on` as true
    made = []
    for step in steps:
        assert ("run" in step) != ("uses" in step)
        for command in step.get("run", "").split("&&"):
            words = [word for word in command.split() if word != "sudo"]
            if not words:
                continue
            assert words[0] in ("make", "apt-get"), command
            if words[0] == "make":
                made += [word for word in words[1:] if "=" not in word]
                assert {word.split("=")[0] for word in words[1:] if "=" in word} <= variables
    assert set(made) <= targets and {"demo", "test", "lint"} <= set(made)
    conditions = " ".join(str(step.get("if", "")) for step in steps)
    for name in re.findall(r"matrix\.(\w+)", conditions + read(".github/workflows/tests.yml")):
        assert name in workflow["jobs"]["test"]["strategy"]["matrix"]


def test_every_hook_before_a_commit_is_a_program_of_the_environment():
    project = read("pyproject.toml")
    for repository in yaml_of(".pre-commit-config.yaml")["repos"]:
        assert repository["repo"] == "local"  # nothing is fetched, so versions are those of the environment
        for hook in repository["hooks"]:
            program = hook["entry"].split()[0]
            assert program.startswith(".venv/bin/") and hook["language"] == "system"
            name = program.removeprefix(".venv/bin/")
            assert f'"{name}>=' in project
            assert (Path(sys.executable).parent / name).exists() or shutil.which(name), f"{name} is not installed"


def test_a_long_file_has_its_reason():
    """A file that no longer fits on a few screens holds two rooms, or is listed with the reason why it does not."""
    page = "docs/decisions/7-long-and-alike.md"
    reasons = dict(re.findall(r"^\| `([\w/]+\.py)` \| ([^|]+) \|$", read(page), re.MULTILINE))
    module = ROOT / "BreastMassXAI"
    lengths = {
        path.relative_to(module).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in module.rglob("*.py")
    }
    long = {name for name, length in lengths.items() if length > 350}
    assert not long - reasons.keys(), f"more than 350 lines: split it, or give the reason in {page}"
    assert not reasons.keys() - long, f"not long any more: take it out of {page}"
    assert all(len(reason) > 40 for reason in reasons.values())
