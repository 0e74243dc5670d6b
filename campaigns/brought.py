"""Kinds of files as people bring them: films of a varying rate, turned and deep pictures, other names, exports, own classes."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from campaigns import damage, readers
from campaigns import good_files as good
from campaigns.readers import SEQUENCE, Kind, sane

CLASSES = ("none", "person", "car")
ENOUGH = 12  # frames whose numbers are ordered otherwise as text

# ---- films


@lru_cache
def varying_film() -> bytes:
    """A Matroska file whose frames come at two rates, with a pause."""
    import av
    import cv2

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as container:
        stream: Any = container.add_stream("libx264", rate=25, options={"g": "2"})
        stream.width, stream.height, stream.pix_fmt = good.WIDTH, good.HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, milliseconds in enumerate((0, 33, 67, 5000, 5100, 5200), start=1):
            image = cv2.imdecode(np.frombuffer(good.picture(".png", number), np.uint8), cv2.IMREAD_COLOR)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = milliseconds, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


BLOCK = re.compile(
    rb"[\xa3\xa1](?:[\x80-\xff]|[\x40-\x7f].|[\x20-\x3f]..|[\x10-\x1f]...)\x81", re.DOTALL
)  # before a block's 16 bits of time


def times_changed(rng: random.Random, content: bytes) -> bytes:
    """The time stamps of some blocks are others: earlier, negative, equal, far away."""
    data = bytearray(content)
    for block in BLOCK.finditer(content):
        if rng.random() < 0.5 and block.end() + 2 <= len(data):
            data[block.end() : block.end() + 2] = rng.choice((0, 33, rng.randrange(2**16), 2**15, 2**15 - 1)).to_bytes(2, "big")
    return bytes(data)


def film_sequence(folder: Path, out: Path) -> None:
    """As a dataset whose folder holds only a video."""
    from bytetrack.data.datasets import MotChallenge
    from bytetrack.video.read import frames

    [sequence] = MotChallenge(folder / "films").sequences()
    sane(sequence.length >= 1 and 0 < sequence.frame_rate < np.inf)
    sane({frame.shape for frame in frames(sequence)} == {(sequence.height, sequence.width, 3)})


# ---- pictures


def turned_jpg() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(good.picture(".png"))) as image:
        exif = image.getexif()
        exif[0x0112] = 6
        image.convert("RGB").save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def deep_png() -> bytes:
    """A grey picture that uses twelve of its sixteen bits."""
    import cv2

    return bytes(cv2.imencode(".png", np.tile(np.linspace(0, 4095, good.WIDTH).astype(np.uint16), (good.HEIGHT, 1)))[1])


def picture_and_its_size(folder: Path, out: Path, name: str) -> None:
    from bytetrack.data.image_files import image_size
    from bytetrack.video.read import read_image

    readers.picture(folder, out, name)
    sane(read_image(folder / name).shape[1::-1] == image_size(folder / name))


# ---- names


def names() -> bytes:
    return "".join(f"frame_{number}.jpg\n" for number in range(1, ENOUGH + 1)).encode()


def named_frames(folder: Path, out: Path) -> None:
    """The file holds the names of the images of a folder, one a line."""
    from bytetrack.data.frame_names import frame_names

    images = folder / "img1"
    shutil.rmtree(images, ignore_errors=True)
    images.mkdir()
    lines = (folder / "names.txt").read_bytes().splitlines()[: 5 * ENOUGH]
    there = [line.decode(errors="surrogateescape") for line in lines if 0 < len(line) < 255 and not set(line) & set(b"/\0")]
    for name in there:
        if name not in (".", ".."):
            (images / name).touch()
    found = [name for name in frame_names(images, ENOUGH, ".jpg") if name is not None]
    sane(set(found) <= set(there) and len(set(found)) == len(found))
    numbers = [int(number[1]) for name in found if (number := re.fullmatch(r"frame_(\d+)\.jpg", name, re.ASCII))]
    sane(numbers == sorted(numbers))


# ---- exports


def roboflow() -> bytes:
    document = json.loads(good.coco())
    document["categories"] = [{"id": 0, "name": "people", "supercategory": "none"}, {"id": 1, "name": "person", "supercategory": "people"}]
    for image in document["images"]:
        image["file_name"] = f"images\\{image['file_name']}"
    for annotation in document["annotations"]:
        annotation["iscrowd"] = False
    return json.dumps(document).encode()


def exported(folder: Path, out: Path) -> None:
    from bytetrack.data.converters import CocoFile
    from bytetrack.data.image_set import load_coco
    from bytetrack.data.prepare import prepare

    prepare(CocoFile(folder, "a.json"), out / "prepared.json")
    images = load_coco(out / "prepared.json")
    sane(np.isfinite(images.xyxy).all() and all(Path(images.root, file).is_file() for file in images.files))


def cvat_jobs() -> bytes:
    """Two jobs that overlap by two frames, in which the same people have other tracks; boxes with a rotation."""
    whole = good.cvat_xml().decode().replace('z_order="0"', 'z_order="0" rotation="30.0"')
    head, *tracks = re.split(r"(?=<track )", whole.removesuffix("</annotations>\n"))
    jobs = "".join(f"<segment><id>{k}</id><start>{a}</start><stop>{b}</stop></segment>\n" for k, (a, b) in enumerate(((0, 3), (2, 5))))
    head = head.replace("<labels>", f"<segments>\n{jobs}</segments>\n<labels>")
    first = [_within(track, range(4)) for track in tracks]
    second = [_within(track, range(2, 6)).replace('<track id="', '<track id="1') for track in tracks]
    return "".join([head, *first, *second, "</annotations>\n"]).encode()


def _within(track: str, frames: range) -> str:
    lines = track.splitlines(keepends=True)
    return "".join(
        line for line in lines if not (frame := re.search(r'<box frame="(\d+)"', line)) or int(frame[1]) in frames or "</track>" in line
    )


# ---- numbers


def percentages() -> bytes:
    return good.rows("{f},-1,{x},{y},{w},{h},9{i}.5,-1,-1,-1")


def scores_scaled(rng: random.Random, content: bytes) -> bytes:
    factor, shift = rng.choice((1e-9, 0.0105, 1, 10, -1, 1e30)), rng.choice((0, 0, -1, 50))
    lines = [line.split(",") for line in content.decode().splitlines()]
    return "".join(",".join([*line[:6], f"{float(line[6]) * factor + shift:.9g}", *line[7:]]) + "\n" for line in lines).encode()


def corners(rng: random.Random, content: bytes) -> bytes:
    return good.rows("{f},-1,{x},{y},{r},{b},0.9,-1,-1,-1")


def fractions(rng: random.Random, content: bytes) -> bytes:
    return good.rows("{f},-1,{cx},{cy},{fw},{fh},0.9,-1,-1,-1")


def own_classes(line: str = "{f},{i},{x},{y},{w},{h},1,1,1") -> bytes:
    """People and, with ids that start again, cars."""
    people = good.rows(line)
    return people + good.rows("{f},{i},{y},{x},{h},{w},1,2,1")


def score_own_classes(folder: Path, out: Path) -> None:
    from bytetrack.data.check import check_ground_truth
    from bytetrack.data.datasets import MotChallenge
    from bytetrack.pipeline import ScoreJob
    from bytetrack.runtime.atomic import json_text
    from bytetrack.scoring import summarise

    [sequence] = MotChallenge(folder / "data", class_names=CLASSES).sequences()
    check_ground_truth(sequence)
    scored = ScoreJob(folder / "tracks", "mot15", out / "tracks")(sequence)
    sane(scored is not None)
    if scored is not None:
        json.loads(json_text(summarise({"A": scored})), parse_constant=lambda word: sane(False))


def nothing_scored(rng: random.Random, content: bytes) -> bytes:
    """No row, or none that counts, or one class without a box."""
    if (kind := rng.randrange(3)) == 0:
        return b""
    return re.sub(rb",1,([12]),1\n", rb",0,\1,1\n", content) if kind == 1 else good.rows("{f},{i},{x},{y},{w},{h},1,1,1")


def brought_kinds() -> list[Kind]:
    mot = damage.fields(",")
    images = {f"images/{frame:06d}.jpg": good.picture(".jpg", frame) for frame in range(1, good.FRAMES + 1)}
    jobs = partial(readers.change_format, name="A.xml", to="mot")
    classes = {**SEQUENCE, "tracks/A.txt": good.rows("{f},{i},{x},{y},{w},{h},0.9,1,-1") + good.rows("{f},{i},{y},{x},{h},{w},0.9,2,-1")}
    return [
        Kind("film of a varying rate", 40, "films/A/a.mkv", varying_film, [*damage.BINARY, *[times_changed] * 8], film_sequence),
        Kind("turned jpg", 40, "a.jpg", turned_jpg, damage.BINARY, partial(picture_and_its_size, name="a.jpg")),
        Kind("png of 16 bits", 40, "a.png", deep_png, damage.BINARY, partial(picture_and_its_size, name="a.png")),
        Kind("names of images", 60, "names.txt", names, damage.fields("_"), named_frames, words=("img1",)),
        Kind(
            "COCO json of Roboflow",
            60,
            "a.json",
            roboflow,
            damage.JSON,
            exported,
            images,
            words=("images'", "000001", "outside", "prepared.json is not"),
        ),
        Kind("cvat xml of jobs", 60, "A.xml", cvat_jobs, damage.fields('"'), jobs, line=True, words=("A.xml", "A:", "File name too long")),
        Kind(
            "detections, percentages",
            60,
            "data/A/det/det.txt",
            percentages,
            [*mot, *[scores_scaled] * 8, corners, fractions],
            readers.track,
            SEQUENCE,
            True,
        ),
        Kind(
            "ground truth, own classes",
            60,
            "data/A/gt/gt.txt",
            own_classes,
            [*mot, *[nothing_scored] * 6],
            score_own_classes,
            classes,
            True,
        ),
    ]
