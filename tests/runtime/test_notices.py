"""Warnings that are said once, and by the process that the user sees."""

from __future__ import annotations

import logging
import multiprocessing

import pytest

from bytetrack.runtime.notices import forget_notices, warn_once

log = logging.getLogger("bytetrack.test")


def test_a_warning_is_said_once_for_what_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    for path in ("a.txt", "a.txt", "b.txt"):
        warn_once(log, "%s: odd", path)
    assert [record.getMessage() for record in caplog.records] == ["a.txt: odd", "b.txt: odd"]
    for path in ("a/c.txt", "copy/c.txt"):
        warn_once(log, "%s: odd", path, about="c.txt")
    assert caplog.records[-1].getMessage() == "a/c.txt: odd"
    assert len(caplog.records) == 3
    forget_notices()
    warn_once(log, "%s: odd", "a.txt")
    assert len(caplog.records) == 4


def test_a_worker_leaves_to_its_parent_what_that_sees_too(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: object())
    warn_once(log, "seen by both", in_workers=False)
    warn_once(log, "seen here only")
    assert [record.getMessage() for record in caplog.records] == ["seen here only"]
