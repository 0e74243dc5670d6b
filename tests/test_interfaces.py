"""The protocols of interfaces.py: who keeps them, and how others are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bytetrack.appearance import Histogram
from bytetrack.data.converters import Bdd100k, CrowdHuman
from bytetrack.data.datasets import MotChallenge
from bytetrack.data.kitti_visdrone import Kitti, VisDrone
from bytetrack.detection.recorded import Recorded
from bytetrack.detection.yolox import Yolox
from bytetrack.interfaces import (
    CocoSource,
    Dataset,
    Embedder,
    ImageDetector,
    KeepsFiles,
    SequenceDetector,
    mot_protocol,
    recorded_detector,
    tracker_inputs,
)
from bytetrack.pipeline.detect import kept_in
from bytetrack.structures import Detections, Sequence, SequenceDetections, Tracks
from bytetrack.video.camera_motion import EstimatedMotion, NoMotion


def takes_datasets(*datasets: Dataset) -> list[str]:
    return [dataset.protocol for dataset in datasets]


class Network:
    batch_size = 1

    def key(self) -> str:
        return "network"

    def detect(self, images: list[Any]) -> list[Detections]:
        return [Detections.empty() for _ in images]


class Boxes:
    def detect_sequence(self, sequence: Sequence) -> SequenceDetections:
        return SequenceDetections.from_frames([Detections.empty()] * sequence.length)


def test_datasets_of_sequences_keep_the_protocol() -> None:
    assert takes_datasets(MotChallenge("a"), Kitti("a"), VisDrone("a")) == ["mot15", "kitti", "visdrone"]
    assert isinstance(CrowdHuman("a"), CocoSource)
    assert isinstance(Bdd100k("a"), CocoSource)


def test_detectors_are_asked_by_sequence_or_by_image() -> None:
    assert isinstance(Recorded("a"), SequenceDetector)
    assert isinstance(Boxes(), SequenceDetector)
    assert isinstance(Network(), ImageDetector)
    assert not isinstance(Network(), SequenceDetector)
    assert {"key", "detect", "batch_size"} <= set(dir(Yolox))
    assert isinstance(Histogram(), Embedder)


def test_a_network_in_place_of_recorded_detections_is_refused() -> None:
    boxes = Boxes()
    assert recorded_detector(boxes) is boxes
    with pytest.raises(ValueError, match="Network is a network: record its detections first"):
        recorded_detector(Network())


def test_only_protocols_of_one_class_are_searched() -> None:
    assert mot_protocol("mot17") == "mot17"
    with pytest.raises(ValueError, match="got kitti"):
        mot_protocol("kitti")


def test_the_keywords_of_a_tracker_are_its_own_words_or_its_signature() -> None:
    class Own:
        def update(self, detections: Detections, features: Any = None, dt: float = 1.0) -> Tracks:
            raise NotImplementedError

    class Declared(Own):
        inputs = ("camera_motion",)
        supports_dt = True

    assert "features" in tracker_inputs(Own())
    assert "dt" not in tracker_inputs(Own()), "time is given only to trackers that declare it"
    assert tracker_inputs(Declared()) == {"camera_motion", "dt"}


def test_an_estimator_gets_a_folder_unless_it_has_one_and_stays_as_it_was(tmp_path: Path) -> None:
    free, bound, still = EstimatedMotion(), EstimatedMotion(folder=tmp_path / "own"), NoMotion()
    assert isinstance(free, KeepsFiles)
    kept = kept_in(tmp_path, free)
    assert isinstance(kept, EstimatedMotion)
    assert kept.folder == tmp_path / "camera_motion"
    assert free.folder is None
    assert kept_in(tmp_path, bound) is bound
    assert kept_in(tmp_path, still) is still
