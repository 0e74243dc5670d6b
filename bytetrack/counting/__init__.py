"""Counting from tracks: lines crossed, zones entered and left, time spent, and speed where the ground is known."""

from bytetrack.counting.counter import Counter, Motion
from bytetrack.counting.events import Event, EventFile
from bytetrack.counting.webhook import Webhook

__all__ = ["Counter", "Event", "EventFile", "Motion", "Webhook"]
