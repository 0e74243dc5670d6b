"""How things run: compiled kernels, process pools, signals, atomic files, progress bars, fingerprints."""
