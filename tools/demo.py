"""Track a webcam, a stream, a video or images: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

import sys
from typing import Any

from bytetrack.config import build, out_folder, plain, save, verb

PARTS = ("source", "stream", "lines", "zones", "homography", "events", "draw", "video", "show", "serve", "page", "tracker", "classes")
LIMITS = ("max_frames", "min_box_area", "max_aspect_ratio")


@verb("demo")
def main(config: Any) -> None:
    from bytetrack.demo.multi_source import build_demos, refuse_missing_sources

    refuse_missing_sources(plain(config.source))
    detector = build(config.detector)
    out = out_folder(config.out, "demo")
    settings = {name: plain(config[name]) for name in PARTS + LIMITS}
    demo = build_demos(detector, build, out=out, embedder=build(config.embedder), **settings)
    save(config, out)
    status = demo.run()
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
