"""Kalman filters of constant velocity: one filter (kalman.py), three layouts of its state."""
