"""Pixels in, pixels out: reading frames, drawing on them, writing video. Knows OpenCV and PyAV, nothing of tracking."""
