"""The user's folder for what can be made or downloaded again."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["user_cache_folder"]


def user_cache_folder() -> Path:
    """Returns the environment variable BYTETRACK_CACHE, else `~/.cache/bytetrack`."""
    return Path(os.environ.get("BYTETRACK_CACHE") or Path.home() / ".cache" / "bytetrack")
