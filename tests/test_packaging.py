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
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, cwd=folder)
    return next(folder.glob("bytetrack_mot-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as pip would: a folder to put on the path."""
    site = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


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
    recipe = bytetrack(installed, tmp_path, "track", "experiment=mot17_ablation", "dataset.root=nowhere")
    assert recipe.stderr == "error: no folder 'nowhere/train': dataset.root must be the folder that holds train/\n"
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


TRACKING = """
import bytetrack, bytetrack.adapters, bytetrack.counting, bytetrack.io, sys
from bytetrack import ByteTracker, Detections
tracker = ByteTracker()
print(len(tracker.update(Detections([[10, 10, 50, 110]], [0.9]))), [name for name in ("torch", "cv2", "scipy") if name in sys.modules])
bytetrack.write_mot("a.txt", bytetrack.Trajectories.from_frames([tracker.update(Detections([[10, 10, 50, 110]], [0.9]))]))
print(bytetrack.read_mot("a.txt"))
uses = lambda: bytetrack.track("a.mp4"), lambda: bytetrack.evaluate("a"), lambda: bytetrack.draw(None, None), lambda: bytetrack.Scores
for use in uses:
    try:
        use()
    except ModuleNotFoundError as error:
        print(error)
"""


@pytest.mark.slow
def test_tracking_alone_needs_numpy_and_numba_and_everything_else_says_what_it_lacks(wheel: Path, tmp_path: Path) -> None:
    """docs/install.md, "Tracking only", in an empty environment."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "alone")], check=True)
    python = tmp_path / "alone" / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # pip, too, looks there
    if subprocess.run([*pip, "numpy", "numba"], capture_output=True, env=environment).returncode:
        pytest.skip("no package index can be reached")
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True, capture_output=True, env=environment)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(python), *words], capture_output=True, text=True, cwd=tmp_path, env=environment)

    tracked = run("-c", TRACKING)
    assert tracked.returncode == 0, tracked.stderr
    lines = tracked.stdout.splitlines()
    assert lines[:2] == ["1 []", "Trajectories(1 box of 1 identity in frames 1 to 1)"]
    assert len(lines) == 6
    assert all("which is not installed: pip install " in line for line in lines[2:])
    assert run("-m", "bytetrack", "--version").stdout.startswith("bytetrack ")
    for verb in ("track", "doctor", "demo"):
        for words in (["--help"], ["out=x"]):
            process = run("-m", "bytetrack", verb, *words)
            assert process.returncode == 1
            assert process.stderr.startswith(f"error: {verb} needs ")
            assert len(process.stderr.splitlines()) == 1
    size = sum(path.stat().st_size for path in (tmp_path / "alone").rglob("*") if path.is_file())
    assert size < 500e6
