"""Counting from tracks: crossings of lines, visits of zones, dwell times, speed if the ground is known; regions for tracking."""

from bytetrack.counting.counter import Counter, Motion
from bytetrack.counting.events import Event, EventFile
from bytetrack.counting.regions import Regions
from bytetrack.counting.webhook import Webhook

__all__ = ["Counter", "Event", "EventFile", "Motion", "Regions", "Webhook"]
