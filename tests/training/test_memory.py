"""Loading processes reuse the memory of images that they made before."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from bytetrack.runtime.memory import keep_freed_memory

PROGRAM = """
import resource, sys
import numpy as np
from bytetrack.runtime.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def images():
    for _ in range(20):
        parts = [np.full(6_000_000, 114, np.uint8) for _ in range(4)]
images()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
images()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode: str) -> int:
    return int(subprocess.run([sys.executable, "-c", PROGRAM, mode], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts Linux's page faults")
def test_freed_memory_is_used_again_without_asking_the_system() -> None:
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("the C library is not glibc")
    assert faults("kept") < 200 < faults("freed")


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    assert not keep_freed_memory()
