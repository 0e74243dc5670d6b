"""Where the project's own files lie."""

from __future__ import annotations

from pathlib import Path

__all__ = ["home"]


def home() -> Path:
    """The folder that holds `configs/`, `exps/` and `tools/`: this package in a wheel, its parent in a checkout."""
    package = Path(__file__).resolve().parent.parent
    return package if (package / "configs").is_dir() else package.parent
