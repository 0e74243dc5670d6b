"""Draw result files over their frames: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

from pathlib import Path
from typing import Any

from bytetrack.config import build, out_folder, plain, save, verb


@verb("draw")
def main(config: Any) -> None:
    from bytetrack.demo.draw_results import clips, redraw

    dataset = build(config.dataset) if "dataset" in config else None
    found = clips(Path(config.tracks).expanduser(), config.source, dataset, config.frame_rate)
    out = out_folder(config.out, "draw")
    redraw(found, out, plain(config.draw), config.high_score, plain(config.class_names), plain(config.video))
    save(config, out)


if __name__ == "__main__":
    main()
