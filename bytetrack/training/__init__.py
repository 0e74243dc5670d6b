"""Trains the detector: a recipe, the network's settings and a folder in, a checkpoint out."""

from bytetrack.training.recipe import NetworkSettings, Recipe
from bytetrack.training.train import train

__all__ = ["NetworkSettings", "Recipe", "train"]
