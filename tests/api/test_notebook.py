"""The notebook runs from its first cell to its last, and shows what it promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def kinds(cell: Any) -> set[str]:
    return {kind for output in cell.get("outputs", []) for kind in output.get("data", {})}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="notebooks need nbformat: pip install '.[dev]'")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not [cell.id for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]


@pytest.mark.slow
def test_the_notebook_goes_from_a_video_to_scores_and_plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="notebooks need nbformat: pip install '.[dev]'")
    nbclient = pytest.importorskip("nbclient", reason="notebooks need nbclient: pip install '.[dev]'")
    pytest.importorskip("ipykernel", reason="notebooks need a kernel: pip install '.[dev]'")
    monkeypatch.setenv("NOTEBOOK_FOLDER", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    notebook = nbformat.read(ROOT / "docs" / "notebooks" / "first_steps.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [kinds(cell) for cell in notebook.cells if cell.cell_type == "code"]
    assert sum("image/jpeg" in kind for kind in shown) == 1  # the frame
    assert sum("image/png" in kind for kind in shown) == 2  # the plots
    assert sum("text/html" in kind for kind in shown) == 4  # tracks, a table, scores, a table
    assert (tmp_path / "byte_plus" / "STREET-01.txt").stat().st_size > 1000
