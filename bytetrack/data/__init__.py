"""Data: MOT files and datasets, COCO annotations, converters, augmentation, generated scenes."""
