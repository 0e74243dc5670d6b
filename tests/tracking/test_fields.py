"""Declared fields become named values and arrays inside flat blocks."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import as_python
from bytetrack.tracking.core.fields import record, table
from bytetrack.tracking.core.state import NoMemory

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Inner(NamedTuple):
    number: Ints


class Outer(NamedTuple):
    score: Floats
    corners: Annotated[Floats, (2, 3)]
    inner: Inner


class Settings(NamedTuple):
    share: float
    frames: int
    flag: bool


def test_a_record_has_the_declared_types() -> None:
    assert record(Settings)(np.array([0.5, 7.0, 1.0])) == Settings(0.5, 7, True)


def test_a_table_names_every_number_of_its_blocks_once() -> None:
    declared = table(Outer)
    assert (declared.n_floats, declared.n_ints) == (1 + 2 * 3, 1)
    named = as_python(declared.view)(np.arange(4 * 7.0), np.arange(4), 4)
    assert named.corners.shape == (4, 2, 3)
    assert [*named.score, *named.corners.ravel()] == list(range(4 * 7))
    assert named.inner.number.tolist() == [0, 1, 2, 3]


def test_a_cleared_row_is_zero_in_every_array_and_the_others_stay() -> None:
    declared = table(Outer)
    floats, ints = np.ones(3 * 7), np.ones(3, np.int64)
    named = as_python(declared.view)(floats, ints, 3)
    declared.clear(named, 1)
    for array in (named.score, named.corners, named.inner.number):
        assert not array[1].any()
        assert array[[0, 2]].all()


def test_nothing_is_cleared_where_nothing_is_declared() -> None:
    table(NoMemory).clear(NoMemory(), 0)
