"""Raw dataset folders to COCO documents, one module a format. Nothing is ever written into the user's dataset."""

from __future__ import annotations

from typing import Any

from bytetrack.data.converters.bdd100k import Bdd100k
from bytetrack.data.converters.coco import CocoFile
from bytetrack.data.converters.crowdhuman import CrowdHuman
from bytetrack.data.converters.jde import LabelsWithIds
from bytetrack.data.converters.mot import coco_from_sequences
from bytetrack.interfaces import CocoSource, Dataset

__all__ = ["Bdd100k", "CocoFile", "CrowdHuman", "LabelsWithIds", "convert"]


def convert(dataset: Dataset | CocoSource, skip_missing: bool = False) -> dict[str, Any]:
    """Makes the COCO document of `dataset`: one of this package's, or anything with `sequences()` and `protocol` (MOT layout).

    `skip_missing` leaves out images that are not there instead of raising MissingDataError; sequences that have no images at all need
    none, if seqinfo.ini says their size.
    """
    if isinstance(dataset, CocoSource):
        return dataset.to_coco(skip_missing)
    return coco_from_sequences(dataset.sequences(), dataset.protocol, skip_missing)
