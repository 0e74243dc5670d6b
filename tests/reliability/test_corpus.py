"""The corpus of broken files: a sample always, all of it behind the slow marker; and a sample of it through the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from campaigns import commands, corpus


def test_a_sample_of_broken_files_is_read_or_refused_in_one_line_that_names_the_file() -> None:
    board = corpus.run(fraction=0.006)
    assert len(board.outcomes) > 40
    assert board.failures == []


def test_a_kind_that_there_is_not_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["corpus.py", "--only", "nothing of the sort"])
    with pytest.raises(SystemExit) as ended:
        corpus.main()
    assert ended.value.code
    assert capsys.readouterr().err.splitlines()[-1].startswith("corpus.py: error: --only: no kind's name has 'nothing of the sort' in it")


@pytest.mark.slow
@pytest.mark.parametrize("share", ["1/2", "2/2"])
def test_every_broken_file_is_read_or_refused_in_one_line_that_names_the_file(share: str) -> None:
    process = subprocess.run([sys.executable, corpus.__file__, "--share", share], capture_output=True, text=True)
    assert process.returncode == 0, process.stdout
    assert int(process.stdout.split("\nall")[1].split()[0]) >= 3500


@pytest.mark.slow
def test_verbs_say_one_line_and_exit_1_for_broken_files(tmp_path: Path) -> None:
    outcomes = commands.run(tmp_path, 60)
    assert len(outcomes) >= 60
    assert [outcome for outcome in outcomes if outcome.verdict not in ("read", "refused")] == []
