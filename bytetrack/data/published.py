"""Names the checkpoints that the authors of ByteTrack publish: where they are offered, and how they were trained.

The addresses are those of the model zoo on the authors' page (read November 2026), which states neither sizes nor sums of the files: a
file is checked by the network that it holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bytetrack.errors import MissingDataError
from bytetrack.runtime.user_cache import user_cache_folder

__all__ = ["CONVENTION", "PAGE", "PUBLISHED", "Published", "published_file", "published_in"]

PAGE = "https://github.com/FoundationVision/ByteTrack#model-zoo"
DRIVE = "https://drive.google.com/file/d/{}/view"
CONVENTION = "rgb_imagenet"
"""The input convention of them all."""


class Published(NamedTuple):
    """A published checkpoint: the size of its YOLOX, its input's height and width, and its address."""

    size: str
    input_size: tuple[int, int]
    url: str


PUBLISHED = {
    "bytetrack_x_mot17": Published("x", (800, 1440), DRIVE.format("1P4mY0Yyd3PPTybgZkjMYhFri88nTmJX5")),
    "bytetrack_l_mot17": Published("l", (800, 1440), DRIVE.format("1XwfUuCBF4IgWBWK2H7oOhQgEj9Mrb3rz")),
    "bytetrack_m_mot17": Published("m", (800, 1440), DRIVE.format("11Zb0NN_Uu7JwUd9e6Nk8o2_EUfxWqsun")),
    "bytetrack_s_mot17": Published("s", (608, 1088), DRIVE.format("1uSmhXzyV1Zvb4TJJCzpsZOIcw7CCJLxj")),
    "bytetrack_tiny_mot17": Published("tiny", (608, 1088), DRIVE.format("1LFAl14sql2Q5Y9aNFsX_OqsnIzUD_1ju")),
    "bytetrack_nano_mot17": Published("nano", (608, 1088), DRIVE.format("1AoN2AxzVwOLM0gJ15bcwqZUpFjlDV1dX")),
    "bytetrack_x_mot20": Published("x", (896, 1600), DRIVE.format("1HX2_JpMOjOIj1Z9rJjoet9XNy_cCAs5U")),
}


def published_in(weights: str | Path) -> Published | None:
    """Returns the published checkpoint of that name or of a file of that name, None for others.

    >>> published_in("pretrained/bytetrack_s_mot17.pth.tar").input_size
    (608, 1088)
    """
    return PUBLISHED.get(Path(weights).name.removesuffix(".pth.tar").removesuffix(".pth"))


def published_file(name: str, folder: str | Path | None = None) -> Path:
    """Returns the file of the published checkpoint `name`, in `folder` or the user's cache.

    MissingDataError, which says from where to get it, if it is not there: no script can fetch it.
    """
    place = Path(folder or user_cache_folder()) / f"{name}.pth.tar"
    if not place.is_file():
        raise MissingDataError(
            f"{name} is not at {place}: no script can download it: open {PUBLISHED[name].url} (from {PAGE}) "
            "in a browser and put the file there"
        )
    return place
