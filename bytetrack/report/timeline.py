"""Packs the time line of one sequence as compact JSON: spans of frames, not boxes. `page.js` draws it."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

from bytetrack.report.analysis import SequenceMatch, Span
from bytetrack.report.switches import Switch
from bytetrack.structures import Sequence

__all__ = ["timeline"]

COLOURS = 6


def timeline(name: str, match: SequenceMatch, switches: list[Switch], gone: list[Switch], sequence: Sequence) -> dict[str, Any]:
    """Returns what the page draws of one sequence.

    `rows`: one `[identity, [start, length, id, start, length, id, ...]]` each, id -1 for missed; `colours`: id to colour number;
    `switches` and `gone` (those only the earlier run has): `[identity, frame, old id, new id, kind]`; `fp`, `miss`: per frame.
    """
    runs = match.runs()
    return {
        "name": name,
        "length": match.length,
        "offset": sequence.first_frame - 1,
        "rows": [[identity, [n for run in row for n in (run.start, run.length, run.pred_id)]] for identity, row in runs.items()],
        "colours": _colours(runs),
        "switches": [_plain(switch) for switch in switches],
        "gone": [_plain(switch) for switch in gone],
        "fp": match.false_positives.tolist(),
        "miss": match.misses.tolist(),
    }


def _plain(switch: Switch) -> list[int | str]:
    return [switch.gt_id, switch.frame, switch.old_id, switch.new_id, switch.kind]


def _colours(runs: dict[int, list[Span]]) -> dict[int, int]:
    """Chooses a colour for every id such that ids that follow each other in a row differ, and colours are used evenly."""
    neighbours: dict[int, set[int]] = defaultdict(set)
    order: dict[int, None] = {}
    for row in runs.values():
        ids = [run.pred_id for run in row if run.pred_id >= 0]
        order.update(dict.fromkeys(ids))
        for first, second in itertools.pairwise(ids):
            if first != second:
                neighbours[first].add(second)
                neighbours[second].add(first)
    chosen: dict[int, int] = {}
    used = [0] * COLOURS
    for track in order:
        taken = {chosen[n] for n in neighbours[track] if n in chosen}
        colour = min(range(COLOURS), key=lambda c: (c in taken, used[c], c))
        chosen[track] = colour
        used[colour] += 1
    return chosen
