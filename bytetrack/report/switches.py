"""Id switches: where they are, of which kind, and how much of a trajectory each one spoils."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from bytetrack.report.analysis import SequenceMatch

__all__ = ["KINDS", "SAME_FRAMES", "Switch", "changes", "find_switches", "unpaired", "worst"]

SWAP_FRAMES = 30
SAME_FRAMES = 10
KINDS = {
    "swap": "two people exchange their ids",
    "handover": "the id moves between two people",
    "fresh": "the person continues under a new id",
}


@dataclass(frozen=True, slots=True)
class Switch:
    """Identity `gt_id` was `old_id` up to `last_frame` and is `new_id` from `frame` on.

    `before` and `after`: frames it spent under `old_id` until then, and under `new_id` until the next switch. `other_gt`: the
    identity with which an id was exchanged or from / to which it moved, -1 for none.
    """

    sequence: str
    gt_id: int
    frame: int
    last_frame: int
    old_id: int
    new_id: int
    before: int
    after: int
    kind: str = "fresh"
    other_gt: int = -1

    @property
    def gap(self) -> int:
        """Frames between the two ids in which the identity was missed or absent."""
        return self.frame - self.last_frame - 1

    @property
    def severity(self) -> int:
        """Frames of the shorter side, counted twice where two identities exchange ids."""
        return min(self.before, self.after) * (2 if self.kind == "swap" else 1)


def find_switches(match: SequenceMatch, sequence: str) -> list[Switch]:
    """Lists CLEAR's IDSW, ordered by frame: an identity matched to another id than when it was last matched."""
    plain: list[Switch] = []
    for identity, rows in match.identities():
        tracked = match.gt_pred[rows] >= 0
        frame, pred = match.gt_frame[rows][tracked], match.gt_pred[rows][tracked]
        cuts = np.flatnonzero(np.diff(pred)) + 1
        for cut, end in pairwise([*cuts.tolist(), len(pred)]):
            old, new = int(pred[cut - 1]), int(pred[cut])
            before = int(np.sum(pred[:cut] == old))
            plain.append(Switch(sequence, identity, int(frame[cut]), int(frame[cut - 1]), old, new, before, end - cut))
    return sorted((_classified(switch, plain, match) for switch in plain), key=lambda s: (s.frame, s.gt_id))


def _classified(switch: Switch, others: list[Switch], match: SequenceMatch) -> Switch:
    for other in others:
        exchanged = other.gt_id != switch.gt_id and (other.old_id, other.new_id) == (switch.new_id, switch.old_id)
        if exchanged and abs(other.frame - switch.frame) <= SWAP_FRAMES:
            return replace(switch, kind="swap", other_gt=other.gt_id)
    elsewhere = (match.gt_id != switch.gt_id) & (match.gt_pred >= 0)
    came = elsewhere & (match.gt_pred == switch.new_id) & (match.gt_frame < switch.frame)
    went = elsewhere & (match.gt_pred == switch.old_id) & (match.gt_frame > switch.last_frame)
    for rows, nearest in ((came, -1), (went, 0)):
        if rows.any():
            candidates = np.flatnonzero(rows)
            by_frame = candidates[np.argsort(match.gt_frame[candidates], kind="stable")]
            return replace(switch, kind="handover", other_gt=int(match.gt_id[by_frame[nearest]]))
    return switch


def worst(switches: list[Switch], count: int) -> list[Switch]:
    """Returns the `count` switches of greatest severity; of the two halves of an exchange only the first."""
    chosen: list[Switch] = []
    for switch in sorted(switches, key=lambda s: (-s.severity, s.sequence, s.frame, s.gt_id)):
        mirrored = any(
            s.kind == switch.kind == "swap" and (s.sequence, s.gt_id, s.old_id) == (switch.sequence, switch.other_gt, switch.new_id)
            for s in chosen
        )
        if not mirrored and len(chosen) < count:
            chosen.append(switch)
    return chosen


def unpaired(first: list[Switch], second: list[Switch]) -> tuple[list[Switch], list[Switch]]:
    """Returns the switches of each of two runs on one sequence that the other run does not have.

    Ids differ between runs, and the frame may by a few: the same person within `SAME_FRAMES` is the same switch, nearest pairs first.
    """
    near = [(abs(a.frame - b.frame), i, j) for i, a in enumerate(first) for j, b in enumerate(second) if a.gt_id == b.gt_id]
    paired_first: set[int] = set()
    paired_second: set[int] = set()
    for distance, i, j in sorted(near):
        if distance <= SAME_FRAMES and i not in paired_first and j not in paired_second:
            paired_first.add(i)
            paired_second.add(j)
    return [s for i, s in enumerate(first) if i not in paired_first], [s for j, s in enumerate(second) if j not in paired_second]


def changes(now: dict[str, list[Switch]], before: dict[str, list[Switch]]) -> tuple[list[dict[str, Any]], list[Switch], list[Switch]]:
    """Compares the switches of two runs on the sequences of `before`.

    Returns a row a sequence with how many are in both, new and gone; those that only `now` has; and those that only `before` has.
    """
    rows: list[dict[str, Any]] = []
    new: list[Switch] = []
    gone: list[Switch] = []
    for name in before:
        only_now, only_before = unpaired(now[name], before[name])
        new += only_now
        gone += only_before
        rows.append({"name": name, "both": len(now[name]) - len(only_now), "new": len(only_now), "gone": len(only_before)})
    return rows, new, gone
