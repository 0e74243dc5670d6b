"""CVAT: its "MOT 1.1" archives and its "CVAT for video 1.1" xml.

MOT archive: `gt/gt.txt` with `frame,id,left,top,width,height,not ignored,class,visibility` (frames and ids from 1, class the line of
the label in `gt/labels.txt`, from 1) to 0.0001 pixels. It has no place for scores: read, they are 1; boxes marked as ignored are
passed over.

Video xml: one `<track>` an identity (ids from 0, here from 1), one `<box>` a frame (from 0, here from 1) to 0.0001 pixels, the score
as the attribute `score` to 0.000001. An `outside` box marks the first frame without the identity. Between boxes that are frames apart
CVAT interpolates on a straight line, and so does the reader. An archive with `annotations.xml` is read too. Of boxes with a `rotation`
the upright hull is taken. Where the jobs of a task overlap, one object has a track in each: they are joined, and its boxes counted once.
The export of a project, whose tasks all number their frames from 0, is refused: a file holds one video.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.cvat_tracks import SAME, Placed, Track, joined_at_borders, overlap, upright
from bytetrack.io.mot import MOT_CLASSES
from bytetrack.io.result import NO_CLASS, Names, Result, Rows, corners, decimal, from_corners, in_order, sequence_name
from bytetrack.io.text import decode, whole
from bytetrack.io.zip_members import member_names, read_member, zipped
from bytetrack.runtime.atomic import replace_bytes, replace_text

__all__ = ["is_cvat", "is_cvat_xml", "read_cvat", "read_cvat_xml", "write_cvat", "write_cvat_xml"]

log = logging.getLogger(__name__)

MOT_LABELS = list(MOT_CLASSES.values())
OUTSIDE = {"0": False, "1": True, "false": False, "true": True}  # the words of other programs
MOST_BETWEEN = 1_000_000  # a small file must not become boxes without bound


def read_cvat(path: Path, names: Names) -> Result:
    """Reads a "MOT 1.1" archive; without labels.txt the labels are MOTChallenge's. FormatError names archive, member and line."""
    members = member_names(path)
    table = next((name for name in members if name.rsplit("/", 1)[-1] == "gt.txt"), None)
    if table is None:
        raise FormatError(f"{path}: expected gt/gt.txt in the archive, got {', '.join(members[:5]) or 'nothing'}")
    label_file = table.removesuffix("gt.txt") + "labels.txt"
    labels = MOT_LABELS
    if label_file in members:
        labels = [line.strip() for line in decode(read_member(path, label_file), f"{path}/{label_file}").splitlines() if line.strip()]
    rows = Rows()
    for number, line in enumerate(decode(read_member(path, table), f"{path}/{table}").splitlines(), start=1):
        fields, where = line.split(","), f"{path}/{table}:{number}"
        if not line.strip():
            continue
        try:
            if not 8 <= len(fields) <= 10:
                raise ValueError
            tlwh, considered = [float(value) for value in fields[2:6]], float(fields[6])
        except ValueError:
            raise FormatError(f"{where}: expected frame,id,left,top,width,height,not ignored,class,visibility, got {line[:80]!r}") from None
        class_number = whole(fields[7], where, "class")
        if not 1 <= class_number <= len(labels):
            raise FormatError(f"{where}: expected a class from 1 to {len(labels)}, the lines of {label_file}, got {class_number}")
        label = names.check(labels[class_number - 1], where)
        if considered:
            rows.add(where, whole(fields[0], where, "frame"), whole(fields[1], where, "id"), tlwh, 1.0, label)
    known = names.known or (MOT_CLASSES if labels == MOT_LABELS else in_order(labels))
    ids, class_names = Names(known).resolve(rows.labels())
    return rows.result(sequence_name(path), ids, class_names)


def write_cvat(result: Result, path: Path) -> None:
    known = result.labels()
    official = bool(known) and known.items() <= MOT_CLASSES.items()
    labels = MOT_LABELS if official else [result.label(k) for k in range(max(known) + 1)] if known else [NO_CLASS]
    lines = []
    for frame_id, track_id, tlwh, _, class_id in result.rows():
        box = ",".join(decimal(value) for value in tlwh)
        lines.append(f"{frame_id},{track_id},{box},1,{(class_id or 0) + (not official)},1\n")
    members = {"gt/gt.txt": "".join(lines).encode(), "gt/labels.txt": "".join(f"{label}\n" for label in labels).encode()}
    replace_bytes(path, zipped(members))


def read_cvat_xml(path: Path, names: Names) -> Result:
    """Reads a "CVAT for video 1.1" file, or an archive with it as `annotations.xml`. FormatError names the line.

    Files with a DOCTYPE are refused: CVAT writes none, and what it could declare (entities that grow without bound, other files)
    is not for data.
    """
    document = _Document(path, names)
    try:
        if path.suffix.lower() == ".zip":
            document.parser.Parse(read_member(path, "annotations.xml"), True)
        else:
            document.parser.Parse(path.read_bytes(), True)
    except FileNotFoundError:
        raise MissingDataError(f"no file {str(path)!r}") from None
    except KeyError:
        raise FormatError(f"{path}: expected annotations.xml in the archive, got none") from None
    except expat.ExpatError as error:
        raise FormatError(f"{path}:{error.lineno}: not well-formed xml: {expat.errors.messages[error.code]}") from None
    except LookupError as error:
        raise FormatError(f"{path}:1: the xml names an encoding that cannot be read: {error}") from None
    return document.result()


def is_cvat(path: Path) -> bool:
    """Tells a "MOT 1.1" archive from the video xml in one."""
    return not _has(path, "annotations.xml") and _has(path, "gt.txt")


def is_cvat_xml(path: Path) -> bool:
    """Tells the video xml, bare or in an archive."""
    return path.suffix.lower() != ".zip" or _has(path, "annotations.xml")


def _has(archive: Path, file_name: str) -> bool:
    return any(member.rsplit("/", 1)[-1] == file_name for member in member_names(archive))


class _Box(NamedTuple):
    frame: int
    outside: bool
    tlwh: list[float]
    score: float
    where: str
    rotation: float


class _Document:
    """Reads the xml as it comes: what was said of the task, and one track at a time."""

    def __init__(self, path: Path, names: Names) -> None:
        self.path, self.names, self.rows = path, names, Rows()
        self.open: list[str] = []
        self.text = self.attribute = ""
        self.between = self.rotated = self.doubled = 0
        self.labels: list[str] = []
        self.meta: dict[str, str] = {}
        self.segments: dict[str, list[int]] = {"start": [], "stop": []}
        self.tracks: list[Track] = []
        self.track: dict[str, str] = {}
        self.tasks: set[str] = set()
        self.boxes: list[_Box] = []
        self.score_of_box = ""
        self.box: dict[str, str] | None = None
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    @property
    def where(self) -> str:
        return f"{self.path}:{self.parser.CurrentLineNumber}"

    def _refuse(self, *_: Any) -> None:
        raise FormatError(f"{self.where}: expected no DOCTYPE: a file that declares entities is not read")

    def _characters(self, text: str) -> None:
        self.text += text

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self.open and name != "annotations":
            raise FormatError(f"{self.where}: expected CVAT's <annotations>, got <{name}>")
        self.open.append(name)
        self.text = ""
        if len(self.open) == 2 and name == "image":
            raise FormatError(f"{self.where}: expected 'CVAT for video' with <track>, got 'CVAT for images', which has no identities")
        if len(self.open) == 2 and name == "track":
            self.track, self.boxes = attributes, []
            self.tasks |= {attributes["task_id"]} if "task_id" in attributes else set()
            if len(self.tasks) > 1:
                raise FormatError(
                    f"{self.where}: expected the tracks of one task, got those of tasks {', '.join(sorted(self.tasks))}, which count their "
                    "frames each from 0: export every task of the project by itself"
                )
        elif self.open[:2] == ["annotations", "track"] and len(self.open) == 3:
            if name != "box":
                raise FormatError(f"{self.where}: expected tracks of boxes, got <{name}>")
            self.box, self.score_of_box = attributes, "1"
        elif name == "attribute" and self.box is not None:
            self.attribute = attributes.get("name", "")

    def _end(self, name: str) -> None:
        if name == "attribute" and self.box is not None and self.attribute == "score":
            self.score_of_box = self.text.strip()
        elif name == "box" and self.box is not None:
            self._add_box(self.box)
            self.box = None
        elif self.open == ["annotations", "track"]:
            self._add_track()
        elif self.open[-3:] == ["labels", "label", "name"]:
            self.labels.append(self.text.strip())
        elif self.open[-2:-1] == ["segment"] and name in self.segments:
            self.segments[name].append(whole(self.text.strip(), self.where, f"a segment's {name}"))
        elif len(self.open) >= 4 and self.open[1] == "meta" and "labels" not in self.open:
            self.meta["/".join(self.open[-2:])] = self.text.strip()
        self.open.pop()
        self.text = ""

    def _add_box(self, box: dict[str, str]) -> None:
        try:
            xyxy = [float(box[side]) for side in ("xtl", "ytl", "xbr", "ybr")]
            score, rotation = float(self.score_of_box), float(box.get("rotation", 0))
        except (KeyError, ValueError):
            raise FormatError(
                f"{self.where}: expected <box> with numbers xtl, ytl, xbr, ybr (and score, rotation), got {_shown(box)}"
            ) from None
        frame = whole(box.get("frame", ""), self.where, "frame")
        outside = OUTSIDE.get(box.get("outside", "0").lower())
        if outside is None:
            raise FormatError(f"{self.where}: expected outside to be 0 or 1, got {_shown(box)}")
        new = _Box(frame, outside, from_corners(xyxy), score, self.where, rotation)
        last = self.boxes[-1] if self.boxes else None
        self.rotated += rotation % 180 != 0
        if last is not None and last.frame == frame and (last.outside or new.outside or overlap(last.tlwh, new.tlwh) >= SAME):
            self.doubled += not (last.outside or new.outside)  # where one job of a task ends and the next begins
            self.boxes[-1] = new if last.outside else last
        elif last is not None and frame <= last.frame:
            raise FormatError(f"{self.where}: expected the boxes of a track in the order of their frames, got frame {frame}")
        else:
            self.boxes.append(new)

    def _add_track(self) -> None:
        label = self.names.check(self.track.get("label", NO_CLASS), self.where)
        track_id = whole(self.track.get("id", ""), self.where, "the track's id") + 1
        found: dict[int, Placed] = {}
        for box, following in zip(self.boxes, [*self.boxes[1:], None], strict=True):
            if box.outside:
                continue
            found[box.frame] = (upright(box.tlwh, box.rotation), box.score, box.where)
            if following is None:
                continue
            self.between += following.frame - box.frame - 1
            if self.between > MOST_BETWEEN:
                raise FormatError(f"{following.where}: expected at most {MOST_BETWEEN} boxes between those in the file, got more")
            end = box if following.outside else following
            turn = (end.rotation - box.rotation + 180) % 360 - 180  # the shorter way round
            for frame in range(box.frame + 1, following.frame):
                part = (frame - box.frame) / (following.frame - box.frame)
                tlwh = [round(a + part * (b - a), 4) for a, b in zip(box.tlwh, end.tlwh, strict=True)]
                found[frame] = (upright(tlwh, box.rotation + part * turn), box.score, box.where)
        self.tracks.append(Track(track_id, label, found))

    def result(self) -> Result:
        tracks, joined, doubled = joined_at_borders(self.tracks, self.segments["start"], self.segments["stop"])
        if joined or self.doubled:
            doubled += self.doubled
            log.warning("%s: %d tracks continue in another job and are joined, %d duplicate boxes dropped", self.path, joined, doubled)
        if step := self.meta.get("task/frame_filter"):
            log.warning(
                "%s: its task has every so many-th frame (%s): frames are the video's, boxes between are interpolated", self.path, step
            )
        if self.rotated:
            log.warning("%s: %d boxes are rotated; their upright hulls are used", self.path, self.rotated)
        for track in tracks:
            for frame, (tlwh, score, where) in track.boxes.items():
                self.rows.add(where, frame + 1, track.track_id, tlwh, score, track.label)
        ids, class_names = Names(self.names.known or in_order(self.labels)).resolve(self.rows.labels())
        length, width, height = (_count(self.meta.get(key)) for key in ("task/size", "original_size/width", "original_size/height"))
        name = sequence_name(self.path)
        if name == "annotations":  # as CVAT calls every one
            name = self.meta.get("task/name", name).replace("/", "_").replace("\\", "_")
        return self.rows.result(name, ids, class_names, length or 0, width, height)


def write_cvat_xml(result: Result, path: Path) -> None:
    labels = list(result.labels().values()) or [NO_CLASS]
    score = "<name>score</name><mutable>True</mutable><input_type>text</input_type><default_value>1</default_value><values></values>"
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <task>\n',
        f"      <name>{escape(result.name)}</name>\n      <size>{result.length}</size>\n      <mode>interpolation</mode>\n      <labels>\n",
        *(f"        <label><name>{escape(n)}</name><attributes><attribute>{score}</attribute></attributes></label>\n" for n in labels),
        "      </labels>\n",
    ]
    if result.width and result.height:
        size = f"<width>{result.width}</width><height>{result.height}</height>"
        lines.append(f"      <original_size>{size}</original_size>\n")
    lines.append("    </task>\n  </meta>\n")
    tracks: dict[tuple[int, int | None], list[tuple[int, list[float], float]]] = {}
    for frame_id, track_id, tlwh, value, class_id in result.rows():
        tracks.setdefault((track_id, class_id), []).append((frame_id, tlwh, value))
    for (track_id, class_id), boxes in sorted(tracks.items(), key=lambda item: (item[0][0], item[1][0][0])):
        if track_id < 1:
            raise ValueError(f"{result.name}: ids must count from 1 to be written as CVAT's from 0, got {track_id}")
        lines.append(f'  <track id="{track_id - 1}" label={quoteattr(result.label(class_id))} source="auto">\n')
        for (frame_id, tlwh, value), following in zip(boxes, [*boxes[1:], None], strict=True):
            lines.append(_box(frame_id, tlwh, value))
            last = following is None and frame_id < result.length
            if last or (following is not None and following[0] > frame_id + 1):
                lines.append(_box(frame_id + 1, tlwh, value, outside=True))
        lines.append("  </track>\n")
    replace_text(path, "".join([*lines, "</annotations>\n"]))


def _box(frame_id: int, tlwh: list[float], score: float, outside: bool = False) -> str:
    sides = " ".join(f'{side}="{value}"' for side, value in zip(("xtl", "ytl", "xbr", "ybr"), corners(tlwh), strict=True))
    return (
        f'    <box frame="{frame_id - 1}" outside="{int(outside)}" occluded="0" keyframe="1" {sides} z_order="0">'
        f'<attribute name="score">{decimal(score, 6)}</attribute></box>\n'
    )


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _shown(box: dict[str, str]) -> str:
    return " ".join(f"{key}={value!r}" for key, value in box.items())[:100]
