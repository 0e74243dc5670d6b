"""A detector's class numbers and the dataset's are two lists: where both have names, the names say which number is which."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from bytetrack.detection.classes import choose, named
from bytetrack.interfaces import Detector, classes_of
from bytetrack.names import first_unnamed, shortened
from bytetrack.scoring.classes import rules_for
from bytetrack.structures import Sequence, SequenceDetections

__all__ = ["ClassMatch", "class_match_for"]

log = logging.getLogger(__name__)
LEFT_OUT = -1
PEOPLE = {"person": "pedestrian", "pedestrian": "person"}
PEDESTRIANS = {"mot17": {"pedestrian": 1}, "mot20": {"pedestrian": 1}}  # what protocols score whose datasets name no class
MOST_SHOWN = 12


@dataclass(frozen=True)
class ClassMatch:
    """`names` of a detector's classes, by its numbers, and the dataset's `numbers` for them; LEFT_OUT for those it does not score."""

    names: tuple[str, ...]
    numbers: tuple[int, ...]

    def renumbered(self, sequence: str, detections: SequenceDetections) -> SequenceDetections:
        """Renumbers detections by the dataset's classes; those of classes that it does not score are left out, and a warning counts them.

        Boxes without a class are of the only one if there is one name, else they stay as they are. ValueError for a number without
        a name.
        """
        class_id = detections.class_id
        if class_id is None:
            if len(self.names) > 1:
                return detections
            class_id = np.zeros(len(detections.score), np.int64)
        wrong = first_unnamed(np.unique(class_id), self.names)
        if wrong is not None:
            raise ValueError(f"{sequence}: the detections have class {wrong}, and the detector's class_names are {_shown(self.names)}")
        numbers = np.array(self.numbers, np.int64)[class_id]
        rows = np.flatnonzero(numbers != LEFT_OUT)
        if len(rows) < len(numbers):
            kinds, counts = np.unique(class_id[numbers == LEFT_OUT], return_counts=True)
            shown = _shown([f"{self.names[kind]} {count}" for kind, count in zip(kinds, counts, strict=True)])
            log.warning("%s: boxes of classes that the dataset does not score are dropped: %s", sequence, shown)
        offsets = np.searchsorted(rows, detections.offsets)
        features = None if detections.features is None else detections.features[rows]
        return SequenceDetections(detections.xyxy[rows], detections.score[rows], offsets, numbers[rows], features)


def class_match_for(detector: Detector, protocol: str, sequences: Iterable[Sequence]) -> ClassMatch | None:
    """Returns how the classes of `detector` match those of the dataset by name; None if either has no names.

    Case, spaces, hyphens and underscores do not count; a person is a pedestrian unless the detector tells them apart, and BDD100K's
    older names are its newer ones. ValueError where no name is on both sides.
    """
    first = next(iter(sequences), None)
    if first is None:
        return None
    rules, (own, wanted) = rules_for(protocol, first.class_names), classes_of(detector)
    if rules is None and (protocol not in PEDESTRIANS or (wanted is not None and len(wanted) == 1)):
        return None  # a network's boxes of one class, which the user chose
    if not own:
        return None
    names, scored = named(own, wanted), PEDESTRIANS[protocol] if rules is None else rules.classes
    found = choose(wanted, len(names), names, "detector.classes") or range(len(names))
    numbers = tuple(number if kind in found else LEFT_OUT for kind, number in enumerate(_numbers(names, scored, protocol)))
    if rules is None and len(names) == 1:
        if numbers == (LEFT_OUT,):
            log.warning("%s scores pedestrians, and the detector calls its boxes %s: they are taken for pedestrians", protocol, names[0])
        return None
    if set(numbers) == {LEFT_OUT}:
        raise ValueError(
            f"the detector finds {_shown([names[kind] for kind in found])}, the dataset scores {_shown(list(scored))}: no name is in both "
            "lists: use the dataset's names (detector.class_names names those of recorded boxes, by their numbers from 0)"
        )
    if without := [name for name, number in scored.items() if number not in numbers]:
        log.warning("scored classes that the detector does not return, by their names: %s", _shown(without))
    return ClassMatch(tuple(names), numbers)


def _numbers(names: list[str], scored: Mapping[str, int], protocol: str) -> tuple[int, ...]:
    """Returns the number in `scored` of each name, LEFT_OUT for those that are not there."""
    from bytetrack.io.bdd100k import ALSO_CALLED

    also = {**PEOPLE, **(ALSO_CALLED if protocol == "bdd100k" else {})}
    known, own = {_plain(name): number for name, number in scored.items()}, {_plain(name) for name in names}
    numbers = []
    for name in names:
        plain = _plain(name)
        other = also.get(plain, "")
        meant = plain if plain in known or other in own else other
        numbers.append(scored.get(name, known.get(meant, LEFT_OUT)))
    return tuple(numbers)


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


def _shown(names: list[str] | tuple[str, ...]) -> str:
    return shortened(names, MOST_SHOWN, count=len(names) > MOST_SHOWN)
