"""Image and video files as files: where they are, and how large, without decoding any."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.listing import IMAGE_ENDINGS, listed
from bytetrack.orientation import is_turned, warn

__all__ = ["ImageFiles", "image_size", "sequence_fields", "warn_of_size"]

ASSUMED_FRAME_RATE = 30  # frames a second, MOTChallenge's commonest

log = logging.getLogger(__name__)


def image_size(path: Path) -> tuple[int, int]:
    """Returns width and height from the file's header, nothing decoded and no EXIF rotation; MissingDataError, FormatError."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            if is_turned(image):
                warn(path.parent)
            return image.size
    except FileNotFoundError:
        raise MissingDataError(f"no image {path}; skip_missing=true leaves out what is not there") from None
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError, EOFError) as error:
        raise FormatError(f"{path} is no readable image: {error}") from None
    except OSError as error:
        if path.is_dir():
            raise FormatError(f"{path} is no readable image: it is a folder") from None
        if error.errno is not None:
            raise
        raise FormatError(f"{path} is no readable image: {error}") from None  # Pillow's word for what ends early


def warn_of_size(file: Path | None, size: tuple[int, int], whose: str, said: tuple[int, int], more: str = "") -> None:
    """Warns of a file of another size (width, height) than `whose` is said to have."""
    log.warning("%s: %d x %d pixels, but %s should have %d x %d, to which its boxes refer%s", file, *size, whose, *said, more)


class ImageFiles:
    """Finds image files by the names that annotations give them; every folder is listed once. `renamed` have another name there."""

    def __init__(self) -> None:
        self.renamed: list[Path] = []
        self._folders: dict[Path, dict[str, str]] = {}

    def find(self, file: Path, any_ending: bool = False) -> Path | None:
        """Returns `file` if it is there, else the one beside it whose name differs in case or in its image ending only."""
        there = self._listed(file.parent)
        known = next((there[name] for name in (file.name, file.name.lower(), file.stem.lower()) if name in there), None)
        if known not in (None, file.name) and not any_ending:
            self.renamed.append(file)
        return None if known is None else file.parent / known

    def has_any_in(self, folder: Path) -> bool:
        """Says whether the folder holds a file at all."""
        return bool(self._listed(folder))

    def _listed(self, folder: Path) -> dict[str, str]:
        """Returns the files of a folder by name, by name in lower case, and images by that without ending; the exact name goes first."""
        if folder not in self._folders:
            names = [path.name for path in listed(folder)] if folder.is_dir() else []
            images = [name for name in names if name.lower().endswith(IMAGE_ENDINGS)]
            known = {Path(name).stem.lower(): name for name in reversed(images)} | {name.lower(): name for name in reversed(names)}
            self._folders[folder] = known | {name: name for name in names}
        return self._folders[folder]


def sequence_fields(images: Path, names: Sequence[str | None]) -> dict[str, str]:
    """Infers seqinfo.ini's fields of a folder of images with one of `names` a frame, or of a video file; warns of it.

    Empty if there is no image. FormatError where the file is no video.
    """
    fields = _video_fields(images) if images.is_file() else _folder_fields(images, names)
    if fields:
        log.warning(
            "%s: no seqinfo.ini; taken as %s frames of %sx%s pixels at %s a second",
            images,
            *(fields[key] for key in ("seqlength", "imwidth", "imheight", "framerate")),
        )
    return fields


def _folder_fields(folder: Path, names: Sequence[str | None]) -> dict[str, str]:
    first = next((name for name in names if name is not None), None)
    if first is None:
        return {}
    width, height = image_size(folder / first)
    return {"seqlength": str(len(names)), "framerate": str(ASSUMED_FRAME_RATE), "imwidth": str(width), "imheight": str(height)}


def _video_fields(video: Path) -> dict[str, str]:
    from bytetrack.timeline import timeline

    found = timeline(video)
    width, height = found.size
    return {"seqlength": str(len(found.stamps)), "framerate": f"{found.rate:g}", "imwidth": str(width), "imheight": str(height)}
