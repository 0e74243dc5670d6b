"""File formats: one module reads and writes each format, and `formats.FORMATS` lists them all.

MOT, KITTI, CVAT, COCO-VID, CSV and JSON Lines are results of trackers and annotation tools; each is read into a `Result`. MOT, KITTI,
VisDrone and BDD100K are ground truth, which is read into `Annotations`.
"""

from bytetrack.io.formats import FORMATS, RESULTS, read_annotations, sniff, write_results
from bytetrack.io.mot import read_detections, read_trajectories, write_trajectories
from bytetrack.io.result import Result

__all__ = [
    "FORMATS",
    "RESULTS",
    "Result",
    "read_annotations",
    "read_detections",
    "read_trajectories",
    "sniff",
    "write_results",
    "write_trajectories",
]
