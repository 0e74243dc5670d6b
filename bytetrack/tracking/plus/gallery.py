"""Remembers what those looked like who left, and says who of them has come back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.structures import Tracks

__all__ = ["Gallery", "Living", "rename"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST = 1000  # tracks that are remembered; beyond, those that left first are forgotten
FEWEST_FEATURES = 5  # detections whose features a track must have had to be remembered


class Living(NamedTuple):
    """The tracks that a tracker has at one time: identities, classes, when last seen, detections with features, their mean (n, d)."""

    track_id: Ints
    class_id: Ints
    last_time: Floats
    n_features: Ints
    feature: Floats


class Gone(NamedTuple):
    """The memory of a track that left."""

    class_id: int
    last_time: float
    feature: Floats


class Gallery:
    """The tracks that left in the last `frames` frames of time, by identity; at most `MOST` of them.

    Args:
        frames: How long each is remembered after it was last seen.
        least: Who comes back must look at least so much like himself, from 0 as strangers to 1 as from one frame to the next.
        margin: And by so much more like that than like anybody else, who left or is there.
    """

    def __init__(self, frames: float, least: float, margin: float) -> None:
        self.frames, self.least, self.margin = frames, least, margin
        self._gone: dict[int, Gone] = {}

    def __len__(self) -> int:
        return len(self._gone)

    def remember(self, before: Living, after: Living, now: float) -> None:
        """Remembers the tracks that were there and are no longer, and forgets those that left too long ago."""
        left = ~np.isin(before.track_id, after.track_id) & (before.n_features >= FEWEST_FEATURES)
        for i in np.flatnonzero(left).tolist():
            gone = Gone(int(before.class_id[i]), float(before.last_time[i]), before.feature[i].copy())
            self._gone[int(before.track_id[i])] = gone
        self._gone = {name: gone for name, gone in self._gone.items() if now - gone.last_time <= self.frames}
        for name in list(self._gone)[: max(len(self._gone) - MOST, 0)]:
            del self._gone[name]

    def recognise(self, living: Living, new: npt.NDArray[np.bool_], strangers: float, oneself: float) -> dict[int, int]:
        """Returns the old identities of those of the `new` tracks (n,) that have come back, by their new ones; they are gone no longer.

        Likeness is counted from 0 at the cosine of `strangers` to 1 at that of `oneself`. The pair most alike is decided first.
        """
        seen = living.n_features > 0
        candidates, others, names = np.flatnonzero(new & seen), np.flatnonzero(~new & seen), list(self._gone)
        if not len(candidates) or not names:
            return {}
        gone = np.stack([self._gone[name].feature for name in names])
        classes = np.array([self._gone[name].class_id for name in names])

        def likeness(features: Floats, of_class: Ints) -> Floats:
            same = living.class_id[candidates][:, None] == of_class
            alike = (living.feature[candidates] @ features.T - strangers) / (oneself - strangers)
            return np.where(same, alike, -np.inf)

        alike = likeness(gone, classes)
        anybody = likeness(living.feature[others], living.class_id[others]).max(axis=1, initial=-np.inf)
        found: dict[int, int] = {}
        for place in np.argsort(-alike, axis=None, kind="stable").tolist():
            row, column = divmod(place, len(names))
            if alike[row, column] < self.least:
                break
            rivals = np.concatenate([np.delete(alike[row], column), np.delete(alike[:, column], row), anybody[row : row + 1]])
            if alike[row, column] - rivals.max() >= self.margin:
                found[int(living.track_id[candidates[row]])] = names[column]
        for name in found.values():
            del self._gone[name]
        return found


def rename(tracks: Tracks, names: dict[int, int], order: Ints, track_id: Ints) -> Tracks:
    """Returns a frame's tracks under their old identities, by `names` of new ones; in order of identities, which is `order`'s, too.

    `order` are the rows of the living tracks (n,) and `track_id` the identities by row: both are written.
    """
    shown, own = tracks.track_id.copy(), track_id[order]
    for new, old in names.items():
        track_id[order[own == new]] = old
        shown[tracks.track_id == new] = old
    order[:] = order[np.argsort(track_id[order])]
    places = np.argsort(shown)
    class_id = None if tracks.class_id is None else tracks.class_id[places]
    return Tracks(tracks.xyxy[places], shown[places], tracks.score[places], class_id, tracks.detection_index[places])
