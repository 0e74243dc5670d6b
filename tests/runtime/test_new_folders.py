"""Folders for output: made at once, and taken away again if nothing came to lie there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bytetrack.runtime.new_folders import make_folder, taking_back_empty_folders


def test_empty_folders_go_with_the_error(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()

    def begin() -> None:
        make_folder(tmp_path / "there")
        make_folder(tmp_path / "runs" / "track" / "1")
        (make_folder(tmp_path / "full") / "a.txt").write_text("a")
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"), taking_back_empty_folders():
        begin()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "there"]


def test_without_an_error_they_stay(tmp_path: Path) -> None:
    with taking_back_empty_folders():
        assert make_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    with pytest.raises(ValueError, match="later"), taking_back_empty_folders():
        raise ValueError("later")
    assert (tmp_path / "a" / "b").is_dir()
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "a", exist_ok=False)
