"""Pictures of more than eight bits: the bits that they use become eight.

Thermal and scientific cameras write 10, 12 or 14 bits into 16; taken as 16, they are black. All pictures of a folder are divided by one
number, so that one brightness stays one through a sequence: by 2 to the power of the bits used beyond eight, as a sample of them says.
A picture that uses more than the sample is divided by its own. Pictures that use all 16 bits lose the lower eight.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.errors import FormatError
from bytetrack.listing import IMAGE_ENDINGS, listed

__all__ = ["bits_used", "eight_bits"]

SAMPLE = 16  # pictures of a folder that are looked at, evenly spread

log = logging.getLogger(__name__)


def eight_bits(image: npt.NDArray[np.generic], path: Path) -> npt.NDArray[np.uint8]:
    """Returns the picture of the file `path` with eight bits. FormatError unless it has 8 or 16."""
    if image.dtype == np.uint8:
        return np.asarray(image, dtype=np.uint8)
    if image.dtype != np.uint16:
        raise FormatError(f"{path}: has pixels of {image.dtype}, expected 8 or 16 bits: save it as PNG")
    shift = max(_bits_in(path.parent), bits_used(image)) - 8
    return np.asarray(np.right_shift(np.asarray(image, dtype=np.uint16), shift), dtype=np.uint8)


def bits_used(image: npt.NDArray[np.generic]) -> int:
    """Returns how many bits the largest value has, eight at least.

    >>> [bits_used(np.array([value], np.uint16)) for value in (0, 255, 256, 4095, 4096, 65535)]
    [8, 8, 9, 12, 13, 16]
    """
    return max(int(image.max(initial=0)).bit_length(), 8)


@lru_cache(maxsize=1024)
def _bits_in(folder: Path) -> int:
    files = listed(folder, IMAGE_ENDINGS)
    chosen = [files[place] for place in np.unique(np.linspace(0, len(files) - 1, min(SAMPLE, len(files))).astype(int))]
    found = [cv2.imdecode(data, cv2.IMREAD_ANYDEPTH) for file in chosen if (data := np.fromfile(file, dtype=np.uint8)).size]
    bits = max((bits_used(image) for image in found if image is not None and image.dtype == np.uint16), default=8)
    log.info("%s: of 16-bit pictures there, the lowest %d bits are used: divided by %d", folder, bits, 2 ** (bits - 8))
    return bits
