"""Files of camera motion: `<sequence>.txt` with lines `frame a b c d e f`.

Frames count from 0 in the numbering of the whole sequence, also where only a half of it is wanted. The affine [[a b c] [d e f]] maps
pixels of the frame before to those of this one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bytetrack.errors import FormatError
from bytetrack.io.table import read_table
from bytetrack.runtime.atomic import replace_text

__all__ = ["STILL", "read_camera_motion", "write_camera_motion"]

Floats = npt.NDArray[np.float64]

STILL = np.eye(2, 3)
LARGEST_SCALE = 100.0


def read_camera_motion(path: Path, first_frame: int = 1, length: int | None = None) -> Floats:
    """Reads the affines (length, 2, 3) of the `length` frames from `first_frame` (from 1) of a file; the first is the identity.

    FormatError for a line that is no affine of a camera, a frame that comes twice, and frames that are missing.
    """
    table = read_table(path, (7,), "7 columns frame a b c d e f")
    values = table.values if len(table.values) else np.empty((0, 7))
    table.refuse(~np.isfinite(values).all(axis=1), "finite numbers")
    table.refuse((values[:, 0] < 0) | (values[:, 0] != np.floor(values[:, 0])), "a whole frame number from 0")
    scale = values[:, 1] * values[:, 5] - values[:, 2] * values[:, 4]
    sane = (scale >= LARGEST_SCALE**-2) & (np.abs(values[:, [1, 2, 4, 5]]).max(axis=1, initial=0) <= LARGEST_SCALE)
    table.refuse(
        ~(sane & (np.abs(values[:, [3, 6]]).max(axis=1, initial=0) <= 1e9)), "an affine a b c d e f that neither mirrors nor collapses"
    )
    frame = values[:, 0].astype(np.int64)
    _, firsts = np.unique(frame, return_index=True)
    table.refuse(~np.isin(np.arange(len(frame)), firsts), "every frame once")
    length = int(frame.max(initial=-1)) + 2 - first_frame if length is None else length
    affines = np.full((length, 2, 3), np.nan)
    place = frame - (first_frame - 1)
    inside = (place >= 0) & (place < length)
    affines[place[inside]] = values[inside, 1:].reshape(-1, 2, 3)
    affines[:1] = STILL
    missing = np.flatnonzero(np.isnan(affines[:, 0, 0]))
    if len(missing):
        raise FormatError(
            f"{path}: expected frames {first_frame - 1}..{first_frame + length - 2} (from 0, numbered as in the whole sequence), "
            f"{len(missing)} of them are missing, the first is {int(missing[0]) + first_frame - 1}"
        )
    return affines


def write_camera_motion(path: Path, affines: Floats, first_frame: int = 1) -> None:
    """Writes affines (n, 2, 3) of the frames from `first_frame` (from 1) on as a file of lines `frame a b c d e f`, frame from 0."""
    rows = np.asarray(affines, dtype=np.float64).reshape(-1, 6)
    lines = ["\t".join([str(frame), *(f"{value:.6f}" for value in row)]) for frame, row in enumerate(rows.tolist(), first_frame - 1)]
    replace_text(path, "".join(f"{line}\n" for line in lines))
