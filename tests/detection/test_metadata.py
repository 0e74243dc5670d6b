"""Metadata of exported files: what it cannot be is refused in one line that names the file and the key."""

from __future__ import annotations

import re

import pytest

from bytetrack.detection.metadata import About
from bytetrack.errors import FormatError


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("convention", '["bgr255"]', "expected metadata convention to be bgr255 or "),
        ("num_classes", "many", "expected metadata num_classes to be a number from 0, got 'many'"),
        ("num_classes", "true", "expected metadata num_classes to be a number from 0, got True"),
        ("num_classes", "-1", "expected metadata num_classes to be a number from 0, got -1"),
        ("num_classes", "1.5", "expected metadata num_classes to be a number from 0, got 1.5"),
        ("max_detections", "[300]", "expected metadata max_detections to be a number from 0, got [300]"),
        ("min_score", "NaN", "expected metadata min_score to be a number from 0, got nan"),
        ("nms_iou", "high", "expected metadata nms_iou to be a number from 0, got 'high'"),
        ("input_size", "640", "expected metadata input_size [height, width], got 640"),
        ("input_size", '["800", "1440"]', "expected metadata input_size [height, width], got ['800', '1440']"),
        ("input_size", "[640]", "expected metadata input_size [height, width], got [640]"),
    ],
)
def test_a_value_of_another_type_is_refused_in_one_line(key: str, text: str, said: str) -> None:
    with pytest.raises(FormatError, match="^" + re.escape(f"a.onnx: {said}")) as caught:
        About.read({key: text}, "a.onnx")
    assert "\n" not in str(caught.value)


def test_what_is_written_is_read_back() -> None:
    about = About("raw", "rgb_imagenet", ["person"], 1, [800, 1440], 0.01, 0.7, 300, "images")
    assert About.read(about.properties(), "a.onnx") == about
