"""CrowdHuman: one json record a line (odgt), amodal full-body boxes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bytetrack.data.converters.document import Document
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.text import four_numbers, read_text
from bytetrack.listing import IMAGE_ENDINGS, files_below, is_litter
from bytetrack.runtime.progress import with_progress

__all__ = ["CrowdHuman"]


class CrowdHuman:
    """The records of the odgt files in `root` whose name matches `annotations`, with the images `<ID>.jpg` anywhere below `root`.

    Labels are the full-body boxes (`fbox`), which may leave the image; masks and boxes marked `ignore` become crowd boxes, which
    are neither object nor background. A box's visible part is kept as `bbox_vis`.
    """

    def __init__(self, root: str | Path, annotations: str = "*.odgt") -> None:
        self.root, self.annotations = Path(root).expanduser(), annotations

    def to_coco(self, skip_missing: bool = False) -> dict[str, Any]:
        """Makes the COCO document; MissingDataError without annotations or images, FormatError naming the line that is wrong."""
        files = sorted(path for path in self.root.glob(self.annotations) if not is_litter(path.name))
        if not files:
            there = ", ".join(sorted(path.name for path in self.root.glob("*.odgt"))) or "no odgt file"
            raise MissingDataError(f"no annotations {self.annotations!r} in {str(self.root)!r}: it holds {there}")
        images = {path.stem: path for path in files_below(self.root, IMAGE_ENDINGS)}
        document = Document(self.root, skip_missing=skip_missing)
        for file in files:
            lines = read_text(file).splitlines()
            for number, line in enumerate(with_progress(lines, file.name), start=1):
                if not line.strip():
                    continue
                where = f"{file}:{number}"
                record = _record(line, where)
                image = images.get(record["ID"])
                size = document.measure(image, f"{where}: no image {record['ID']}.jpg below {str(self.root)!r}, {len(images)} are there")
                if image is None or size is None:
                    continue
                image_id = document.image(image, size)
                for box in record["gtboxes"]:
                    _add_box(document, image_id, box, where)
        return document.whole()


def _record(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
        boxes = record.get("gtboxes") or []
        if isinstance(record["ID"], str) and isinstance(boxes, list) and all(isinstance(box, dict) for box in boxes):
            return {"ID": record["ID"], "gtboxes": boxes}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise FormatError(f'{where}: expected {{"ID": text, "gtboxes": [{{...}}, ...]}}, got {line[:80]!r}')


def _add_box(document: Document, image_id: int, box: dict[str, Any], where: str) -> None:
    extra = box["extra"] if isinstance(box.get("extra"), dict) else {}
    crowd = extra.get("ignore", 0) == 1 or box.get("tag", "person") != "person"
    visible = four_numbers(box["vbox"], where, "vbox") if box.get("vbox") is not None else None
    document.box(image_id, four_numbers(box.get("fbox"), where, "fbox"), crowd=crowd, visible=visible)
