"""Where jobs run: the processes of this machine, or a Ray cluster. The jobs, and so the results, are the same."""

from bytetrack.executors.processes import Processes
from bytetrack.executors.ray import Ray

__all__ = ["Processes", "Ray"]
