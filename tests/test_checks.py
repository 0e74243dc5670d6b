"""Arguments out of range are named in one line: expected, got."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from bytetrack.checks import check_choice, check_count, check_fields, check_flag, check_positive, check_real, check_reals, check_whole


@dataclass
class Settings:
    count: int = 1
    rate: float | None = None
    ends: tuple[float, float] = (0.0, 1.0)
    names: Sequence[str] = ()


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda: check_real("a", True, 0, 1), "a must be a number in [0, 1]: got True"),
        (lambda: check_real("a", float("nan"), 0, 1), "a must be a number in [0, 1]: got nan"),
        (lambda: check_reals(0, 1, a=0.5, b=2), "b must be a number in [0, 1]: got 2"),
        (lambda: check_whole("a", 1.0, 1), "a must be a whole number from 1 up: got 1.0"),
        (lambda: check_whole("a", 9, 1, 8), "a must be a whole number from 1 to 8: got 9"),
        (lambda: check_flag("a", 1), "a must be true or false: got 1"),
        (lambda: check_choice("a", "z", ("x", "y")), "a must be one of x, y: got 'z'"),
        (lambda: check_count("a", 0, 1), "a must be at least 1: got 0"),
        (lambda: check_count("a", 0, 1, "all"), "a must be at least 1, or null for all: got 0"),
        (lambda: check_count("a", None, 1), "a must be at least 1: got None"),
        (lambda: check_positive("a", 0), "a must be a positive number: got 0"),
        (lambda: check_positive("a", "x"), "a must be a positive number: got 'x'"),
        (lambda: check_fields(Settings(count=True)), "count must be a whole number: got True"),
        (lambda: check_fields(Settings(rate="x")), "rate must be a number or null: got 'x'"),
        (lambda: check_fields(Settings(ends=(1,))), "ends must be a list (each: a number; 2 of them): got (1,)"),
        (lambda: check_fields(Settings(names="ab")), "names must be a list (each: text): got 'ab'"),
    ],
)
def test_a_value_out_of_range_is_named(check: Callable[[], None], message: str) -> None:
    with pytest.raises(ValueError, match="must be") as caught:
        check()
    assert str(caught.value) == message


def test_numpy_numbers_and_the_ends_of_ranges_are_taken() -> None:
    check_real("a", np.float32(1), 0, 1)
    check_whole("a", np.int64(8), 1, 8)
    check_count("a", None, 1, "all")


def test_lists_are_tuples_numpy_numbers_are_numbers_and_fields_not_to_be_checked_are_not() -> None:
    check_fields(Settings(count=np.int64(3), rate=2, ends=[0, np.float32(1)], names=["a"]))
    check_fields(Settings(count="x"), "count")
