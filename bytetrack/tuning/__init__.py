"""Replays recorded detections thousands of times, to search a tracker's settings (`tune`) and to compare runs (`compare`)."""
