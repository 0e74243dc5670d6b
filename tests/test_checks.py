"""Arguments out of range are named in one line: expected, got."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bytetrack.checks import check_choice, check_count, check_flag, check_real, check_reals, check_whole


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
