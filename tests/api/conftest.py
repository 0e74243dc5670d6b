"""What the demo and the verbs are tested with serves here too."""

from __future__ import annotations

from tests.demo.conftest import assembled, run
from tests.tools.conftest import tiny

__all__ = ["assembled", "run", "tiny"]
