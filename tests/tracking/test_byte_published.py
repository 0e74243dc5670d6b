"""BYTE against what the published code gave on real detections and on generated scenes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bytetrack import ByteTracker
from tests.tracking.tracked_scenes import SEQUENCES, half_val, published_rows, result_rows, scene_rows

HERE = Path(__file__).parent
RUNS = {"byte_paper": {}, "byte_paper_mot20_match07": {"fuse_score": False, "match_cost": 0.7}}


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("run", RUNS)
def test_half_val_is_tracked_as_published(data_dir: Path, run: str, sequence: str) -> None:
    frames, frame_rate = half_val(data_dir, sequence)
    found = result_rows(ByteTracker(frame_rate=frame_rate, **RUNS[run]), frames)
    assert found == published_rows(data_dir / "expected" / "tracks" / run / f"{sequence}.txt")


@pytest.mark.parametrize(("scene", "expected"), [("s10_500", "s10_500"), ("s50_500", "s50_500"), ("s200_500", "s200_first300")])
def test_scenes_are_tracked_as_published(data_dir: Path, scene: str, expected: str) -> None:
    given, published = np.load(data_dir / "scenes" / f"{scene}.npz"), np.load(data_dir / "scenes" / f"expected_{expected}.npz")
    found = scene_rows(ByteTracker(), given, int(published["f"].max()) + 1)
    order = np.lexsort((published["i"], published["f"]))
    assert np.array_equal(found[:, :2], np.column_stack([published["f"], published["i"]])[order])
    assert np.abs(found[:, 2:] - published["b"][order]).max() < 1e-6


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_the_clean_version_gives_its_golden_tracks(data_dir: Path, sequence: str) -> None:
    """Rows, identities and a digest of the result text, written by `python -m tests.tracking.test_byte_published`."""
    assert _summary(data_dir, sequence) == json.loads((HERE / "golden_clean.json").read_text())[sequence]


def test_without_numba_plain_python_gives_the_same_tracks(data_dir: Path) -> None:
    program = f"""
import sys
sys.modules["numba"] = None
sys.path.insert(0, {str(HERE.parents[1])!r})
from pathlib import Path
import numpy as np
from tests.tracking.tracked_scenes import half_val, published_rows, result_rows, scene_rows
from bytetrack import ByteTracker
from bytetrack.runtime import compilation
from bytetrack.tracking import warm_up
assert not compilation.COMPILED and warm_up() == 0.0
data = Path({str(data_dir)!r})
frames, frame_rate = half_val(data, "MOT17-09-FRCNN")
assert result_rows(ByteTracker(frame_rate=frame_rate), frames) == published_rows(data / "expected/tracks/byte_paper/MOT17-09-FRCNN.txt")
given, published = np.load(data / "scenes/s10_500.npz"), np.load(data / "scenes/expected_s10_500.npz")
found = scene_rows(ByteTracker(), given, 500)
order = np.lexsort((published["i"], published["f"]))
assert np.array_equal(found[:, :2], np.column_stack([published["f"], published["i"]])[order])
assert np.abs(found[:, 2:] - published["b"][order]).max() < 1e-6
"""
    subprocess.run([sys.executable, "-W", "error::RuntimeWarning", "-c", program], check=True)


def _summary(data_dir: Path, sequence: str) -> dict[str, object]:
    frames, frame_rate = half_val(data_dir, sequence)
    rows = result_rows(ByteTracker(frame_rate=frame_rate, paper_exact=False), frames)
    text = "".join(f"{frame_id},{track_id},{box}\n" for frame_id, track_id, box in rows)
    return {"rows": len(rows), "ids": len({row[1] for row in rows}), "sha256": hashlib.sha256(text.encode()).hexdigest()}


if __name__ == "__main__":
    folder = Path(os.environ.get("BYTETRACK_DATA", HERE.parents[2] / "shared" / "data"))
    golden = {sequence: _summary(folder, sequence) for sequence in SEQUENCES}
    (HERE / "golden_clean.json").write_text(json.dumps(golden, indent=1) + "\n")
