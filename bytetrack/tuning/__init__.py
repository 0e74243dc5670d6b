"""Replays of recorded detections, thousands of them: searching a tracker's settings (`tune`) and comparing runs (`compare`)."""
