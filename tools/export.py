"""Export a YOLOX to ONNX or OpenVINO, checked against torch: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

from typing import Any

from bytetrack.config import plain, verb


@verb("export")
def main(config: Any) -> None:
    from bytetrack.detection.export import export_file

    export_file(**plain(config))


if __name__ == "__main__":
    main()
