"""The floors of docs/architecture.md, held by reading every import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bytetrack"
FLOOR = {
    **dict.fromkeys(
        ("structures", "boxes", "errors", "__init__", "score_scale", "listing", "runtime", "checks", "interfaces"),
        0,
    ),
    **dict.fromkeys(("timeline", "orientation", "names", "score_counts", "io", "showing"), 0),
    **dict.fromkeys(
        ("tracking", "appearance", "detection", "scoring", "data", "video", "counting", "adapters", "executors", "examples"), 1
    ),
    **dict.fromkeys(("pipeline", "training", "report", "refining", "tuning", "demo", "doctor", "quickstart"), 2),
    "examples": 1,
    **dict.fromkeys(("config", "__main__", "api"), 3),
}
FORBIDDEN = {"tracking": {"torch", "cv2", "torchvision"}, "scoring": {"torch", "cv2"}}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.update([node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)])
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    own = room(path)
    assert own in FLOOR, f"{path}: a room that docs/architecture.md does not know"
    if own == "__init__":  # the lazy exports name the rooms above; nothing is imported by importing the package
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "bytetrack" or len(parts) < 2 or parts[1] not in FLOOR:
            continue
        other = parts[1]
        assert FLOOR[other] < FLOOR[own] or other == own or (FLOOR[own] != 1 and FLOOR[other] <= FLOOR[own]), f"{path} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_top_floor_knows_hydra_and_tracking_knows_no_torch(path: Path) -> None:
    own = room(path)
    tops = {name.split(".")[0] for name in imports(path)}
    if own != "config":
        assert not tops & {"hydra", "omegaconf"}
    assert not tops & FORBIDDEN.get(own, set())


def test_importing_the_package_loads_neither_torch_nor_opencv_nor_hydra() -> None:
    probe = "import sys, bytetrack; from bytetrack import Detections; print(sorted({'torch', 'cv2', 'hydra', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_tracking_loads_neither_torch_nor_opencv_nor_hydra() -> None:
    probe = "import sys; from bytetrack import ByteTracker; ByteTracker(); print(sorted({'torch', 'cv2', 'hydra'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_every_verb_is_short() -> None:
    for path in sorted((ROOT / "tools").glob("*.py")):
        code = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and not line.strip().startswith("#")]
        assert len(code) <= 60, f"{path.name} has {len(code)} lines: logic belongs in a room"


def test_no_two_files_are_called_utils() -> None:
    assert not [path for path in modules() if path.stem in ("utils", "util", "helpers", "misc", "common")]
