"""Verbs killed at a few random instants; `kills.py` sends hundreds."""

from __future__ import annotations

import pytest

from campaigns import kills


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), [("train", "KILL"), ("track", "KILL"), ("tune", "KILL"), ("convert", "TERM")])
def test_a_struck_verb_leaves_whole_files_and_then_ends_as_an_uninterrupted_one(name: str, kind: str) -> None:
    board = kills.campaign(name, kind, signals=3, seed=1)
    assert board.failures == []
    assert board.struck == 3
