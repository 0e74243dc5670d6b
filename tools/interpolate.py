"""Fill the gaps of trajectories with straight lines: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

from pathlib import Path
from typing import Any

from bytetrack.config import out_folder, save, verb


@verb("interpolate")
def main(config: Any) -> None:
    from bytetrack import pipeline
    from bytetrack.refining import Interpolate, Refiner

    source = pipeline.result_folder(Path(config.tracks))
    out = out_folder(config.out, "interpolate")
    fill = Refiner({"interpolate": Interpolate(config.min_length, config.max_gap)})
    pipeline.rewrite_trajectories(source, out / "tracks", fill)
    save(config, out)


if __name__ == "__main__":
    main()
