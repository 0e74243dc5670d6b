"""Detect, track and score every sequence of a dataset, and write a report: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

from pathlib import Path
from typing import Any

from bytetrack.config import build, out_folder, plain, save, verb


@verb("track")
def main(config: Any) -> None:
    from bytetrack import pipeline

    dataset = build(config.dataset)
    sequences, compare = pipeline.sequences_of(dataset), pipeline.earlier_run(config.compare)
    network_or_files = build(config.detector)
    tracker_for = pipeline.TrackerFactory(build, plain(config.tracker), plain(config.per_sequence) or {}, config.frame_rate)
    tracker_for.name_unmatched(sequences)
    embedder = build(config.embedder)
    network_or_files = pipeline.describing_for(network_or_files, embedder, tracker_for, sequences)
    classes = pipeline.class_match_for(network_or_files, dataset.protocol, sequences)
    out = out_folder(config.out, "track")
    executor = build(config.executor)
    detector = pipeline.replayable(network_or_files, sequences, Path(config.detections or out / "detections"), executor, config.streams)
    camera = pipeline.camera_motion_for(build(config.camera_motion), tracker_for, sequences, out)
    looks = pipeline.feature_cache_for(embedder, tracker_for, sequences, Path(config.features or out / "features"))
    filters = (config.min_box_area, config.max_aspect_ratio)
    job = pipeline.TrackJob(detector, tracker_for, out / "tracks", dataset.protocol, *filters, camera, config.frame_rate, looks, classes)
    scores = pipeline.score_sequences(job, sequences, out, executor)
    save(config, out)
    pipeline.report_results(scores, dataset, out, compare)


if __name__ == "__main__":
    main()
