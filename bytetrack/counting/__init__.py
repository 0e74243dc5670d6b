"""Counting from tracks: lines crossed, zones entered and left, time spent, speed where the ground is known; regions to look at."""

from bytetrack.counting.counter import Counter, Motion
from bytetrack.counting.events import Event, EventFile
from bytetrack.counting.regions import Regions
from bytetrack.counting.webhook import Webhook

__all__ = ["Counter", "Event", "EventFile", "Motion", "Regions", "Webhook"]
