"""A wheel works outside the checkout: configs, recipes and verbs travel inside it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = "from bytetrack.__main__ import main; main()"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built wheel, unpacked as pip would: a folder to put on the path."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, cwd=folder)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def bytetrack(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed), "COLUMNS": "120", "NUMBA_DISABLE_JIT": "1"}  # compiling takes half a minute
    return subprocess.run([sys.executable, "-c", CONSOLE, *arguments], capture_output=True, text=True, cwd=folder, env=environment)


@pytest.mark.slow
def test_the_wheel_holds_every_config_recipe_verb_and_page(installed: Path) -> None:
    for folder, pattern in (("configs", "**/*.yaml"), ("exps", "**/*.yaml"), ("tools", "*.py")):
        there = {path.relative_to(ROOT / folder) for path in (ROOT / folder).glob(pattern)}
        assert there
        assert {path.relative_to(installed / "bytetrack" / folder) for path in (installed / "bytetrack" / folder).glob(pattern)} == there
    for path in (ROOT / "bytetrack").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".nbi", ".nbc"):
            assert (installed / "bytetrack" / path.relative_to(ROOT / "bytetrack")).is_file(), path


@pytest.mark.slow
def test_the_console_command_works_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    scenes = ["scenes.sequences=1", "scenes.length=24", "video=false", "trained=false"]
    help_page = bytetrack(installed, tmp_path, "track", "--help")
    assert help_page.returncode == 0
    assert "detect, track and score" in help_page.stdout
    nothing = bytetrack(installed, tmp_path, "nothing")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert nothing.stderr.startswith("error: no verb 'nothing'")
    run = bytetrack(installed, tmp_path, "quickstart", *scenes, "out=run")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "run" / "byte" / "scores.json").is_file()
    again = bytetrack(
        installed, tmp_path, "score", "dataset=motchallenge", "dataset.root=datasets/quickstart", "tracks=run/byte/tracks", "out=again"
    )
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "report.html").is_file()
