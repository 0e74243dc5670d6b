"""`python -m bytetrack.tracking`: compiles the kernels, so that no later program waits for it."""

from __future__ import annotations

import logging

from bytetrack.runtime.pool import cores
from bytetrack.tracking import warm_up

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    warm_up(cores())
