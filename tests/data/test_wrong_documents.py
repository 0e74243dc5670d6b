"""Documents with one value replaced by anything that json can say: read, or refused with a FormatError; never another error."""

from __future__ import annotations

import copy
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bytetrack.data.check import check, check_document
from bytetrack.data.converters import Bdd100k, CocoFile, CrowdHuman
from bytetrack.data.image_set import load_coco, mix
from bytetrack.errors import FormatError, MissingDataError

COCO: dict[str, Any] = {
    "info": {"root": "/x"},
    "images": [{"id": 1, "file_name": "x.jpg", "width": 8, "height": 6, "video_id": 1, "frame_id": 1}, {"id": 2, "file_name": "x.jpg"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4.5], "track_id": 1, "iscrowd": 0}],
    "categories": [{"id": 1, "name": "a"}],
    "videos": [{"id": 1, "file_name": "v"}],
}
ODGT: dict[str, Any] = {
    "ID": "x",
    "gtboxes": [{"tag": "person", "fbox": [1, 2, 3, 4], "vbox": [1, 2, 3, 4], "extra": {"ignore": 1}, "head_attr": {}}],
}
LABELS: list[Any] = [
    {
        "name": "x.jpg",
        "videoName": "v",
        "frameIndex": 0,
        "size": {"width": 8, "height": 6},
        "labels": [{"id": "1", "category": "car", "attributes": {"crowd": False}, "box2d": {"x1": 1, "y1": 2, "x2": 3, "y2": 4}}],
    },
    {"name": "y.jpg", "frameIndex": 1},
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.integers() | st.floats() | st.text(max_size=3) | st.just("x.jpg"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value below `node`."""
    pairs = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    return [found for key, value in pairs for found in [(*path, key), *places(value, (*path, key))]]


def mutations(document: Any) -> st.SearchStrategy[Any]:
    """`document` with one value replaced or, where the value is Ellipsis, removed."""

    def change(place: tuple[Any, ...], value: Any) -> Any:
        changed = copy.deepcopy(document)
        node = changed
        for key in place[:-1]:
            node = node[key]
        if value is ...:
            del node[place[-1]]
        else:
            node[place[-1]] = value
        return changed

    return st.builds(change, st.sampled_from(places(document)), VALUES | st.just(...))


@contextmanager
def folder_with(content: Any, name: str) -> Iterator[Path]:
    """A folder with an image x.jpg and `content` as json in file `name`."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
        Image.new("L", (8, 6)).save(folder / "x.jpg")
        yield folder


@settings(max_examples=300, deadline=None)
@given(mutations(COCO | {"images": COCO["images"][:1]}))
def test_load_coco_reads_or_refuses(document: Any) -> None:
    with folder_with(document, "a.json") as folder, suppress(FormatError):
        images = load_coco(folder / "a.json")
        assert len(images) == len(images.width) == len(images.offsets) - 1
        assert images.offsets[-1] == len(images.xyxy) == len(images.track_id)
        assert len(mix([images, images])) == 2 * len(images)


@settings(max_examples=300, deadline=None)
@given(mutations(COCO))
def test_a_coco_file_converts_or_is_refused_and_its_check_always_ends(document: Any) -> None:
    with folder_with(document, "a.json") as folder:
        with suppress(FormatError, MissingDataError):
            check_document(CocoFile(folder, images=".").to_coco())
        check(CocoFile(folder, images="."))


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "needs 'file_name', the path of a file: got ''"), ("./", "got './'"), ("sub", "sub is no readable image: it is a folder")],
)
def test_a_coco_image_that_names_a_folder_is_refused(name: str, said: str) -> None:
    document = {**COCO, "images": [{**image, "file_name": name, "width": None} for image in COCO["images"]]}
    with folder_with(document, "a.json") as folder:
        (folder / "sub").mkdir()
        with pytest.raises(FormatError, match=re.escape(said)):
            CocoFile(folder, images=".").to_coco()


@settings(max_examples=200, deadline=None)
@given(mutations(ODGT))
def test_crowdhuman_converts_or_is_refused(record: Any) -> None:
    with folder_with(record, "a.odgt") as folder, suppress(FormatError, MissingDataError):
        CrowdHuman(folder).to_coco()


@settings(max_examples=200, deadline=None)
@given(mutations(LABELS))
def test_bdd100k_converts_or_is_refused(frames: Any) -> None:
    with folder_with(frames, "labels/box_track_20/train/v.json") as folder, suppress(FormatError, MissingDataError):
        Bdd100k(folder).to_coco()
