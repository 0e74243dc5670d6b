"""What Windows and macOS lack has another way, as far as it can be shown on Linux: the missing parts are taken away."""

from __future__ import annotations

import ast
import math
import multiprocessing
import os
import re
import signal
from pathlib import Path

import pytest

from bytetrack.runtime import atomic
from bytetrack.runtime.pool import cores, process_pool
from bytetrack.runtime.signals import ended_by_signals

ROOT = Path(__file__).resolve().parents[2]
POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
POSIX_NAMES = (
    r"\b(?:os\.(?:fork|getuid|geteuid|killpg|mkfifo|sched_\w+|setsid|statvfs|uname|wait\w*)"
    r"|signal\.(?:SIGALRM|SIGHUP|SIGKILL|SIGUSR\d|setitimer|pause))\b"
)
GUARDS = ("hasattr(", "AttributeError", 'os.name != "posix"')


def test_without_forkserver_workers_are_spawned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    with process_pool(1, preload=("math",)) as pool:
        assert pool._mp_context.get_start_method() == "spawn"
        assert pool.submit(math.factorial, 5).result(timeout=120) == 120


def test_without_a_timer_a_signal_still_ends_a_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("setitimer", "SIGALRM", "ITIMER_REAL"):
        monkeypatch.delattr(signal, name)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end, ended_by_signals():
        signal.raise_signal(signal.SIGTERM)
    assert end.value.code == 143
    with pytest.raises(KeyboardInterrupt), ended_by_signals():
        signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGTERM, before)


def test_without_an_affinity_all_cores_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    assert cores() == os.cpu_count()


def test_without_shared_memory_of_a_known_size_batches_are_made_ahead_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    host_memory = pytest.importorskip("bytetrack.training.host_memory")
    monkeypatch.delattr(os, "statvfs")
    assert math.isinf(host_memory.shared_memory())
    assert host_memory.prefetch_that_fits(2**30, workers=4, processes=2, free=host_memory.shared_memory()) == 4


def test_where_asking_for_a_process_would_end_it_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("os.kill(pid, 0) is Ctrl-C on Windows")

    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        windows.setattr(os, "kill", refuse)
        assert atomic._alive(os.getpid())


def test_nothing_that_only_posix_has_is_imported_or_used_unguarded() -> None:
    found = []
    for path in sorted([*(ROOT / "bytetrack").rglob("*.py"), *(ROOT / "tools").glob("*.py")]):
        text = path.read_text(encoding="utf-8")
        nodes = list(ast.walk(ast.parse(text)))
        imported = {alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        imported |= {(node.module or "").partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
        found += [f"{path}: {name}" for name in imported & POSIX_MODULES]
        for function in re.split(r"\n(?= {0,4}(?:async )?def |class )", text):
            used = re.search(POSIX_NAMES, re.sub(r'""".*?"""', "", function, flags=re.DOTALL))
            if used and not any(guard in function for guard in GUARDS):
                found.append(f"{path}: {used[0]}")
    assert found == []
