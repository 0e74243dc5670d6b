"""Writes the files of a demo frame by frame: however the run ends, they are complete up to the last frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from bytetrack.boxes import tlwh_from_xyxy
from bytetrack.counting import Event, EventFile, Motion, Webhook
from bytetrack.io.mot import result_lines
from bytetrack.names import class_name
from bytetrack.runtime.atomic import json_text, replace_text
from bytetrack.structures import FILLED, Tracks

__all__ = ["Outputs", "refuse_overwriting"]


def refuse_overwriting(video: Path, source: Path | None) -> None:
    """Raises ValueError if the file `video` that is to be written is the one that is read."""
    if source is not None and video.exists() and video.samefile(source):
        raise ValueError(f"the video would overwrite its source {source}: set another out")


class Outputs:
    """`<name>.txt`, `<name>.jsonl` (an object a frame) and, where something is counted, `<name>.events.csv`.

    The text has MOT's columns, frames from 1, in the eighth the class if there are several.

    Every frame reaches the disk before the next one. `webhook`: where events are posted, too.
    """

    def __init__(self, folder: Path, name: str, class_names: Sequence[str], with_events: bool, webhook: Webhook | None = None) -> None:
        self.folder, self.name, self.class_names = folder, name, class_names
        self._text = (folder / f"{name}.txt").open("w", encoding="utf-8")
        self._lines = (folder / f"{name}.jsonl").open("w", encoding="utf-8")
        self._events = EventFile(folder / f"{name}.events.csv") if with_events else None
        self._webhook = webhook

    def write(
        self,
        frame_id: int,
        time: float,
        tracks: Tracks,
        counts: dict[str, Any],
        events: list[Event],
        motion: Mapping[int, Motion] | None = None,
        predicted: bool = False,
    ) -> None:
        """Writes a frame's rows: boxes to 0.1 pixel, scores to 0.01, times to the millisecond; `motion` in metres to 0.01.

        Boxes that are `predicted`, in a frame that the detector leaves out, say so: as such in the json lines, by their score in the text.
        """
        tlwh = tlwh_from_xyxy(tracks.xyxy)
        boxes = tlwh.round(1).tolist()
        classes = [None] * len(tracks) if tracks.class_id is None else tracks.class_id.tolist()
        frames = np.full(len(tracks), frame_id)
        score = np.full(len(tracks), FILLED) if predicted else tracks.score
        self._text.writelines(result_lines(frames, tracks.track_id, tlwh, score, tracks.class_id))
        self._text.flush()
        found = [
            {"id": i, "class": class_name(self.class_names, c), "tlwh": box, "score": score, **({"predicted": True} if predicted else {})}
            for i, c, box, score in zip(tracks.track_id.tolist(), classes, boxes, tracks.score.round(3).tolist(), strict=True)
        ]
        for track in found if motion is not None else []:
            known = motion[track["id"]]  # type: ignore[index]
            track["speed"] = None if known.speed is None else round(known.speed, 2)
            track["distance"] = round(known.distance, 2)
        seen = [{"kind": event.kind, "name": event.name, "direction": event.direction, "id": event.track_id} for event in events]
        document = {"frame": frame_id, "time": round(time, 3), "tracks": found, "counts": counts, "events": seen}
        self._lines.write(json_text(document, ensure_ascii=False) + "\n")
        self._lines.flush()
        self.write_events(events)

    def write_events(self, events: list[Event]) -> None:
        """Writes events to the csv file, and posts them."""
        if self._events is not None:
            self._events.write(events)
        if self._webhook is not None:
            self._webhook.send(events)

    def summary(self, content: dict[str, Any]) -> None:
        """Writes `summary.json`, atomically."""
        if self._webhook is not None:
            content = {**content, "posted": {"sent": self._webhook.sent, "lost": self._webhook.lost}}
        replace_text(self.folder / "summary.json", json_text(content, indent=1, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._text.close()
        self._lines.close()
        if self._events is not None:
            self._events.close()
        if self._webhook is not None:
            self._webhook.close()

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
