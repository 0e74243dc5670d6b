"""Multi-object tracking by associating every detection box (ByteTrack, ECCV 2022): track, train, score.

>>> from bytetrack import ByteTracker, Detections
>>> tracker = ByteTracker()
>>> tracks = tracker.update(Detections(xyxy=[[10, 10, 50, 110]], score=[0.9]))
>>> tracks.track_id
array([1])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bytetrack.api import TrackedFrame, TrackedFrames, draw, evaluate, read_mot, track, write_mot
    from bytetrack.errors import FormatError, MissingDataError
    from bytetrack.scoring.scores import Scores
    from bytetrack.structures import Annotations, Detections, Sequence, SequenceDetections, Tracks, Trajectories
    from bytetrack.tracking import BotSort, BytePlus, ByteTracker, CBIoU, DeepSort, MotDt, OcSort, Sort, associate_in_two_stages

__version__ = "0.1.0"
__all__ = [
    "Annotations",
    "BotSort",
    "BytePlus",
    "ByteTracker",
    "CBIoU",
    "DeepSort",
    "Detections",
    "FormatError",
    "MissingDataError",
    "MotDt",
    "OcSort",
    "Scores",
    "Sequence",
    "SequenceDetections",
    "Sort",
    "TrackedFrame",
    "TrackedFrames",
    "Tracks",
    "Trajectories",
    "__version__",
    "associate_in_two_stages",
    "draw",
    "evaluate",
    "read_mot",
    "track",
    "write_mot",
]

_HOMES = {
    "bytetrack.api": ("TrackedFrame", "TrackedFrames", "draw", "evaluate", "read_mot", "track", "write_mot"),
    "bytetrack.errors": ("FormatError", "MissingDataError"),
    "bytetrack.scoring.scores": ("Scores",),
    "bytetrack.structures": ("Annotations", "Detections", "Sequence", "SequenceDetections", "Tracks", "Trajectories"),
    "bytetrack.tracking": ("BotSort", "BytePlus", "ByteTracker", "CBIoU", "DeepSort", "MotDt", "OcSort", "Sort", "associate_in_two_stages"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Names load when first used, so that `import bytetrack` costs nothing."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'bytetrack' has no attribute {name!r}")
    try:
        value = getattr(import_module(_HOME_OF[name]), name)
    except ModuleNotFoundError as error:  # installed for tracking only
        from bytetrack.runtime.missing import explain_missing

        raise ModuleNotFoundError(explain_missing(f"bytetrack.{name}", error), name=error.name) from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
