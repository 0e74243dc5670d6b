"""No looks at all."""

from __future__ import annotations

__all__ = ["NoEmbedder"]


class NoEmbedder:
    """Trackers are given no features."""
