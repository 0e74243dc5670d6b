"""Generate street scenes, train a detector, track with and without low-score boxes, score, report, film: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

from pathlib import Path
from typing import Any

from bytetrack.config import build, out_folder, plain, save, verb


@verb("quickstart")
def main(config: Any) -> None:
    from omegaconf import OmegaConf

    from bytetrack import quickstart

    weights = Path(config.detector.weights) if config.trained else None
    steps = quickstart.Steps(2 + len(config.runs) + 2 * bool(weights), weights and weights.parent)
    steps("drawing street scenes")
    build(config.scenes)
    dataset, out, runs = build(config.dataset), out_folder(config.out, "quickstart"), {}
    quickstart.picture(dataset.sequences(), out / "scenes.jpg")
    if weights:
        steps(f"training a detector from nothing on their first halves, in {weights.parent} (if interrupted, the same command goes on)")
        halves = {build(config.dataset, half="train"): config.train.data[0].path, dataset: config.train.val[0].path}
        quickstart.train(build(config.train), halves, weights, plain(config.detector))
        steps("detecting people in their second halves")
        detector = quickstart.detect(build(config.detector), dataset, weights.parent)
    else:
        detector, others = build(config.simulated), [name for name in config if name != "detector"]
        config = OmegaConf.merge(OmegaConf.masked_copy(config, others), {"detector": config.simulated})
    for name, changes in plain(config.runs).items():
        steps(f"tracking them: {name.replace('_', ' ')}")
        settings = OmegaConf.merge(config, {"tracker": changes})
        runs[name] = quickstart.run(dataset, detector, build, plain(settings.tracker), out / name, config.workers)
        save(settings, out / name)
    steps("reports and videos")
    quickstart.present(dataset, runs, out, config.tracker.high_score, config.scale if config.video else None, config.workers, weights)


if __name__ == "__main__":
    main()
