"""TrackEval's work frame by frame, as kernels over arrays: its preprocessing, CLEAR, Identity and HOTA.

Every sum that decides a match is taken in NumPy's order, so that ties fall as they fall there. Boxes of a frame are rows
`first[frame]` to `first[frame + 1]`. HOTA: Luiten et al., IJCV 2021. CLEAR: Bernardin and Stiefelhagen 2008. Identity: Ristani et
al. 2016.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.box_kernels import shared_area_of
from bytetrack.runtime.compilation import jit, jit_cached
from bytetrack.scoring.assignment import NONE, Solver, assign

__all__ = ["CLR_FN", "CLR_FP", "CLR_TP", "IDSW", "MOTP_SUM", "Boxes", "Truth", "Work", "count_pairs", "match_for_hota"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EPS = float(np.finfo(np.float64).eps)
HALF = 0.5
CONTINUED = 1000.0  # CLEAR's bonus for continuing the pair of the frame before
AREA = 4  # the column of boxes after their corners
CLR_TP, CLR_FP, CLR_FN, IDSW, MOTP_SUM = range(5)
UNROLLED, BLOCK, JOIN = 8, 128, -1  # NumPy's pairwise summation


class Truth(NamedTuple):
    """Ground truth boxes: corners and area (n, 5), frames' `first` rows, `identity` from 0 (NONE: not scored), `distractor`."""

    box: Floats
    first: Ints
    identity: Ints
    distractor: Ints


class Boxes(NamedTuple):
    """The result's boxes, likewise; `kept` is 0 for one that lies on a distractor."""

    box: Floats
    first: Ints
    identity: Ints
    kept: Ints


class Work(NamedTuple):
    """Scratch for one frame: rows of both sides, similarities and costs (flat), sums by column, and the assignment's arrays."""

    gt_rows: Ints
    rows: Ints
    similarity: Floats
    cost: Floats
    column_sum: Floats
    row_sum: Floats
    solver: Solver


@jit
def overlaps(truth: Truth, n: int, boxes: Boxes, m: int, work: Work) -> None:
    """Writes the IoU of `truth.box[gt_rows[:n]]` with `boxes.box[rows[:m]]` to `similarity`; boxes without area overlap nothing."""
    for i in range(n):
        box, area = truth.box[work.gt_rows[i]], truth.box[work.gt_rows[i], AREA]
        for j in range(m):
            other, found = work.rows[j], 0.0
            shared = shared_area_of(box, boxes.box[other])
            if shared > 0.0 and area > EPS and boxes.box[other, AREA] > EPS:
                found = shared / (area + boxes.box[other, AREA] - shared)
            work.similarity[i * m + j] = found


@jit
def forgive_distractors(truth: Truth, boxes: Boxes, frame: int, work: Work) -> None:
    """Clears `kept` of results that the best matching at IoU 0.5 with ground truth of every class puts on a distractor."""
    n, m, any_distractor = 0, 0, 0
    for row in range(truth.first[frame], truth.first[frame + 1]):
        work.gt_rows[n] = row
        any_distractor |= truth.distractor[row]
        n += 1
    for row in range(boxes.first[frame], boxes.first[frame + 1]):
        work.rows[m] = row
        boxes.kept[row] = 1
        m += 1
    if any_distractor == 0 or m == 0:
        return
    overlaps(truth, n, boxes, m, work)
    for e in range(n * m):
        work.cost[e] = -work.similarity[e] if work.similarity[e] >= HALF - EPS else 0.0
    assign(work.cost, n, m, work.solver)
    for i in range(n):
        j = work.solver.column_of[i]
        if j != NONE and truth.distractor[work.gt_rows[i]] == 1 and work.cost[i * m + j] < -EPS:
            boxes.kept[work.rows[j]] = 0


@jit
def list_scored(truth: Truth, boxes: Boxes, frame: int, work: Work) -> tuple[int, int]:
    """Lists the frame's boxes that count on both sides, with their similarities; returns how many they are."""
    n, m = 0, 0
    for row in range(truth.first[frame], truth.first[frame + 1]):
        if truth.identity[row] != NONE:
            work.gt_rows[n] = row
            n += 1
    for row in range(boxes.first[frame], boxes.first[frame + 1]):
        if boxes.kept[row] == 1:
            work.rows[m] = row
            m += 1
    overlaps(truth, n, boxes, m, work)
    return n, m


@jit
def block_sum(values: Floats, start: int, n: int, step: int) -> float:
    """Sums n values from `start`, `step` apart, in the order of NumPy's contiguous reductions; at most BLOCK of them."""
    if n < UNROLLED:
        total = 0.0
        for k in range(n):
            total += values[start + k * step]
        return total
    a, b, c, d = values[start], values[start + step], values[start + 2 * step], values[start + 3 * step]
    e, f, g, h = values[start + 4 * step], values[start + 5 * step], values[start + 6 * step], values[start + 7 * step]
    whole = n - n % UNROLLED
    for k in range(UNROLLED, whole, UNROLLED):
        at = start + k * step
        a, b, c, d = a + values[at], b + values[at + step], c + values[at + 2 * step], d + values[at + 3 * step]
        e, f, g, h = e + values[at + 4 * step], f + values[at + 5 * step], g + values[at + 6 * step], h + values[at + 7 * step]
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for k in range(whole, n):
        total += values[start + k * step]
    return float(total)


@jit
def pairwise_sum(values: Floats, start: int, n: int, step: int, sizes: Ints, sums: Floats) -> float:
    """Sums any number of values: both halves (the first a multiple of 8), and so on down to blocks.

    `sizes` and `sums` are scratch, a tenth of n long at least: what is still to be added. (Numba keeps no recursion on disk.)
    """
    if n <= BLOCK:
        return block_sum(values, start, n, step)
    n_sizes, n_sums, place = 1, 0, start
    sizes[0] = n
    while n_sizes > 0:
        n_sizes -= 1
        size = sizes[n_sizes]
        if size == JOIN:
            n_sums -= 1
            sums[n_sums - 1] += sums[n_sums]
        elif size <= BLOCK:
            sums[n_sums] = block_sum(values, place, size, step)
            n_sums += 1
            place += size * step
        else:
            half = size // 2
            half -= half % UNROLLED
            sizes[n_sizes], sizes[n_sizes + 1], sizes[n_sizes + 2] = JOIN, size - half, half
            n_sizes += 3
    return float(sums[0])


@jit
def sum_similarities(n: int, m: int, work: Work) -> None:
    """Sums the similarities by row and by column, in the order of `ndarray.sum`."""
    sizes, sums = work.solver.parent, work.solver.distance
    for i in range(n):
        work.row_sum[i] = pairwise_sum(work.similarity, i * m, m, 1, sizes, sums)
    if m == 1:
        work.column_sum[0] = pairwise_sum(work.similarity, 0, n, 1, sizes, sums)
        return
    for j in range(m):
        work.column_sum[j] = 0.0
    for i in range(n):
        for j in range(m):
            work.column_sum[j] += work.similarity[i * m + j]


@jit
def match_as_clear(
    truth: Truth,
    n: int,
    boxes: Boxes,
    m: int,
    last: Ints,
    before: Ints,
    now: Ints,
    matched: Ints,
    runs: Ints,
    partner: Ints,
    sums: Floats,
    work: Work,
) -> None:
    """Matches a frame as CLEAR does: continued pairs first, the largest summed IoU second.

    `partner` gets the result's row that a row of the ground truth is matched to. Per identity: `last` is the track it was matched to
    when last matched, `before` that of the frame before (rewritten, with `now` as scratch), `matched` counts its matched frames,
    `runs` how often it was found after being lost.
    """
    for i in range(n):
        continued = before[truth.identity[work.gt_rows[i]]]
        for j in range(m):
            e, bonus = i * m + j, 0.0
            if continued != NONE and boxes.identity[work.rows[j]] == continued:
                bonus = CONTINUED
            work.cost[e] = -(bonus + work.similarity[e]) if work.similarity[e] >= HALF - EPS else 0.0
    assign(work.cost, n, m, work.solver)
    for g in range(len(now)):
        now[g] = NONE
    n_matched, summed = 0, 0.0
    for i in range(n):
        j = work.solver.column_of[i]
        if j == NONE or work.cost[i * m + j] >= -EPS:
            continue
        g, t = truth.identity[work.gt_rows[i]], boxes.identity[work.rows[j]]
        sums[IDSW] += last[g] != NONE and last[g] != t
        runs[g] += before[g] == NONE
        matched[g] += 1
        last[g] = now[g] = t
        partner[work.gt_rows[i]] = work.rows[j]
        n_matched += 1
        summed += work.similarity[i * m + j]
    for g in range(len(now)):
        before[g] = now[g]
    sums[CLR_TP] += n_matched
    sums[CLR_FN] += n - n_matched
    sums[CLR_FP] += m - n_matched
    sums[MOTP_SUM] += summed


@jit_cached
def count_pairs(
    truth: Truth,
    boxes: Boxes,
    forgive: bool,
    alignment: Floats,
    together: Ints,
    gt_count: Ints,
    count: Ints,
    by_identity: Ints,
    partner: Ints,
    sums: Floats,
    work: Work,
) -> None:
    """Walks over all frames for the first time.

    Fills `boxes.kept`; `partner`, the result's row that CLEAR matches to a row of the ground truth (NONE: a miss); per pair of
    identities (gt, result) the summed Jaccard `alignment` of HOTA's first loop and how often they overlap by half (`together`); how
    many boxes every identity has (`gt_count`, `count`); CLEAR's `sums`; and `by_identity`, whose five rows are those of
    `match_as_clear`: last, before, now, matched, runs.
    """
    last, before, now, matched, runs = by_identity[0], by_identity[1], by_identity[2], by_identity[3], by_identity[4]
    for g in range(len(last)):
        last[g] = before[g] = NONE
        matched[g] = runs[g] = 0
    for row in range(len(partner)):
        partner[row] = NONE
    for frame in range(len(truth.first) - 1):
        for row in range(boxes.first[frame], boxes.first[frame + 1]):
            boxes.kept[row] = 1
        if forgive:
            forgive_distractors(truth, boxes, frame, work)
        n, m = list_scored(truth, boxes, frame, work)
        for j in range(m):
            count[boxes.identity[work.rows[j]]] += 1
        sum_similarities(n, m, work)
        for i in range(n):
            g = truth.identity[work.gt_rows[i]]
            gt_count[g] += 1
            for j in range(m):
                similarity = work.similarity[i * m + j]
                if similarity > 0.0:
                    t, union = boxes.identity[work.rows[j]], work.column_sum[j] + work.row_sum[i] - similarity
                    if union > EPS:
                        alignment[g, t] += similarity / union
                    together[g, t] += similarity >= HALF
        if n == 0 or m == 0:
            sums[CLR_FP] += m
            sums[CLR_FN] += n
        else:
            match_as_clear(truth, n, boxes, m, last, before, now, matched, runs, partner, sums, work)


@jit_cached
def match_for_hota(
    truth: Truth, boxes: Boxes, alignment: Floats, pair: Ints, alphas: Floats, counts: Floats, by_pair: Floats, work: Work
) -> None:
    """Walks over all frames again: matches each by `alignment` (gt, result) times similarity.

    `counts` (4, alphas) gets HOTA_TP, HOTA_FN, HOTA_FP and the summed similarity of the matched; `by_pair` how often the pair of
    identities numbered `pair[gt, result]` is matched, under the number of alphas the match is good for, less one.
    """
    n_alphas = len(alphas)
    local = work.column_sum
    for frame in range(len(truth.first) - 1):
        n, m = list_scored(truth, boxes, frame, work)
        for a in range(n_alphas):
            counts[1, a] += n
            counts[2, a] += m
            local[a] = 0.0
        if n == 0 or m == 0:
            continue
        for i in range(n):
            g = truth.identity[work.gt_rows[i]]
            for j in range(m):
                e = i * m + j
                work.cost[e] = -(alignment[g, boxes.identity[work.rows[j]]] * work.similarity[e])
        assign(work.cost, n, m, work.solver)
        for i in range(n):
            j = work.solver.column_of[i]
            if j == NONE:
                continue
            similarity, good_for = work.similarity[i * m + j], 0
            while good_for < n_alphas and similarity >= alphas[good_for] - EPS:
                counts[0, good_for] += 1
                counts[1, good_for] -= 1
                counts[2, good_for] -= 1
                local[good_for] += similarity
                good_for += 1
            if good_for > 0:
                by_pair[pair[truth.identity[work.gt_rows[i]], boxes.identity[work.rows[j]]], good_for - 1] += 1
        for a in range(n_alphas):
            counts[3, a] += local[a]
