"""Trains the detector: a recipe, the network's settings and a folder in, a checkpoint out."""

from bytetrack.training.launch import train
from bytetrack.training.recipe import NetworkSettings, Recipe

__all__ = ["NetworkSettings", "Recipe", "train"]
