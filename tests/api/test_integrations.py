"""Examples for other programs, each with the real library where it is installed."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from bytetrack import Detections, Tracks
from bytetrack.api import TrackedFrame

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "docs" / "examples" / "integrations"


def python(tmp_path: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.slow
def test_rerun_has_each_frames_picture_boxes_and_trails_on_its_time_line(tmp_path: Path) -> None:
    pytest.importorskip("rerun", reason="Rerun is not installed: pip install rerun-sdk")
    assert python(tmp_path, str(FOLDER / "rerun_recording.py")).startswith("frame 60: 3 identities")
    python(tmp_path, "-m", "rerun", "rrd", "verify", "tracks.rrd")
    chunks = re.findall(
        r"with (\d+) rows .*? - /(video\S*) - .*", told := python(tmp_path, "-m", "rerun", "rrd", "print", "-v", "tracks.rrd")
    )
    rows = {name: sum(int(number) for number, entity in chunks if entity == name) for name in ("video", "video/tracks", "video/trails")}
    assert rows == {"video": 60, "video/tracks": 60, "video/trails": 60}
    for column in ("EncodedImage:blob", "Boxes2D:half_sizes", "Boxes2D:labels", "LineStrips2D:strips"):
        assert column in told


def test_supervision_annotates_with_our_ids(tmp_path: Path) -> None:
    pytest.importorskip("supervision", reason="supervision is not installed: pip install supervision")
    assert "identities [1, 2, 3]" in python(tmp_path, str(FOLDER / "supervision_annotators.py"))
    scene = cv2.imread(str(tmp_path / "annotated.png"))
    bare = list(runpy.run_path(str(FOLDER / "tracked.py"))["pictures"]())[-1]
    assert (scene != bare).any(2).mean() > 0.02


@pytest.mark.slow
def test_plots_and_a_table_are_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    told = python(tmp_path, str(FOLDER / "plots.py"))
    assert re.findall(r"^(\d) +1 +60 +60$", told, re.MULTILINE) == ["1", "2", "3"]
    rows = (tmp_path / "tracks.csv").read_text().splitlines()
    assert rows[0] == "frame_id,track_id,left,top,width,height,score"
    assert len(rows) == 181
    for name in ("paths.png", "crowd.png"):
        assert (cv2.imread(str(tmp_path / name)) < 200).any()


def frames() -> list[TrackedFrame]:
    image = np.zeros((100, 200, 3), np.uint8)
    tracks = Tracks(
        np.array([[20.0, 10, 60, 60], [100, 0, 200, 100]]), np.array([4, 7]), np.array([0.9, 0.5]), np.array([1, 0]), np.arange(2)
    )
    return [TrackedFrame(image, tracks, 0.04 * n, n + 1, Detections.empty(), ("car", "person")) for n in range(2)]


def check_sample(frame: Any) -> None:
    first, second = frame.tracks.detections
    assert (first.label, first.index, first.confidence) == ("person", 4, 0.9)
    assert first.bounding_box == pytest.approx([0.1, 0.1, 0.2, 0.5])
    assert (second.label, second.index) == ("car", 7)


def test_fiftyones_samples_have_frame_level_detections_with_an_index(tmp_path: Path) -> None:
    pytest.importorskip("fiftyone", reason="FiftyOne is not installed: pip install fiftyone, in an environment of its own")
    sample_of = runpy.run_path(str(FOLDER / "fiftyone_dataset.py"))["sample_of"]
    sample = sample_of(tmp_path / "street.mp4", frames())
    assert sample.media_type == "video"
    assert sorted(sample.frames) == [1, 2]
    check_sample(sample.frames[2])


def test_the_fiftyone_example_uses_names_and_fractions_as_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in: Any = SimpleNamespace(
        Sample=lambda filepath: SimpleNamespace(filepath=filepath, frames={}),
        Frame=SimpleNamespace,
        Detections=SimpleNamespace,
        Detection=SimpleNamespace,
    )
    monkeypatch.setitem(sys.modules, "fiftyone", stand_in)
    sample = runpy.run_path(str(FOLDER / "fiftyone_dataset.py"))["sample_of"]("street.mp4", frames())
    check_sample(sample.frames[1])


def test_examples_are_short_and_on_the_page() -> None:
    page = (ROOT / "docs" / "integrations.md").read_text()
    for path in sorted(FOLDER.glob("*.py")):
        assert len(path.read_text().splitlines()) <= 50
        assert f'"docs/examples/integrations/{path.name}"' in page
