"""Lists candidate pairs of tracks and detections, and finds the exact cheapest assignment among them.

Boxes of different people mostly do not touch, so a cost matrix would be almost all "impossible". Only pairs that overlap are
listed (the boxes of one side lie in bins by their left edge), and the assignment works on that list. In its language a track is a
row and a detection a column.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit, jit_cached

__all__ = ["Binned", "Pairs", "Solver", "assign", "bin_boxes", "candidate_pairs", "cheapest_columns"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NONE = -1
FAR = np.inf
LEFT, TOP, RIGHT, BOTTOM, AREA, WEIGHT = range(6)  # columns of Binned.table
SLACK = 1 + 1e-9  # for what rounding may take


class Binned(NamedTuple):
    """Boxes in the order of bins of their left edge: bin b holds places `first[b]` to `first[b + 1]`.

    `table` has left, top, right, bottom, area and weight of every place, `row` its own row, `class_id` its class.
    """

    table: Annotated[Floats, (6,)]
    row: Ints
    class_id: Ints
    first: Ints


class Bins(NamedTuple):
    """The grid of the bins: maps a left edge to its bin. `border` was added to every right and bottom edge."""

    n_places: int
    n_bins: int
    origin: float
    per_pixel: float
    widest: float
    border: float


class Pairs(NamedTuple):
    """The candidate pairs of row i are `first[i]` to `first[i + 1]`: their `column` and `cost`."""

    first: Ints
    column: Ints
    cost: Floats


class Solver(NamedTuple):
    """The result of `assign` (`column_of` a row, `row_of` a column, or NONE) and its scratch arrays: dual prices, a search tree."""

    column_of: Ints
    row_of: Ints
    row_price: Floats
    column_price: Floats
    distance: Floats
    parent: Ints
    settled: Ints
    reached: Ints


@jit
def bin_of(x: float, bins: Bins) -> int:
    """Returns the bin of left edge `x`; beyond the ends, the first or last."""
    return int(min(max((x - bins.origin) * bins.per_pixel, 0.0), bins.n_bins - 1.0))


@jit
def bin_boxes(boxes: Floats, class_id: Ints, rows: Ints, border: float, binned: Binned) -> Bins:
    """Sorts `boxes[rows]` (xyxy) into `binned` by counting, about one bin a box; every weight is 1.

    `border` 1.0 counts both border pixels of a box, the convention of the published code; 0.0 does not.
    """
    n, left, right, widest = len(rows), FAR, -FAR, 0.0
    for t in range(n):
        row = rows[t]
        left, right, widest = min(left, boxes[row, 0]), max(right, boxes[row, 0]), max(widest, boxes[row, 2] - boxes[row, 0])
    n_bins = max(n, 1)
    per_pixel = n_bins / (right - left) if right > left else 0.0
    bins = Bins(n, n_bins, left if n > 0 else 0.0, per_pixel, widest + border, border)
    table, first = binned.table, binned.first
    for b in range(n_bins + 1):
        first[b] = 0
    for t in range(n):
        first[bin_of(boxes[rows[t], 0], bins)] += 1
    for b in range(n_bins):
        first[b + 1] += first[b]
    for t in range(n - 1, -1, -1):
        row = rows[t]
        b = bin_of(boxes[row, 0], bins)
        first[b] -= 1
        place = first[b]
        table[place, LEFT], table[place, TOP] = boxes[row, 0], boxes[row, 1]
        table[place, RIGHT], table[place, BOTTOM] = boxes[row, 2] + border, boxes[row, 3] + border
        table[place, AREA] = (table[place, RIGHT] - table[place, LEFT]) * (table[place, BOTTOM] - table[place, TOP])
        table[place, WEIGHT] = 1.0
        binned.row[place] = row
        binned.class_id[place] = class_id[row]
    return bins


@jit
def shared_area(left: float, top: float, right: float, bottom: float, table: Floats, place: int) -> float:
    """Returns the area that a box shares with the one at `place`."""
    width = min(right, table[place, RIGHT]) - max(left, table[place, LEFT])
    height = min(bottom, table[place, BOTTOM]) - max(top, table[place, TOP])
    return float(max(width, 0.0) * max(height, 0.0))


@jit
def candidate_pairs(rows: Ints, boxes: Floats, class_id: Ints, binned: Binned, bins: Bins, limit: float, pairs: Pairs) -> None:
    """Lists in `pairs` which of `boxes[rows]` may be matched to which of the binned boxes.

    A pair has the same class and a cost `1 - IoU * weight` below `limit`. Weights lie in [0, 1], so its IoU is above `1 - limit`,
    and its left edges are so close that few bins need a look: their distance is at most `limit` times the width of the left
    box, and `limit / (1 - limit)` times that of the right one. `pairs` has room for every one.
    """
    n, n_pairs, least = len(rows), 0, 1.0 - limit
    within, back = limit * SLACK, limit / max(least, 1e-9) * SLACK
    table, first, column, cost = binned.table, binned.first, pairs.column, pairs.cost
    for i in range(n):
        pairs.first[i] = n_pairs
        row = rows[i]
        left, top, right, bottom = boxes[row, 0], boxes[row, 1], boxes[row, 2] + bins.border, boxes[row, 3] + bins.border
        width, area = right - left, (right - left) * (bottom - top)
        begin = first[bin_of(left - min(back * width, within * bins.widest), bins)]
        end = first[bin_of(left + within * width, bins) + 1]
        found = n_pairs
        for place in range(begin, end):  # without a branch: most places are no pairs, but no processor guesses which
            shared = shared_area(left, top, right, bottom, table, place)
            column[found] = place
            found += shared * table[place, WEIGHT] > least * (area + table[place, AREA] - shared)
        for e in range(n_pairs, found):
            place = column[e]
            if binned.class_id[place] == class_id[row]:
                shared = shared_area(left, top, right, bottom, table, place)
                column[n_pairs] = binned.row[place]
                cost[n_pairs] = 1.0 - shared / (area + table[place, AREA] - shared) * table[place, WEIGHT]
                n_pairs += 1
    pairs.first[n] = n_pairs


@jit
def assign(n_rows: int, n_columns: int, pairs: Pairs, limit: float, solver: Solver) -> None:
    """Finds the assignment of rows to columns with the smallest sum of costs, where leaving a row unmatched costs `limit`.

    Exact: shortest augmenting paths over the listed pairs (all of cost below `limit`) and one private "unmatched" column of cost
    `limit` for each row. The same pairs, ties aside, as `linear_sum_assignment(minimum(costs, limit))` without those that cost
    the limit, and as lapjv with that cost limit.
    """
    column_of, row_of, row_price, column_price = solver.column_of, solver.row_of, solver.row_price, solver.column_price
    for j in range(n_columns):
        row_of[j] = NONE
        column_price[j] = 0.0
        solver.distance[j] = FAR
        solver.settled[j] = 0
    for i in range(n_rows):
        column_of[i] = cheapest = NONE
        row_price[i] = limit
        for e in range(pairs.first[i], pairs.first[i + 1]):
            j = pairs.column[e]
            price = pairs.cost[e] - column_price[j]
            if price < row_price[i]:
                row_price[i] = price
                cheapest = j
        if cheapest == NONE:
            continue
        if row_of[cheapest] == NONE:
            row_of[cheapest] = i
            column_of[i] = cheapest
        else:
            augment(i, pairs, limit, solver)


@jit
def augment(start: int, pairs: Pairs, limit: float, solver: Solver) -> None:
    """Matches row `start` along the cheapest chain of re-matched rows, which ends in a free column or in a row left unmatched.

    Dijkstra over reduced costs (`cost - row_price - column_price`, never negative), then the usual update of the prices.
    """
    column_of, row_of, row_price, column_price = solver.column_of, solver.row_of, solver.row_price, solver.column_price
    distance, parent, settled, reached = solver.distance, solver.parent, solver.settled, solver.reached
    n_reached, row, so_far = 0, start, 0.0
    shortest_to_none, last_row = FAR, NONE
    while True:
        for e in range(pairs.first[row], pairs.first[row + 1]):
            j = pairs.column[e]
            through_row = so_far + pairs.cost[e] - row_price[row] - column_price[j]
            if settled[j] == 0 and through_row < distance[j]:
                if distance[j] == FAR:
                    reached[n_reached] = j
                    n_reached += 1
                distance[j] = through_row
                parent[j] = row
        to_none = so_far + limit - row_price[row]
        if to_none < shortest_to_none:
            shortest_to_none, last_row = to_none, row
        nearest, so_far = NONE, shortest_to_none
        for t in range(n_reached):
            j = reached[t]
            if settled[j] == 0 and distance[j] < so_far:
                nearest, so_far = j, distance[j]
        if nearest == NONE or row_of[nearest] == NONE:
            break
        settled[nearest] = 1
        row = row_of[nearest]

    row_price[start] += so_far
    for t in range(n_reached):
        j = reached[t]
        if settled[j] == 1:
            column_price[j] += distance[j] - so_far
            row_price[row_of[j]] += so_far - distance[j]
        distance[j] = FAR
        settled[j] = 0

    if nearest == NONE:  # last_row gives up its column, which starts the chain
        nearest = column_of[last_row]
        column_of[last_row] = NONE
    while nearest != NONE:
        row = parent[nearest]
        row_of[nearest] = row
        nearest, column_of[row] = column_of[row], nearest


@jit_cached
def assign_listed(n_rows: int, n_columns: int, first: Ints, column: Ints, cost: Floats, limit: float, ints: Ints, floats: Floats) -> None:
    """Calls `assign` from Python: the solver's arrays are the rows of `ints` (5, n) and `floats` (3, n), its answer is `ints[0]`."""
    assign(
        n_rows, n_columns, Pairs(first, column, cost), limit,
        Solver(ints[0], ints[1], floats[0], floats[1], floats[2], ints[2], ints[3], ints[4]),
    )  # fmt: skip


def cheapest_columns(costs: Floats, limit: float) -> Ints:
    """Returns the column of every row of a matrix of costs by the assignment of `assign`, NONE for a row left unmatched.

    >>> cheapest_columns(np.array([[0.1, 0.3], [0.2, 0.9]]), 1.0)  # 0.3 + 0.2, not 0.1 + 0.9
    array([1, 0])
    """
    listed = costs < limit
    first = np.concatenate([[0], np.cumsum(listed.sum(axis=1))])
    size = max(costs.shape)
    ints, floats = np.empty((5, size), np.int64), np.empty((3, size))
    n_rows, n_columns = costs.shape
    assign_listed(n_rows, n_columns, first, np.nonzero(listed)[1], costs[listed], float(limit), ints, floats)
    return ints[0, :n_rows]
