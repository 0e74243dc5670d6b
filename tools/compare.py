"""Several runs side by side, with intervals, and where they differ: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

from pathlib import Path
from string import ascii_lowercase
from typing import Any

from bytetrack.config import build, build_untrusted, out_folder, plain, verb


@verb("compare")
def main(config: Any) -> None:
    from bytetrack.tuning.compare import compare, show

    runs = plain(config.runs)
    if not isinstance(runs, dict):  # a, b, c, … z, 27
        runs = {ascii_lowercase[n : n + 1] or str(n + 1): run for n, run in enumerate(runs if isinstance(runs, list) else [runs])}
    folders = {key: Path(folder) for key, folder in runs.items()}
    out = out_folder(config.out, "compare")
    root = None if config.root is None else Path(config.root)
    trusted = build if config.trust else build_untrusted
    show(compare(folders, trusted, out, config.copies, config.seed, config.workers, root), out)


if __name__ == "__main__":
    main()
