"""The doctor's page: what is in order, what is broken, and a last line that says how much of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bytetrack.data.datasets import MotChallenge
from bytetrack.doctor import examine, show
from campaigns import good_files as good


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = {f"data/A/img1/{f:06d}.jpg": good.picture(".jpg", f) for f in range(1, good.FRAMES + 1)}
    files = {"data/A/seqinfo.ini": good.SEQINFO.encode(), "data/A/gt/gt.txt": good.ground_truth(), **images}
    good.write(tmp_path, {**files, "a.pth": good.checkpoint(), "a.mp4": good.film(".mp4")})
    return tmp_path


def test_files_in_order_are_called_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = list(examine(MotChallenge(folder / "data"), str(folder / "a.pth"), str(folder / "a.mp4")))
    about = {finding.heading: finding for finding in found}
    assert about["dataset"].detail == "6 images, 18 boxes, 0 errors"
    assert "1 class (person), bgr255, 64x64" in about["checkpoint"].detail
    assert about["video"].detail.startswith("96x64 as shown, 6 frames, 25 a second, h264")
    assert show(found) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("nothing broken; ")


def test_of_broken_ones_each_says_what_is_wrong_with_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "data/A/img1/000003.jpg").write_bytes(b"")
    (folder / "data/A/gt/gt.txt").write_bytes(good.ground_truth().replace(b",", b";", 1))
    for name in ("a.pth", "a.mp4"):
        (folder / name).write_bytes((folder / name).read_bytes()[:900])
    found = list(examine(MotChallenge(folder / "data"), str(folder / "a.pth"), str(folder / "a.mp4")))
    said = {finding.heading: finding.detail for finding in found if finding.state == "broken"}
    assert "once: " in said["dataset"]
    assert "truncated" in said["checkpoint"]
    assert "truncated" in said["video"]
    broken = show(found)
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{broken} broken (XX): ")
