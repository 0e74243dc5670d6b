"""What a verb says when it cannot do what was asked."""

from __future__ import annotations

import subprocess


def failed(process: subprocess.CompletedProcess[str]) -> str:
    """The one line with which a verb ends when it cannot do what was asked."""
    assert process.returncode == 1, process.stdout + process.stderr
    lines = [line for line in process.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, process.stderr
    assert lines[0].startswith("error: ")
    assert "Traceback" not in process.stderr
    return lines[0].removeprefix("error: ")
