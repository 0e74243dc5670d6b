"""Plain COCO json: classes chosen and renamed, images found, missing sizes filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bytetrack.data.coco import read_coco, split_frame
from bytetrack.data.converters.document import Document, progress
from bytetrack.errors import FormatError, MissingDataError

__all__ = ["CocoFile"]


class CocoFile:
    """The COCO file `root`/`annotations`, with images in `root`/`images`.

    `annotations` None: the one json file in `root` or `root`/annotations. `images` None: `root` itself or the folder below it that
    has the first image (COCO's train2017, val2017; images). `classes` {new name: [names in the file]} chooses and renames; by
    default all stay as they are. Image ids, annotation ids, tracks and videos stay.
    """

    def __init__(
        self, root: str | Path, annotations: str | None = None, images: str | None = None, classes: dict[str, list[str]] | None = None
    ) -> None:
        self.root, self.annotations, self.images, self.classes = Path(root), annotations, images, classes

    def to_coco(self, skip_missing: bool = False) -> dict[str, Any]:
        """The COCO document; MissingDataError without annotations or images, FormatError for a wrong record."""
        path = self._annotations()
        document = read_coco(path)
        folder = self._folder(path, document["images"])
        result = Document(self.root, skip_missing=skip_missing)
        for row, image in enumerate(progress(document["images"], path.name)):
            if not isinstance(image.get("file_name"), str):
                raise FormatError(f"{path}: images[{row}] needs 'file_name', a text: got {image.get('file_name')!r}")
            file = folder / image["file_name"]
            known = image.get("width") and image.get("height")
            is_there = not skip_missing or (folder / split_frame(image["file_name"])[0]).is_file()
            size = (image["width"], image["height"]) if known and is_there else result.measure(file, str(file))
            if size is not None:
                name = result.name(file)
                result.images.append(image | {"file_name": name, "width": size[0], "height": size[1]})
        images = {image.get("id") for image in result.images}
        new_id, categories = self._classes(path, document["categories"])
        annotations = [
            {key: value for key, value in annotation.items() if key not in ("segmentation", "keypoints", "num_keypoints")}
            | {"category_id": new_id[annotation["category_id"]]}
            for annotation in document["annotations"]
            if annotation.get("category_id") in new_id and (not result.left_out or annotation.get("image_id") in images)
        ]
        return document | {"info": result.info(), "images": result.images, "annotations": annotations, "categories": categories}

    def _annotations(self) -> Path:
        if self.annotations is not None:
            return self.root / self.annotations
        found = sorted(path for folder in (self.root, self.root / "annotations") for path in folder.glob("*.json"))
        if len(found) != 1:
            names = ", ".join(path.relative_to(self.root).as_posix() for path in found[:6]) or "none"
            raise MissingDataError(f"expected one json file in {str(self.root)!r}, found {names}: choose with dataset.annotations=")
        return found[0]

    def _folder(self, annotations: Path, images: list[dict[str, Any]]) -> Path:
        if self.images is not None:
            return self.root / self.images
        name = split_frame(str(images[0].get("file_name")))[0] if images else ""
        candidates = (self.root, self.root / "images", self.root / annotations.stem.rpartition("_")[2], annotations.parent)
        for folder in candidates:
            if (folder / name).exists() and folder.is_relative_to(self.root):
                return folder
        raise MissingDataError(
            f"no image {name!r} in {', '.join(sorted({str(folder) for folder in candidates}))}: "
            "give dataset.images=, their folder below dataset.root"
        )

    def _classes(self, path: Path, categories: list[dict[str, Any]]) -> tuple[dict[Any, int], list[dict[str, Any]]]:
        if self.classes is None:
            return {category.get("id"): category["id"] for category in categories if "id" in category}, categories
        found = {category.get("name"): category.get("id") for category in categories}
        new_id = {found[old]: i for i, names in enumerate(self.classes.values(), start=1) for old in names if old in found}
        lacking = [new for new, names in self.classes.items() if not set(names) & set(found)]
        if lacking:
            raise FormatError(f"{path}: no category for class {lacking[0]!r}; found {', '.join(map(str, list(found)[:8]))}")
        return new_id, [{"id": i, "name": name} for i, name in enumerate(self.classes, start=1)]
