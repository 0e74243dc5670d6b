"""The floors of docs/architecture.md, held by reading every import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bytetrack"
PAGE = ROOT / "docs" / "architecture.md"
ROWS = re.findall(r"^\| (\d) \| `(\w+)(?:/|\.py)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
FLOOR = {name: int(floor) for floor, name in ROWS}
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


def dependencies(path: Path, names: set[str]) -> set[str]:
    """Modules of `names` that a file imports: `from package import name` is `package.name` if that is one, else `package`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(name if name in names else str(node.module) for name in inner)
    return found & names


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    own = room(path)
    if own == "__init__":  # the lazy exports name the rooms above; nothing is imported by importing the package
        return
    assert own in FLOOR, f"{path}: a room that docs/architecture.md does not know"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "bytetrack" and len(parts) > 1 and parts[1] in FLOOR and parts[1] != own:
            assert FLOOR[parts[1]] < FLOOR[own], f"{path} (floor {FLOOR[own]}) imports {name} (floor {FLOOR[parts[1]]})"


def test_the_page_names_every_room_and_no_other() -> None:
    assert set(FLOOR) == {room(path) for path in modules()} - {"__init__"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Lazy imports and those for type checkers count: a circle of ideas is one, whenever it is run."""
    names = {module_name(path) for path in modules()} - {"bytetrack"}
    graph = {module_name(path): dependencies(path, names) - {module_name(path)} for path in modules() if room(path) != "__init__"}
    TopologicalSorter(graph).prepare()  # a CycleError names the modules


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


def test_a_function_s_docstring_begins_with_what_it_does() -> None:
    """A verb in the third person, such as "Removes …". Properties are named by a noun."""
    found = []
    for path in sorted((ROOT / "bytetrack").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef) or any("property" in ast.unparse(decorator) for decorator in node.decorator_list):
                continue
            first = (ast.get_docstring(node) or "See").split()[0].strip(".,:;")
            if first not in ("See", "As") and (not re.fullmatch("[A-Z][a-z]+s", first) or first in ("This", "Boxes", "Frames")):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {first}")
    assert found == []
