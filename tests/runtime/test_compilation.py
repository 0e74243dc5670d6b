"""Where compiled code is kept, and when it is renewed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bytetrack.runtime import compilation

PROGRAM = "from bytetrack.tracking.outer import twice; print(twice(10))"
OUTER = """from bytetrack.runtime.compilation import jit_cached
from bytetrack.tracking.inner import two


@jit_cached
def twice(x):
    return two() * x
"""
INNER = """from bytetrack.runtime.compilation import jit


@jit
def two():
    return {value}
"""

pytestmark = pytest.mark.skipif(not compilation.COMPILED, reason="needs Numba")


def package(tmp_path: Path) -> Path:
    room = tmp_path / "bytetrack" / "tracking"
    room.mkdir(parents=True)
    for name in ("__init__.py", compilation.SHARED.name):
        (tmp_path / "bytetrack" / name).touch()
    (room / "__init__.py").touch()
    shutil.copytree(Path(compilation.__file__).parent, tmp_path / "bytetrack" / "runtime", ignore=shutil.ignore_patterns("__pycache__"))
    (room / "outer.py").write_text(OUTER)
    (room / "inner.py").write_text(INNER.format(value=2))
    return room


def answer(tmp_path: Path, **environment: str) -> int:
    known = {**os.environ, "PYTHONPATH": str(tmp_path), "BYTETRACK_CACHE": str(tmp_path / "mine"), **environment}
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, env=known, capture_output=True, text=True, check=True)
    return int(done.stdout)


def kept(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.nbi"))


@pytest.mark.slow
def test_compiled_code_lies_beside_its_room_and_is_renewed_when_any_file_of_the_room_or_the_shared_kernels_change(tmp_path: Path) -> None:
    """Numba alone compares it with the file of the cached function, and would not notice a change of `inner.py`."""
    room = package(tmp_path)
    assert answer(tmp_path) == 20
    first = kept(room / "__pycache__")
    written = [path.stat().st_mtime_ns for path in first]
    assert len(first) == 1
    assert answer(tmp_path) == 20
    assert [path.stat().st_mtime_ns for path in kept(room / "__pycache__")] == written, "compiled again"
    (room / "inner.py").write_text(INNER.format(value=3))
    assert answer(tmp_path) == 30
    assert len(kept(room / "__pycache__")) == 2
    (tmp_path / "bytetrack" / compilation.SHARED.name).write_text("CHANGED = True\n")
    assert answer(tmp_path) == 30
    assert len(kept(room / "__pycache__")) == 3


@pytest.mark.slow
def test_a_chosen_folder_gets_the_code_and_a_folder_that_is_not_writable_is_passed_over(tmp_path: Path) -> None:
    room = package(tmp_path)
    assert answer(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "chosen")) == 20
    assert kept(tmp_path / "chosen")
    assert not kept(room)
    shutil.rmtree(room / "__pycache__", ignore_errors=True)
    (room / "__pycache__").write_text("no folder")
    assert answer(tmp_path) == 20
    assert kept(tmp_path / "mine")
    (tmp_path / "file").touch()
    assert answer(tmp_path, BYTETRACK_CACHE=str(tmp_path / "file")) == 20, "code that can be kept nowhere is compiled in every process"


def test_code_of_other_sources_is_deleted_beside_the_room_once_it_is_a_day_old(tmp_path: Path) -> None:
    room = tmp_path / "room"
    for name, age in (("numba-old", 2 * compilation.OLD), ("numba-new", 0.0), ("other", 2 * compilation.OLD)):
        (room / "__pycache__" / name).mkdir(parents=True)
        then = (room / "__pycache__" / name).stat().st_mtime - age
        os.utime(room / "__pycache__" / name, (then, then))
    (room / "a.py").touch()
    folder = compilation.code_folder(room / "a.py") if not os.environ.get("NUMBA_CACHE_DIR") else None
    if folder is not None:
        assert sorted(path.name for path in (room / "__pycache__").iterdir()) == sorted(["numba-new", "other", folder.name])


def test_the_setting_of_numba_is_as_it_was_after_compiling() -> None:
    numba: Any = pytest.importorskip("numba")
    before = numba.config.CACHE_DIR
    compilation.jit_cached(lambda x: x)
    assert before == numba.config.CACHE_DIR
