"""From sequences to result files to scores: detector, tracker and scorer joined, many sequences at a time."""

from bytetrack.pipeline.class_names import ClassMatch, class_match_for
from bytetrack.pipeline.detect import DetectJob, camera_motion_for, replayable
from bytetrack.pipeline.folders import earlier_run, result_folder, rewrite_trajectories
from bytetrack.pipeline.jobs import (
    ScoreJob,
    TrackerFactory,
    TrackJob,
    track_sequence,
)
from bytetrack.pipeline.looks import Looks, looks_for
from bytetrack.pipeline.nothing import why_nothing
from bytetrack.pipeline.run import every_sequence, finish, score_every_sequence, scores_of, sequences_of, write_scores

__all__ = [
    "ClassMatch",
    "DetectJob",
    "Looks",
    "ScoreJob",
    "TrackJob",
    "TrackerFactory",
    "camera_motion_for",
    "class_match_for",
    "earlier_run",
    "every_sequence",
    "finish",
    "looks_for",
    "replayable",
    "result_folder",
    "rewrite_trajectories",
    "score_every_sequence",
    "scores_of",
    "sequences_of",
    "track_sequence",
    "why_nothing",
    "write_scores",
]
