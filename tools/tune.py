"""Search a tracker's settings over recorded detections: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

from typing import Any

from bytetrack.config import build, out_folder, plain, save, verb


@verb("tune")
def main(config: Any) -> None:
    from omegaconf import OmegaConf

    from bytetrack.tuning.report import show
    from bytetrack.tuning.run import tune
    from bytetrack.tuning.search import SearchPlan, parse_objective
    from bytetrack.tuning.space import read_space

    tracker = plain(config.tracker)
    space = read_space(plain(config.get("space")), tracker)
    plan = SearchPlan(tracker, space, parse_objective(config.objective), config.trials, config.copies, config.seed, config.prune)
    dataset, detector, camera = build(config.dataset), build(config.detector), build(config.camera_motion)
    what = {key: plain(config[key]) for key in ("dataset", "detector", "camera_motion", "per_sequence")}
    filters = {"min_box_area": config.min_box_area, "max_aspect_ratio": config.max_aspect_ratio}
    out = out_folder(config.out, "tune")

    def save_run(settings: dict[str, Any], folder: Any) -> None:
        save(OmegaConf.merge(config, {"tracker": settings, "out": str(folder)}), folder)

    save(config, out)
    judged = (config.fresh_copies, config.workers, what["per_sequence"], what, camera)
    evaluation = tune(plan, dataset, detector, filters, build, save_run, out, *judged)
    show(evaluation, out)


if __name__ == "__main__":
    main()
