"""Result files drawn over their frames: the demo's drawing without its detector and tracker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bytetrack.boxes import xyxy_from_tlwh
from bytetrack.demo.outputs import refuse_overwriting
from bytetrack.demo.overlay import Painter
from bytetrack.demo.run import frames_bar
from bytetrack.demo.stages import Stage, run_stages
from bytetrack.errors import FormatError
from bytetrack.interfaces import Dataset
from bytetrack.io.mot import read_trajectories
from bytetrack.pipeline import result_folder, sequences_of
from bytetrack.structures import Sequence, Tracks, Trajectories
from bytetrack.video.read import Image, frames
from bytetrack.video.source import Frame, Source, open_source
from bytetrack.video.write import VideoWriter

__all__ = ["Clip", "clips", "redraw"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """Frames, and the file of the tracks that belong on them."""

    source: Source
    tracks: Path


class SequenceFrames:
    """A dataset's sequence as a source of frames."""

    live = False
    dropped = 0
    path: Path | None = None

    def __init__(self, sequence: Sequence) -> None:
        self.sequence = sequence
        self.name, self.frame_rate = sequence.name, sequence.frame_rate
        self.length: int | None = sequence.length

    def __iter__(self) -> Iterator[Frame]:
        for number, image in enumerate(frames(self.sequence), 1):
            yield Frame(number, (number - 1) / self.frame_rate, image)

    def close(self) -> None:
        pass


def clips(tracks: Path, source: str | None, dataset: Dataset | None, frame_rate: float | None = None) -> list[Clip]:
    """Returns the clips to draw: `tracks`, a result file or the folder of <name>.txt, over one `source` or every sequence of `dataset`.

    `frame_rate` is for images. ValueError unless exactly one of source and dataset is given; MissingDataError for what is not there.
    """
    if (source is None) == (dataset is None):
        raise ValueError("give either source=VIDEO or FOLDER of images, or dataset=NAME dataset.root=DIR")
    if dataset is not None:
        sequences = sequences_of(dataset)
        folder = result_folder(tracks, sequences)
        return [Clip(SequenceFrames(sequence), folder / f"{sequence.name}.txt") for sequence in sequences]
    assert source is not None  # the one that is given
    origin = open_source(source, frame_rate)
    if origin.live:
        origin.close()
        raise ValueError(f"tracks can be drawn over files only, but {origin.name} is live")
    return [Clip(origin, result_folder(tracks) / f"{origin.name}.txt" if tracks.is_dir() else tracks)]


def redraw(
    found: list[Clip], out: Path, draw: Mapping[str, Any], high_score: float, class_names: list[str], video: Mapping[str, Any]
) -> list[Path]:
    """Writes `out`/<name>.mp4 for every clip and returns the paths; boxes whose score lies below `high_score` are dashed."""
    written = []
    for clip in found:
        target = out / f"{clip.source.name}.mp4"
        refuse_overwriting(target, clip.source.path)
        _redraw(clip, read_trajectories(clip.tracks), target, Painter(class_names, high_score, **draw), video)
        log.info("%s", target)
        written.append(target)
    return written


def _redraw(clip: Clip, trajectories: Trajectories, target: Path, painter: Painter, video: Mapping[str, Any]) -> None:
    seen = 0
    with ExitStack() as stack:
        stack.callback(clip.source.close)
        writer = stack.enter_context(VideoWriter(target, clip.source.frame_rate, audio=clip.source.path, **video))

        def paint(frame: Frame) -> tuple[Frame, Image]:
            return frame, painter(frame.image, _tracks_of(trajectories, frame.frame_id), {})

        def encode(shot: tuple[Frame, Image]) -> int:
            frame, picture = shot
            writer.write(writer.fitted(picture), frame.time)
            return frame.frame_id

        progress = stack.enter_context(frames_bar(clip.source))
        stages = [Stage("draw", paint), Stage("encode", encode)]
        for frame_id in stack.enter_context(closing(run_stages(clip.source, stages, 4, threading.Event()))):
            seen = frame_id
            progress()
    last = int(trajectories.frame_id.max(initial=0))
    if last > seen and not (trajectories.frame_id <= seen).any():
        raise FormatError(f"{clip.tracks}: no box in frames 1..{seen} of {clip.source.name}, only up to {last}: is it another video's?")
    if last > seen:
        log.warning("%s: has boxes up to frame %d, %s ends with frame %d", clip.tracks, last, clip.source.name, seen)


def _tracks_of(trajectories: Trajectories, frame_id: int) -> Tracks:
    rows = trajectories.rows_of(frame_id)
    ids = trajectories.track_id[rows]
    class_id = None if trajectories.class_id is None else trajectories.class_id[rows]
    return Tracks(xyxy_from_tlwh(trajectories.tlwh[rows]), ids, trajectories.score[rows], class_id, np.full(len(ids), -1))
