"""Score a folder of result files against a dataset's ground truth, and write a report: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

from pathlib import Path
from typing import Any

from bytetrack.config import build, out_folder, save, verb


@verb("score")
def main(config: Any) -> None:
    from bytetrack import pipeline

    dataset = build(config.dataset)
    sequences, compare = pipeline.sequences_of(dataset), pipeline.earlier_run(config.compare)
    folder = pipeline.result_folder(Path(config.tracks), sequences)
    out = out_folder(config.out, "score")
    job = pipeline.ScoreJob(folder, dataset.protocol, out / "tracks")
    scores = pipeline.score_sequences(job, sequences, out, build(config.executor))
    save(config, out)
    pipeline.report_results(scores, dataset, out, compare)


if __name__ == "__main__":
    main()
