"""Generated street scenes with ground truth: data for the quickstart and the tests, from a seed, without a download."""

from bytetrack.examples.scenes.dataset import Settings, make_dataset

__all__ = ["Settings", "make_dataset"]
