"""Generate street scenes, track them with and without low-score boxes, score, report, film: see `--help`."""

from typing import Any

from bytetrack.config import build, out_folder, plain, save, verb


@verb("quickstart")
def main(config: Any) -> None:
    from omegaconf import OmegaConf

    from bytetrack import quickstart

    build(config.scenes)
    dataset, detector = build(config.dataset), build(config.detector)
    out, runs = out_folder(config.out, "quickstart"), {}
    for name, changes in plain(config.runs).items():
        settings = OmegaConf.merge(config, {"tracker": changes})
        runs[name] = quickstart.run(dataset, detector, build, plain(settings.tracker), out / name, config.workers)
        save(settings, out / name)
    simulated = config.detector._target_.endswith(".Simulated")
    quickstart.present(dataset, runs, out, config.tracker.high_score, config.scale if config.video else None, config.workers, simulated)


if __name__ == "__main__":
    main()
