"""Convert result files between MOT, KITTI, CVAT, COCO-VID, CSV and JSON Lines: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

from pathlib import Path
from typing import Any

from bytetrack.config import plain, verb


@verb("convert")
def main(config: Any) -> None:
    from bytetrack.data.convert import convert

    convert(
        Path(config.input),
        config.to,
        Path(config.out),
        source_format=config["from"],
        classes=plain(config.classes),
        root=Path(config.root) if config.root else None,
        size=plain(config.size),
        frame_rate=config.frame_rate,
        same_for_all_detectors=config.same_for_all_detectors,
    )


if __name__ == "__main__":
    main()
