"""Folders as people see them."""

from __future__ import annotations

from pathlib import Path

from bytetrack.listing import files_below, listed

LITTER = ("._1.jpg", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.jpg")


def test_what_systems_leave_is_passed_over_and_numbers_count(tmp_path: Path) -> None:
    for name in ("10.jpg", "2.JPG", "1.jpg", "notes.txt", *LITTER):
        (tmp_path / name).touch()
    assert [path.name for path in listed(tmp_path, (".jpg",))] == ["1.jpg", "2.JPG", "10.jpg"]
    assert [path.name for path in listed(tmp_path)] == ["1.jpg", "2.JPG", "10.jpg", "notes.txt"]


def test_no_folder_of_a_system_is_entered(tmp_path: Path) -> None:
    for folder in ("b10", "b2", "__MACOSX", ".Trash", "@eaDir"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").touch()
    assert [path.parent.name for path in files_below(tmp_path, (".png",))] == ["b2", "b10"]
