"""Detectors: something that says where the boxes of a frame are."""
