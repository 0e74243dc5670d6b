"""Candidate pairs and the assignment, against the full matrix, SciPy and lapjv."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import linear_sum_assignment

from bytetrack.boxes import iou
from bytetrack.tracking.core.association import Binned, Pairs, Solver, assign, bin_boxes, candidate_pairs

Floats = npt.NDArray[np.float64]


def solver(size: int) -> Solver:
    ints, floats = np.zeros((5, size), np.int64), np.zeros((3, size))
    return Solver(ints[0], ints[1], floats[0], floats[1], floats[2], ints[2], ints[3], ints[4])


def assigned(costs: Floats, limit: float) -> list[tuple[int, int]]:
    listed = costs < limit
    pairs = Pairs(np.concatenate([[0], np.cumsum(listed.sum(1))]), np.nonzero(listed)[1], costs[listed])
    work = solver(max(costs.shape) + 1)
    rows, columns = costs.shape
    assign(rows, columns, pairs, limit, work)
    found = [(i, int(j)) for i, j in enumerate(work.column_of[: len(costs)]) if j >= 0]
    assert all(work.row_of[j] == i for i, j in found)
    return found


def by_scipy(costs: Floats, limit: float) -> list[tuple[int, int]]:
    rows, columns = linear_sum_assignment(np.minimum(costs, limit))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if costs[i, j] < limit]


def random_costs(rng: np.random.Generator) -> Floats:
    costs = rng.random(rng.integers(1, 25, 2))
    costs[rng.random(costs.shape) < rng.choice([0.0, 0.5, 0.9])] = 1.0
    return costs


def test_an_assignment_worked_by_hand() -> None:
    # The first row would take column 0 (0.1) and leave 0.9 to the second: 1.0 together; the other way round it is 0.5.
    assert assigned(np.array([[0.1, 0.3], [0.2, 0.9]]), 1.0) == [(0, 1), (1, 0)]
    # With a limit of 0.25 the pair of 0.3 is no pair: one row stays alone, and the cheaper one is matched.
    assert assigned(np.array([[0.1, 0.3], [0.2, 0.9]]), 0.25) == [(0, 0)]


def test_a_row_stays_alone_where_that_is_cheaper_together() -> None:
    # Matching both rows costs 0.55 + 0.55; one of them at 0.1 and one alone 0.1 + 0.6.
    assert assigned(np.array([[0.1, 0.55], [0.55, 1.0]]), 0.6) == [(0, 0)]


def test_the_assignment_is_scipys_on_random_costs() -> None:
    rng = np.random.default_rng(0)
    for _ in range(2000):
        costs, limit = random_costs(rng), float(rng.choice([0.15, 0.5, 0.7, 0.9, 1.0]))
        assert assigned(costs, limit) == by_scipy(costs, limit)


def test_ties_change_who_but_not_how_much() -> None:
    rng = np.random.default_rng(1)
    for _ in range(2000):
        costs, limit = random_costs(rng).round(1), float(rng.choice([0.5, 0.7, 0.9]))
        sums = [sum(costs[i, j] - limit for i, j in pairs) for pairs in (assigned(costs, limit), by_scipy(costs, limit))]
        assert sums[0] == pytest.approx(sums[1])


def test_the_assignment_is_lapjvs_with_a_cost_limit() -> None:
    lap = pytest.importorskip("lap")
    rng = np.random.default_rng(2)
    for _ in range(1000):
        costs, limit = random_costs(rng), float(rng.choice([0.5, 0.7, 0.9]))
        _, columns, _ = lap.lapjv(costs, extend_cost=True, cost_limit=limit)
        assert assigned(costs, limit) == [(i, int(j)) for i, j in enumerate(columns) if j >= 0]


@pytest.mark.parametrize("border", [0.0, 1.0])
def test_the_candidate_pairs_are_those_of_the_full_matrix(border: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(500):
        corner = rng.uniform(0, 300, (40, 2))
        boxes = np.hstack([corner, corner + rng.choice([1.0, 20.0, 200.0], (40, 2)) * rng.uniform(0.5, 1, (40, 2))])
        class_id, limit = rng.integers(0, 2, 40), float(rng.choice([0.0, 0.15, 0.5, 0.9, 1.0]))
        rows, columns = np.arange(20), np.arange(20, 20 + int(rng.integers(0, 20)))
        binned = Binned(np.zeros((20, 6)), np.zeros(20, np.int64), np.zeros(20, np.int64), np.zeros(22, np.int64))
        bins = bin_boxes(boxes, class_id, columns, border, binned)
        pairs = Pairs(np.zeros(21, np.int64), np.zeros(401, np.int64), np.zeros(401))
        candidate_pairs(rows, boxes, class_id, binned, bins, limit, pairs)
        found = np.full((20, 40), np.inf)
        for i in range(20):
            listed = slice(pairs.first[i], pairs.first[i + 1])
            found[i, pairs.column[listed]] = pairs.cost[listed]
        costs = 1 - iou(boxes[rows], boxes, plus_one=border == 1.0)
        possible = (costs < limit) & (class_id[rows][:, None] == class_id) & np.isin(np.arange(40), columns)
        assert np.array_equal(np.isfinite(found), possible)
        assert found[possible] == pytest.approx(costs[possible])
