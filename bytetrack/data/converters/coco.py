"""Plain COCO json: classes chosen and renamed, images found, missing sizes filled in."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PureWindowsPath
from typing import Any

from bytetrack.data.converters.document import Document
from bytetrack.data.image_files import ImageFiles, image_size, warn_of_size
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.coco import read_coco, split_frame
from bytetrack.listing import listed
from bytetrack.names import shortened
from bytetrack.runtime.progress import with_progress

__all__ = ["CocoFile"]

LOOKED_FOR = 100  # images, to tell which folder they are in

log = logging.getLogger(__name__)


class CocoFile:
    """The COCO file `root`/`annotations`, with images in `root`/`images`.

    `annotations` None: the one json file in `root` or `root`/annotations. `images` None: `root` itself or the folder below it that
    has the first image (COCO's train2017, val2017; images). `classes` {new name: [names in the file]} chooses and renames, a list of
    names chooses; by default all stay as they are. Image ids, annotation ids, tracks and videos stay.
    """

    def __init__(
        self,
        root: str | Path,
        annotations: str | None = None,
        images: str | None = None,
        classes: Mapping[str, Sequence[str] | str] | Sequence[str] | None = None,
    ) -> None:
        self.root, self.annotations, self.images, self.classes = Path(root).expanduser(), annotations, images, _by_new_name(classes)

    def to_coco(self, skip_missing: bool = False) -> dict[str, Any]:
        """Makes the COCO document; MissingDataError without annotations or images, FormatError for a wrong record."""
        path = self._annotations()
        document = read_coco(path)
        new_id, categories = self._classes(path, document)
        result = Document(self.root, skip_missing=skip_missing)
        folder, named = self._folder(path, document["images"], result.files), False
        for row, image in enumerate(with_progress(document["images"], path.name)):
            if not isinstance(image.get("file_name"), str) or not PureWindowsPath(image["file_name"]).name:
                raise FormatError(f"{path}: images[{row}] needs 'file_name', the path of a file: got {image.get('file_name')!r}")
            result.name(folder / PureWindowsPath(image["file_name"]).as_posix())  # refuses what lies elsewhere, before it is looked for
            file = _found(folder, image["file_name"], result.files)
            if file is None:
                result.leave_out(f"{path}: no image {folder / image['file_name']}")
                continue
            known = image.get("width") and image.get("height")
            size = (image["width"], image["height"]) if known else result.measure(file, str(file))
            named = named or (known and size is not None and _is_other_size(file, size))
            if size is not None:
                result.images.append(image | {"file_name": result.name(file), "width": size[0], "height": size[1]})
        known_ids = {category.get("id") for category in document["categories"]}
        images = {image.get("id") for image in result.images}
        annotations = [
            {key: value for key, value in annotation.items() if key not in ("segmentation", "keypoints", "num_keypoints")}
            | {"category_id": new_id.get(category, category if self.classes is None else None)}
            for annotation in document["annotations"]
            if (category := annotation.get("category_id")) in new_id or category not in known_ids  # which its reader will refuse
            if not result.left_out or annotation.get("image_id") in images
        ]
        info = result.info() | {"annotations": str(path)}
        return document | {"info": info, "images": result.images, "annotations": annotations, "categories": categories}

    def _annotations(self) -> Path:
        if self.annotations is not None:
            return self.root / self.annotations
        folders = [folder for folder in (self.root, self.root / "annotations") if folder.is_dir()]
        found = [path for folder in folders for path in listed(folder, (".json",))]
        if len(found) != 1:
            names = ", ".join(path.relative_to(self.root).as_posix() for path in found[:6]) or "none"
            raise MissingDataError(f"expected one json file in {str(self.root)!r}, found {names}: choose with dataset.annotations=")
        return found[0]

    def _folder(self, annotations: Path, images: list[dict[str, Any]], files: ImageFiles) -> Path:
        if self.images is not None:
            return self.root / self.images
        names = [str(image.get("file_name")) for image in images[:LOOKED_FOR]]
        candidates = (self.root, self.root / "images", self.root / annotations.stem.rpartition("_")[2], annotations.parent)
        for folder in candidates:
            if folder.is_relative_to(self.root) and (not names or any(_found(folder, name, files) for name in names)):
                return folder
        raise MissingDataError(
            f"no image {names[0]!r} in {', '.join(sorted({str(folder) for folder in candidates}))}: "
            "give dataset.images=, their folder below dataset.root"
        )

    def _classes(self, path: Path, document: dict[str, Any]) -> tuple[dict[Any, int | None], list[dict[str, Any]]]:
        """Returns the new id of every wanted category, and the categories, without those that only group others and have no boxes."""
        categories = document["categories"]
        if self.classes is None:
            used = {annotation.get("category_id") for annotation in document["annotations"]}
            idle = [category for category in categories if used and category.get("id") not in used]
            above = {c.get("supercategory") for c in categories if c.get("supercategory") != c.get("name")} - {None}
            groups = [category for category in idle if category.get("name") in above]
            if groups:
                log.warning("%s: dropped, because it has no boxes and only groups other categories: %s", path, _names(groups))
            if len(idle) > len(groups):
                others = [category for category in idle if category not in groups]
                log.warning("%s: no box of %s; dataset.classes={NAME: [NAME], ...} chooses categories", path, _names(others))
            return {c.get("id"): c.get("id") for c in categories}, [c for c in categories if c not in groups]
        found: dict[Any, list[Any]] = {}
        for category in categories:
            found.setdefault(category.get("name"), []).append(category.get("id"))
        new_id = {i: new for new, names in enumerate(self.classes.values(), start=1) for name in names for i in found.get(name, ())}
        lacking = [new for new, names in self.classes.items() if not set(names) & set(found)]
        if lacking:
            raise FormatError(f"{path}: no category for class {lacking[0]!r}; found {', '.join(map(str, list(found)[:8]))}")
        return {**new_id}, [{"id": i, "name": name} for i, name in enumerate(self.classes, start=1)]


def _by_new_name(classes: object) -> dict[str, list[str]] | None:
    """Returns the names in the file by new name; ValueError for what names no classes."""
    if classes is None:
        return None
    given = classes if isinstance(classes, Mapping) else {name: name for name in classes} if isinstance(classes, Sequence) else {}
    if isinstance(classes, str) or not given:
        raise ValueError(f"classes must be [NAME, ...], or {{NEW NAME: [NAME, ...]}}: got {classes!r}")
    return {str(new): [names] if isinstance(names, str) else [str(name) for name in names] for new, names in given.items()}


def _found(folder: Path, name: str, files: ImageFiles) -> Path | None:
    """Finds the image, or the frame of a video, that a record names; also where Windows wrote the name, with backslashes."""
    for written in (name, name.replace("\\", "/")):
        path, frame = split_frame(written)
        found = files.find(folder / path)
        if found is not None:
            return found if frame is None else Path(f"{found}{written[len(path) :]}")
    return None


def _is_other_size(file: Path, said: tuple[int, int]) -> bool:
    """Warns of an image that has another size than it is said to have; one that cannot be read is left to the check."""
    with suppress(FormatError, MissingDataError, OSError):
        size = image_size(file)
        if size != said:
            warn_of_size(file, size, "it", said, ": check=true names all such images")
            return True
    return False


def _names(categories: list[dict[str, Any]]) -> str:
    return shortened([category.get("name") for category in categories], 5)
