"""Files appear whole or not at all; and workers end with the process that they work for."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bytetrack.runtime import atomic as module
from bytetrack.runtime.atomic import folder_beside, replace_text, replacing


def test_an_error_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    replace_text(path, "old")

    def half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_full_disk_is_said_with_the_name_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with pytest.raises(OSError, match=r"No space left on device: '.*new/a\.txt'") as caught, replacing(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(FileNotFoundError, match="another"), replacing(path):
        raise FileNotFoundError(errno.ENOENT, "no", "another")


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = [tmp_path / f".a.txt.{module.HOST}-{dead.pid}.tmp", tmp_path / f".b.{module.HOST}-{dead.pid}.tmp"]
    kept = [tmp_path / f".a.txt.{module.HOST}-{os.getppid()}.tmp", tmp_path / f".a.txt.{'0' * 8}-{dead.pid}.tmp", tmp_path / ".mine.tmp"]
    left[1].mkdir()
    for path in (left[0], left[1] / "x", *kept):
        path.write_text("half")
    with folder_beside(tmp_path / "c") as folder:
        (folder / "x").write_text("")
    assert sorted(tmp_path.iterdir()) == sorted(kept)


PARENT = """
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
import os
from bytetrack.runtime.pool import start_worker
if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, get_context("spawn"), start_worker)
    print(pool.submit(os.getpid).result(), flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="asks the system for processes by number")
def test_a_worker_ends_with_its_parent_however_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    parent = subprocess.Popen([sys.executable, str(tmp_path / "parent.py")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 20
    while module._alive(worker) and "Z" not in Path(f"/proc/{worker}/stat").read_text().split()[2:3]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
