"""Joins detector, tracker and scorer: sequences in, result files and scores out, many sequences at a time."""

from bytetrack.pipeline.class_names import ClassMatch, class_match_for
from bytetrack.pipeline.detect import DetectJob, camera_motion_for, replayable
from bytetrack.pipeline.feature_cache import FeatureCache, described_by, describing_for, feature_cache_for
from bytetrack.pipeline.jobs import (
    ScoreJob,
    TrackerFactory,
    TrackJob,
    track_sequence,
)
from bytetrack.pipeline.nothing import why_nothing
from bytetrack.pipeline.run import map_sequences, report_results, score_sequences, scores_of, sequences_of, write_scores
from bytetrack.pipeline.run_folder import earlier_run, result_folder, rewrite_trajectories

__all__ = [
    "ClassMatch",
    "DetectJob",
    "FeatureCache",
    "ScoreJob",
    "TrackJob",
    "TrackerFactory",
    "camera_motion_for",
    "class_match_for",
    "described_by",
    "describing_for",
    "earlier_run",
    "feature_cache_for",
    "map_sequences",
    "replayable",
    "report_results",
    "result_folder",
    "rewrite_trajectories",
    "score_sequences",
    "scores_of",
    "sequences_of",
    "track_sequence",
    "why_nothing",
    "write_scores",
]
