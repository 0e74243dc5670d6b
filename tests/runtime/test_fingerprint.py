"""Fingerprints change with content, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bytetrack.runtime.fingerprint import file_digest, fingerprint, public_settings


def test_the_order_of_settings_does_not_matter_but_every_value_does() -> None:
    assert fingerprint({"a": 1, "b": Path("x")}) == fingerprint({"b": "x", "a": 1})
    kinds = [fingerprint("a"), fingerprint("a", "b"), fingerprint("b", "a"), fingerprint(["a", "b"]), fingerprint(b"a"), fingerprint(None)]
    assert len(set(kinds)) == len(kinds)


def test_arrays_count_by_their_content() -> None:
    array = np.arange(4.0)
    assert fingerprint("boxes", array) == fingerprint("boxes", array.copy())
    assert fingerprint("boxes", array) != fingerprint("boxes", array + 1e-9)


def test_a_file_that_changes_has_another_digest(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"one")
    first = file_digest(path)
    path.write_bytes(b"three")
    assert file_digest(path) != first


def test_private_attributes_are_no_settings() -> None:
    class Owner:
        def __init__(self) -> None:
            self.score, self._memo = 0.5, object()

    assert public_settings(Owner()) == {"score": 0.5}
