"""One page on what is installed and found here, and whether given files are in order: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

import sys
from typing import Any

from bytetrack.config import build, verb


@verb("doctor")
def main(config: Any) -> None:
    from bytetrack import doctor

    dataset = build(config.dataset) if config.get("dataset") is not None else None
    if doctor.show(doctor.examine(dataset, config.checkpoint, config.video)):
        sys.exit(1)


if __name__ == "__main__":
    main()
