"""Multi-object tracking by associating every detection box (ByteTrack, ECCV 2022): track, train, score.

>>> from bytetrack import ByteTracker, Detections
>>> tracker = ByteTracker()
>>> tracks = tracker.update(Detections(xyxy=[[10, 10, 50, 110]], score=[0.9]))
>>> tracks.track_id
array([1])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bytetrack.api import TrackedFrame, TrackedFrames, draw, evaluate, read_mot, track, write_mot
    from bytetrack.errors import FormatError, MissingDataError
    from bytetrack.scoring.scores import Scores
    from bytetrack.structures import Annotations, Detections, Sequence, SequenceDetections, Tracks, Trajectories
    from bytetrack.tracking import associate_in_two_stages
    from bytetrack.tracking.trackers.botsort import BotSort as BotSort
    from bytetrack.tracking.trackers.byte import ByteTracker
    from bytetrack.tracking.trackers.byte_plus import BytePlus as BytePlus
    from bytetrack.tracking.trackers.cbiou import CBIoU as CBIoU
    from bytetrack.tracking.trackers.deepsort import DeepSort as DeepSort
    from bytetrack.tracking.trackers.motdt import MotDt as MotDt
    from bytetrack.tracking.trackers.ocsort import OcSort as OcSort
    from bytetrack.tracking.trackers.sort import Sort as Sort

__version__ = "0.1.0"
__all__ = [
    "Annotations",
    "ByteTracker",
    "Detections",
    "FormatError",
    "MissingDataError",
    "Scores",
    "Sequence",
    "SequenceDetections",
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
    "bytetrack.tracking": ("associate_in_two_stages",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Loads a name when it is first used, so that `import bytetrack` costs nothing. Trackers' classes come from their registry."""
    home = _HOME_OF.get(name, "bytetrack.tracking" if name[:1].isupper() else None)
    try:
        value = None if home is None else getattr(import_module(home), name, None)
    except ModuleNotFoundError as error:  # installed for tracking only
        from bytetrack.runtime.missing import explain_missing

        raise ModuleNotFoundError(explain_missing(f"bytetrack.{name}", error), name=error.name) from None
    if value is None:
        raise AttributeError(f"module 'bytetrack' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *import_module("bytetrack.tracking").__all__} - {"Tracker", "tracker_classes", "warm_up"})
