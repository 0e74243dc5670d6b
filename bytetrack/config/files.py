"""Reads the project's own YAML files as they are, without composing them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["bases_of", "content_of", "target_of"]


@lru_cache
def content_of(path: Path) -> dict[str, Any]:
    """Returns the content of a YAML file."""
    import yaml  # type: ignore[import-untyped, unused-ignore]

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml: a verb reads some fifty files before it starts
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), loader) or {}
    return content


def target_of(path: Path) -> str:
    """Returns the `_target_` of a group's file, or of the one that it builds on."""
    content, bases = content_of(path), bases_of(path)
    if "_target_" in content:
        return str(content["_target_"])
    return target_of(bases[0]) if bases else ""


def bases_of(path: Path) -> list[Path]:
    """Returns the files of its group that a file builds on, in the order of its defaults list."""
    return [path.with_stem(base) for base in content_of(path).get("defaults", ()) if isinstance(base, str) and base != "_self_"]
