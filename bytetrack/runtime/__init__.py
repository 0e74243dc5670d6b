"""Compiled kernels, process pools, signals, atomic files, progress bars, fingerprints."""
