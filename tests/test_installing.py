"""No text of the project has anybody install a package from the public index under the project's own name, which is somebody else's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bytetrack

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("bytetrack", "configs", "exps", "tools", "docs", "benchmarks", "tests", ".github", ".devcontainer", ".ci")
KINDS = {".py", ".md", ".yaml", ".yml", ".html", ".js", ".json", ".ipynb", ".toml", ".cfg", ".sh", ".sbatch", ".lock", ".cff", ".txt", ""}
INSTALLS = re.compile(r"\b(?:pip3?|pipx|uv pip|conda|mamba) install\b([^\n`\"&|;]*)|\b(?:uv|poetry|pdm) add\b([^\n`\"&|;]*)")
NAMED = re.compile(r"""['"]?bytetrack(?:[-_]mot)?(?:\[[\w,\s-]*\])?(?:\s*[=<>~!]=?[\w.*]+)?['"]?[.,:)]?""")
WITH_EXTRA = re.compile(r"\bbytetrack(?:[-_]mot)?\[(?:onnx|openvino|sweep|ray|bench|dev|release|all)\b")


def texts() -> list[Path]:
    own = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    return [path for path in [*own, *(p for folder in FOLDERS for p in (ROOT / folder).rglob("*") if p.is_file())] if path.suffix in KINDS]


def dangerous(text: str) -> list[str]:
    """The commands in a text that would fetch a package of the project's name from an index."""
    found = [" ".join(filter(None, match.groups())).split() for match in INSTALLS.finditer(text)]
    return [word for words in found for word in words if NAMED.fullmatch(word)] + WITH_EXTRA.findall(text)


@pytest.mark.parametrize(
    "text",
    [
        "pip install {}",
        "pip install '{}[onnx]'",
        "uv pip install -U {}>=0.1",
        "pipx install {}-mot",
        "poetry add {}",
        "needs {}[ray]",
        "pip install {}.",
    ],
)
def test_the_dangerous_form_is_found(text: str) -> None:
    assert dangerous(text.format("byte" + "track"))


@pytest.mark.parametrize(
    "text", ["pip install .", "pip install '.[onnx]'", "pip install dist/{}_mot-0.1.0-py3-none-any.whl", "pip install -e ."]
)
def test_installing_from_a_checkout_or_a_wheel_is_not(text: str) -> None:
    assert not dangerous(text.format("byte" + "track"))


def test_no_text_that_ships_installs_a_strangers_package() -> None:
    paths = [path for path in texts() if path != Path(__file__).resolve()]
    assert len(paths) > 400
    found = {
        str(path.relative_to(ROOT)): words for path in paths if (words := dangerous(path.read_text(encoding="utf-8", errors="ignore")))
    }
    assert found == {}


def test_the_version_stands_in_one_place() -> None:
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    assert 'name="bytetrack-mot"' in setup
    assert bytetrack.__version__ not in setup
    assert f"version: {bytetrack.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
