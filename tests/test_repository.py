"""What stands beside the code: the lock file, the container, the definitions that a hosting site reads."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS: dict[str, Any] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
YAMLS = [*sorted((ROOT / ".github").rglob("*.yml")), ROOT / "CITATION.cff"]


def assigned(name: str) -> Any:
    """A literal that setup.py assigns."""
    for node in ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise LookupError(name)


def makefile_extras() -> list[str]:
    found = re.search(r"^EXTRAS \?= (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1].split(",")


def test_the_lock_pins_everything_that_make_install_asks_for_at_a_version_that_fits() -> None:
    lines = [line for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    pins = dict(line.split("==") for line in lines)
    assert list(pins) == sorted(pins)
    assert all(Version(version) for version in pins.values())
    asked = assigned("REQUIRES") + [text for extra in makefile_extras() for text in assigned("EXTRAS")[extra]]
    for requirement in map(Requirement, asked):
        pinned = pins.get(canonicalize_name(requirement.name))
        assert pinned is not None, f"requirements.lock lacks {requirement.name}"
        assert requirement.specifier.contains(pinned), f"{requirement} and {pinned}"


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.name)
def test_definitions_are_yaml(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    if path.parent.name == "ISSUE_TEMPLATE" and path.stem != "config":
        assert {"name", "description", "body"} <= set(document)
        ids = [part["id"] for part in document["body"]]
        assert len(ids) == len(set(ids))
        assert all(set(part) <= {"type", "id", "attributes", "validations"} and part["attributes"]["label"] for part in document["body"])


def test_ci_runs_the_makefiles_targets_on_every_python_that_setup_py_allows() -> None:
    jobs = WORKFLOWS["ci"]["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == ["3.10", "3.11", "3.12", "3.13", "3.14"]
    assert "range(10, 15)" in (ROOT / "setup.py").read_text(encoding="utf-8")  # its classifiers
    assert jobs["elsewhere"]["strategy"]["matrix"]["os"] == ["windows-latest", "macos-latest"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [word for job in jobs.values() for step in job["steps"] for word in re.findall(r"make ([a-z-]+)", step.get("run", ""))]
    assert {"install", "check", "test", "test-slow"} <= set(targets)
    assert all(f"\n{target}:" in makefile for target in targets)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_fits_its_schema(name: str) -> None:
    pytest.importorskip("check_jsonschema")
    path = ROOT / ".github" / "workflows" / f"{name}.yml"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_refers_to_what_there_is(name: str) -> None:
    """What a schema does not see: needed jobs, values of the matrix, outputs of steps; and a limit on time and rights everywhere."""
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 90
        needed = job.get("needs", [])
        assert {*([needed] if isinstance(needed, str) else needed)} <= set(workflow["jobs"])
        text = json.dumps(job)
        assert set(re.findall(r"matrix\.(\w+)", text)) <= set(job.get("strategy", {}).get("matrix", {}))
        assert set(re.findall(r"steps\.(\w+)\.outputs", text)) <= {step.get("id") for step in job["steps"]}
        assert text.count("${{") == len(re.findall(r"\$\{\{ [^{}]+ \}\}", text))
        assert all(re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v1)", step["uses"]) for step in job["steps"] if "uses" in step)


def test_publishing_and_deploying_are_off_until_somebody_sets_them_up() -> None:
    release, docs = WORKFLOWS["release"]["jobs"], WORKFLOWS["docs"]["jobs"]
    assert release["build"]["if"] == "vars.PUBLISH == 'true'"
    assert release["publish"]["needs"] == "build"
    assert release["publish"]["permissions"] == {"id-token": "write"}  # trusted publishing: no password anywhere
    assert docs["deploy"]["if"].startswith("vars.DEPLOY_DOCS == 'true' && ")
    assert "secrets." not in json.dumps(WORKFLOWS)


def test_the_container_copies_what_the_package_is_built_from() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in ("bytetrack", "configs", "exps", "tools", "setup.py", "pyproject.toml", "README.md", "LICENSE"):
        assert f"!{name}" in ignored
        assert (ROOT / name).exists()
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    words = [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]
    assert words[:2] == ["ARG", "FROM"]
    assert set(words) <= {"ARG", "FROM", "RUN", "ENV", "COPY", "USER", "WORKDIR", "ENTRYPOINT", "CMD"}
    assert words.index("USER") > max(place for place, word in enumerate(words) if word == "RUN")  # no root at run time
    json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))


def test_the_citation_names_the_papers_authors_as_the_readme_does() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["preferred-citation"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert " and ".join(f"{author['family-names']}, {author['given-names']}" for author in cited["authors"]) in readme
    assert f"{{{cited['title']}}}" in readme
