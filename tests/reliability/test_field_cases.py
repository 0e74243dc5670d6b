"""Small inputs that people really had, given to the commands that they would call; each program says PASS or FAIL last.

They lie outside the project, in the folder `BYTETRACK_CASES` (default `../shared/cases`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("BYTETRACK_CASES", ROOT.parent / "shared" / "cases"))
CASES = sorted(FOLDER.glob("[0-9]*.py"))


@pytest.mark.slow
@pytest.mark.skipif(not CASES, reason=f"no cases in {FOLDER}: set BYTETRACK_CASES")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_case_from_the_field_passes(case: Path, data_dir: Path) -> None:
    done = subprocess.run([sys.executable, str(case), str(ROOT), str(data_dir)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "PASS"
