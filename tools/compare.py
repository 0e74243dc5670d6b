"""Several runs side by side, with intervals, and where they differ: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

import string
from pathlib import Path
from typing import Any

from bytetrack.config import build, out_folder, verb


@verb("compare")
def main(config: Any) -> None:
    from bytetrack.tuning.compare import compare, show

    folders = {key: Path(str(config[key])) for key in string.ascii_lowercase if config.get(key) is not None or key == "a"}
    out = out_folder(config.out, "compare")
    root = None if config.root is None else Path(config.root)
    show(compare(folders, build, out, config.copies, config.seed, config.workers, root), out)


if __name__ == "__main__":
    main()
