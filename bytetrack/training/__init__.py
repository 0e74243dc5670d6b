"""Training of YOLOX detectors: label assignment, losses, the loop, checkpoints."""
