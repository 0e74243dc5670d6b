"""Memory on a stream without end; benchmarks/endless.py has the whole hour."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from bytetrack.config import home

sys.path.insert(0, str(home()))

from benchmarks.endless import occupied


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="needs /proc to see what the process occupies")
def test_memory_does_not_grow_on_a_stream_without_end(tmp_path: Path) -> None:
    mib = np.array([value for _, value in occupied(4000, 20, tmp_path / "out")])
    assert len(mib) == 20
    assert np.median(mib[-6:]) - np.median(mib[7:13]) < 4.0  # an hour of growth at this rate would be 90 MiB
