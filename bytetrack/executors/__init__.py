"""Executors run jobs in processes of this machine or on a Ray cluster. Results are the same."""

from bytetrack.executors.processes import Processes
from bytetrack.executors.ray import Ray

__all__ = ["Processes", "Ray"]
