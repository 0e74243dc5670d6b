"""Refine finished tracks, offline: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

from pathlib import Path
from typing import Any

from bytetrack.config import build, out_folder, save, verb


@verb("refine")
def main(config: Any) -> None:
    from bytetrack import pipeline, refining

    refiner, detector = build(config.refine), build(config.get("detector"))
    if "dataset" not in config:
        refining.refuse_unused(detector, build(config.camera_motion), config.compare)
        source = pipeline.result_folder(Path(config.tracks))
        refining.note_idle_steps(refiner)
        out = out_folder(config.out, "refine")
        pipeline.rewrite_trajectories(source, out / "tracks", refiner)
        save(config, out)
        return
    dataset = build(config.dataset)
    sequences, compare = pipeline.sequences_of(dataset), pipeline.earlier_run(config.compare)
    source = pipeline.result_folder(Path(config.tracks), sequences)
    out = out_folder(config.out, "refine")
    job = refining.job_for(refiner, source, out, dataset.protocol, detector, build(config.camera_motion))
    scores = pipeline.score_sequences(job, sequences, out, build(config.executor))
    save(config, out)
    pipeline.report_results(scores, dataset, out, compare)


if __name__ == "__main__":
    main()
