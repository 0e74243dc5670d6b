"""Result files of trackers and annotation tools: MOT, KITTI, CVAT, COCO-VID, CSV, JSON Lines, each read into the same `Result`."""

from bytetrack.data.formats.convert import FORMATS, convert, read, sniff, write
from bytetrack.data.formats.result import Result

__all__ = ["FORMATS", "Result", "convert", "read", "sniff", "write"]
