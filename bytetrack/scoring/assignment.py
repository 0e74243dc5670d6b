"""The rectangular assignment problem as scipy solves it, ties included, for kernels.

TrackEval matches every frame with `scipy.optimize.linear_sum_assignment`. Where several assignments have the same total, the one
that scipy picks decides scores (who switches, which box is forgiven), so equal scores need its picks, not only its totals: the
algorithm is the one it names (D. F. Crouse, On implementing 2D rectangular assignment algorithms, IEEE Trans. AES 52, 2016:
shortest augmenting paths row by row), with its order of columns and operations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit

__all__ = ["NONE", "Solver", "assign", "solver"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NONE = -1


class Solver(NamedTuple):
    """`column_of` a row and `row_of` a column (NONE if there is none) are what `assign` finds; the rest it works with."""

    column_of: Ints
    row_of: Ints
    row_price: Floats
    column_price: Floats
    distance: Floats
    parent: Ints
    open_columns: Ints
    row_seen: Ints
    column_seen: Ints


def solver(capacity: int) -> Solver:
    """Allocates arrays for `capacity` rows and columns."""
    ints, floats = np.empty((6, capacity), np.int64), np.empty((3, capacity))
    return Solver(ints[0], ints[1], floats[0], floats[1], floats[2], ints[2], ints[3], ints[4], ints[5])


@jit
def assign(cost: Floats, n_rows: int, n_columns: int, work: Solver) -> None:
    """Finds the assignment of least total cost; `cost` holds rows one after the other, (n_rows * n_columns,).

    Every row (or, of more rows than columns, every column) is matched; scipy's tie rules hold.
    """
    if n_rows <= n_columns:
        augment_all(cost, n_rows, n_columns, n_columns, 1, work.column_of, work.row_of, work)
    else:  # the same with the sides exchanged
        augment_all(cost, n_columns, n_rows, 1, n_columns, work.row_of, work.column_of, work)


@jit
def augment_all(
    cost: Floats, n_rows: int, n_columns: int, row_step: int, column_step: int, column_of: Ints, row_of: Ints, work: Solver
) -> None:
    """Matches one row after the other; element (i, j) of the cost is `cost[i * row_step + j * column_step]`."""
    row_price, column_price, distance = work.row_price, work.column_price, work.distance
    for i in range(n_rows):
        column_of[i], row_price[i] = NONE, 0.0
    for j in range(n_columns):
        row_of[j], column_price[j] = NONE, 0.0
    for start in range(n_rows):
        sink, length = shortest_path(cost, start, n_rows, n_columns, row_step, column_step, row_of, work)
        row_price[start] += length
        for i in range(n_rows):
            if work.row_seen[i] == 1 and i != start:
                row_price[i] += length - distance[column_of[i]]
        for j in range(n_columns):
            if work.column_seen[j] == 1:
                column_price[j] -= length - distance[j]
        row, column = NONE, sink
        while row != start:
            row = work.parent[column]
            row_of[column] = row
            column, column_of[row] = column_of[row], column


@jit
def shortest_path(
    cost: Floats, start: int, n_rows: int, n_columns: int, row_step: int, column_step: int, row_of: Ints, work: Solver
) -> tuple[int, float]:
    """Returns the free column that ends the shortest augmenting path from row `start`, and the path's length.

    Open columns are looked at from the last to the first at the start, and of equally near ones a free one wins.
    """
    distance, open_columns = work.distance, work.open_columns
    for k in range(n_columns):
        open_columns[k], distance[k], work.column_seen[k] = n_columns - 1 - k, np.inf, 0
    for i in range(n_rows):
        work.row_seen[i] = 0
    row, length, n_open = start, 0.0, n_columns
    while True:
        work.row_seen[row] = 1
        nearest, lowest = NONE, np.inf
        price, place = work.row_price[row], row * row_step
        for k in range(n_open):
            j = open_columns[k]
            through_row = length + cost[place + j * column_step] - price - work.column_price[j]
            if through_row < distance[j]:
                distance[j], work.parent[j] = through_row, row
            if distance[j] < lowest or (distance[j] == lowest and row_of[j] == NONE):
                nearest, lowest = k, distance[j]
        length, column = lowest, open_columns[nearest]
        work.column_seen[column] = 1
        n_open -= 1
        open_columns[nearest] = open_columns[n_open]
        if row_of[column] == NONE:
            return column, length
        row = row_of[column]
