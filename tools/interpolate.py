"""The former name of `tools/refine.py refine=linear`: says so, and runs that."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

import sys

from bytetrack.config import run_verb


def main() -> None:
    settings = ("min_length=", "max_gap=")
    words = [f"refine.steps.interpolate.{word}" if word.startswith(settings) else word for word in sys.argv[1:]]
    sys.stderr.write(f"interpolate is now: bytetrack refine {' '.join(['refine=linear', *words])}\n")
    run_verb("refine", ["refine=linear", *words])


if __name__ == "__main__":
    main()
