"""Track a webcam, a stream, a video or images: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

import sys
from typing import Any

from bytetrack.config import build, out_folder, plain, save, verb


@verb("demo")
def main(config: Any) -> None:
    from bytetrack.demo.multi_source import build_demos, refuse_missing_sources
    from bytetrack.demo.settings import DemoSettings

    refuse_missing_sources(plain(config.source))
    detector = build(config.detector)
    out = out_folder(config.out, "demo")
    settings = DemoSettings.read(lambda name: plain(config[name]))
    demo = build_demos(
        detector, build, plain(config.tracker), settings, plain(config.source), out, build(config.embedder), build(config.camera_motion)
    )
    save(config, out)
    status = demo.run()
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
