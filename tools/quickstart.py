"""Generate street scenes, train a detector, track with and without low-score boxes, score, report, film: see `--help`."""

from pathlib import Path
from typing import Any

from bytetrack.config import build, out_folder, plain, save, verb


@verb("quickstart")
def main(config: Any) -> None:
    from omegaconf import OmegaConf

    from bytetrack import quickstart

    build(config.scenes)
    dataset = build(config.dataset)
    out, runs = out_folder(config.out, "quickstart"), {}
    if config.trained:
        halves = {build(config.dataset, half="train"): config.train.data[0].path, dataset: config.train.val[0].path}
        quickstart.train(build(config.train), halves, Path(config.detector.weights), plain(config.detector))
        detector = quickstart.detect(build(config.detector), dataset, out)
    else:
        detector = build(config.simulated)
    for name, changes in plain(config.runs).items():
        settings = OmegaConf.merge(config, {"tracker": changes})
        runs[name] = quickstart.run(dataset, detector, build, plain(settings.tracker), out / name, config.workers)
        save(settings, out / name)
    quickstart.present(
        dataset, runs, out, config.tracker.high_score, config.scale if config.video else None, config.workers, not config.trained
    )


if __name__ == "__main__":
    main()
