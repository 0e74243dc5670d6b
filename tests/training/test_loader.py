"""Which images make a batch is a function of the step; workers and stored copies change nothing."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bytetrack.data.augment import Augmentation, AugmentedImages
from bytetrack.data.image_set import load_coco
from bytetrack.detection.preprocess import letterbox
from bytetrack.training.loader import BatchPlan, StoredImages, batches
from bytetrack.video.read import read_image

PLAN = BatchPlan(images=9, batch_size=4, height=64, width=96, epochs=4, tail_epochs=1, multiscale=(2, 3), interval=3, seed=5)


def test_an_epoch_takes_no_image_twice() -> None:
    for epoch in range(3):
        chosen = [sample.image for step in range(2 * epoch, 2 * epoch + 2) for sample in PLAN.samples(step)]
        assert len(set(chosen)) == 8
    assert [s.image for s in PLAN.samples(0)] != [s.image for s in PLAN.samples(2)]


def test_a_dataset_smaller_than_a_batch_is_repeated_within_it() -> None:
    plan = replace(PLAN, images=3)
    assert plan.steps_per_epoch == 1
    assert sorted(s.image for s in plan.samples(0)) in ([0, 0, 1, 2], [0, 1, 1, 2], [0, 1, 2, 2])


def test_processes_share_the_images_of_a_step() -> None:
    whole = PLAN.samples(3)
    shares = [replace(PLAN, rank=rank, world=2).samples(3) for rank in range(2)]
    assert [len(share) for share in shares] == [2, 2]
    assert sorted(shares[0] + shares[1]) == sorted(whole)


def test_sizes_change_every_interval_and_keep_the_aspect() -> None:
    sizes = [PLAN.size(step) for step in range(24)]
    assert sizes[:3] == [(64, 96)] * 3
    assert all(len(set(sizes[i : i + 3])) == 1 for i in range(0, 24, 3))
    assert set(sizes) == {(64, 96), (96, 128)}  # 3 units high: 4.5 wide, rounded down
    assert {replace(PLAN, multiscale=None).size(step) for step in range(24)} == {(64, 96)}


def test_mosaic_ends_exactly_before_the_last_epochs() -> None:
    assert [PLAN.augmented(step) for step in range(8)] == [True] * 6 + [False] * 2
    assert not any(sample.mosaic for sample in PLAN.samples(6))


def test_worker_processes_and_a_later_start_give_the_same_batches(coco_file: Path) -> None:
    images = AugmentedImages(load_coco(coco_file), read_image, Augmentation(), seed=5)
    alone = list(batches(images, PLAN, 0, workers=0, pin=False))
    state = torch.get_rng_state()
    late = list(batches(images, PLAN, 3, workers=2, pin=False))
    assert torch.equal(torch.get_rng_state(), state)
    assert [len(alone), len(late)] == [8, 5]
    for one, other in zip(alone[3:], late, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.targets, other.targets)
        assert one.samples == other.samples
    assert alone[0].images.shape == (4, 64, 96, 3)
    assert alone[0].targets.shape[2] == 5


LOADING = """
import multiprocessing, sys, time
from pathlib import Path
from bytetrack.data.augment import Augmentation, AugmentedImages
from bytetrack.data.image_set import load_coco
from bytetrack.training.loader import BatchPlan, batches
from bytetrack.video.read import read_image

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    images = AugmentedImages(load_coco(Path(sys.argv[2])), read_image, Augmentation())
    coming = batches(images, BatchPlan(9, 4, 64, 96, 4, 1), 0, 1, False)
    next(coming)
    print(multiprocessing.active_children()[0].pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="looks at /proc")
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_loading_process_ends_with_a_training_process_that_is_killed(coco_file: Path, tmp_path: Path, method: str) -> None:
    (tmp_path / "loading.py").write_text(LOADING)
    with subprocess.Popen([sys.executable, tmp_path / "loading.py", method, coco_file], stdout=subprocess.PIPE, text=True) as training:
        assert training.stdout is not None
        loading = int(training.stdout.readline())
        assert _runs(loading)
        training.kill()
    since = time.monotonic()
    while _runs(loading):
        assert time.monotonic() - since < 60
        time.sleep(0.1)


def _runs(process: int) -> bool:
    """Returns True if it is there, and not only waited for."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def test_stored_images_are_the_detectors_letterbox_and_outlive_the_process(coco_file: Path, tmp_path: Path) -> None:
    images = load_coco(coco_file)
    stored = StoredImages(tmp_path, images, 64, 96)
    expected = letterbox(read_image(str(coco_file.parent / "3.png")), (64, 96))[:64, :96]
    assert np.array_equal(stored(2), expected)
    again = pickle.loads(pickle.dumps(stored))
    again.images = None  # what is stored is not read again
    assert np.array_equal(again(2), expected)
    stored.fill()
    assert stored.done.all()


def test_an_image_smaller_than_the_input_is_stored_as_it_is(coco_file: Path, tmp_path: Path) -> None:
    stored = StoredImages(tmp_path, load_coco(coco_file), 640, 960)
    assert np.array_equal(stored(0), read_image(str(coco_file.parent / "1.png")))


@pytest.mark.parametrize("step", [0, 7])
def test_the_same_step_gives_the_same_samples(step: int) -> None:
    assert PLAN.samples(step) == replace(PLAN).samples(step)
    assert PLAN.samples(step) != replace(PLAN, seed=6).samples(step)
