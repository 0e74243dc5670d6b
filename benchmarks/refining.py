"""What each step of refinement is worth: the table of docs/refine.md, in Markdown.

    OMP_NUM_THREADS=1 python benchmarks/refining.py D [--copies 3] [--tracker byte_plus] [--only linked ...]

`D` holds MOT17/, detections/yolox_x_ablation/ and gmc/. Means over jittered copies of both halves of MOT17's training sequences, scored in
memory, HOTA / MOTA / IDF1 / switches. A row's settings are those of `tools/refine.py`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.every_tracker import Figures, Ground
from bytetrack.config import build, compose
from bytetrack.refining import Refiner

GAUSSIAN = "{_target_: bytetrack.refining.SmoothGaussian, tau: 5.0, noise: 0.01, filled_noise: 2.0}"  # as refine=gaussian
ROWS = {
    "online": None,
    "`linear`": ["refine=linear"],
    "`gaussian`": ["refine=gaussian"],
    "`full`": ["refine=full"],
    "`full` without Remeasure": ["refine.steps.remeasure=null"],
    "`full` without Extend": ["refine.steps.extend=null"],
    "`full` without DropDoubtful": ["refine.steps.drop_doubtful=null"],
    "`full` without DropShort": ["refine.steps.drop_short=null"],
    "`full` without Interpolate": ["refine.steps.interpolate=null"],
    "`full` without smoothing": ["refine.steps.smooth=null"],
    "`full`, smoothed by SmoothGaussian": ["refine.steps.smooth=null", f"+refine.steps.gaussian={GAUSSIAN}"],
    "`full`, drops below a mean of 0.7": ["refine.steps.drop_doubtful.min_mean_score=0.7"],
    "`linked`": ["refine=linked"],
    "`linked`, gaps of up to 90 frames filled": ["refine=linked", "refine.steps.link.max_gap=90", "refine.steps.interpolate.max_gap=90"],
}
BLIND = {"`full`, no camera motion": (False, True), "`full`, neither detections nor camera motion": (False, False)}


def cell(rows: Figures) -> str:
    hota, mota, idf1, switches = rows.mean(axis=0)
    return f"{hota:.2f} / {mota:.2f} / {idf1:.2f} / {switches:.0f}"


def refiner_of(words: list[str]) -> Refiner:
    refiner: Refiner = build(compose("refine", ["tracks=.", *words]).refine)
    return refiner


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--tracker", default="byte_plus")
    parser.add_argument("--only", nargs="*", help="rows with one of these in their name")
    given = parser.parse_args()
    grounds = [Ground(given.data, dataset=name) for name in ("mot17_val_half", "mot17_train_half")]
    settings, copies = [f"tracker={given.tracker}", "tracker.covered_frames=0"], range(1, given.copies + 1)
    print("| steps | val halves | first halves |\n|---|---|---|")
    for name, words in {**ROWS, **{name: [] for name in BLIND}}.items():
        if given.only and not any(part in name for part in given.only):
            continue
        refiner, sees = None if words is None else refiner_of(words), BLIND.get(name, (True, True))
        cells = [cell(ground.score(settings, True, copies, refiner, *sees)) for ground in grounds]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
