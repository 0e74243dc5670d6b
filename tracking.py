"""`python tracking.py` tracks the webcam, `python tracking.py --video FILE` a video; everything else is `python tools/demo.py --help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

import argparse

from bytetrack.config import in_quotes, run_verb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", metavar="FILE", help="a video file instead of the webcam")
    arguments, settings = parser.parse_known_args()
    run_verb("demo", [f"source={in_quotes(arguments.video)}", *settings] if arguments.video else settings)


if __name__ == "__main__":
    main()
