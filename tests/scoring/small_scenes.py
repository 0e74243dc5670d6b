"""Small random sequences with every kind of box a benchmark has."""

from __future__ import annotations

import numpy as np

from bytetrack import Annotations, Trajectories

LENGTH = 12
NO_ANNOTATIONS = Annotations(np.empty(0, int), np.empty(0, int), np.empty((0, 4)), np.empty(0, bool), np.empty(0, int), np.empty(0))
NO_TRAJECTORIES = Trajectories(np.empty(0, int), np.empty(0, int), np.empty((0, 4)), np.empty(0))


def random_scene(seed: int) -> tuple[Annotations, Trajectories]:
    """Nine objects of several classes, some ignored, on a lattice that makes ties; results jittered, dropped, swapped, invented."""
    rng = np.random.default_rng(seed)
    start, speed = rng.integers(0, 12, (9, 2)) * 10, rng.integers(-1, 2, (9, 2)) * 5
    classes, kept = rng.choice([1, 1, 1, 2, 6, 7, 8, 12], 9), rng.choice([0, 1, 1, 1], 9)
    gt, pred = [], []
    for frame_id in range(1, LENGTH + 1):
        for i in rng.permutation(9)[: rng.integers(0, 10)]:
            tlwh = [*(start[i] + frame_id * speed[i]).tolist(), 20, 40]
            gt.append([frame_id, i + 1, *tlwh, kept[i], classes[i], 1])
            if rng.random() < 0.8:
                shift = rng.choice([0, 0, 5, 10], 2)
                pred.append([frame_id, i + 1 if rng.random() < 0.9 else 20 + i, tlwh[0] + shift[0], tlwh[1] + shift[1], 20, 40, 0.5])
        if rng.random() < 0.3:
            pred.append([frame_id, 40, *rng.integers(0, 100, 2), 20, 40, 0.5])
    g, p = np.array(gt, float).reshape(-1, 9), np.array(pred, float).reshape(-1, 7)
    g, p = g[np.lexsort((g[:, 1], g[:, 0]))], p[np.lexsort((p[:, 1], p[:, 0]))]
    return (
        Annotations(g[:, 0].astype(int), g[:, 1].astype(int), g[:, 2:6], g[:, 6] == 1, g[:, 7].astype(int), g[:, 8]),
        Trajectories(p[:, 0].astype(int), p[:, 1].astype(int), p[:, 2:6], p[:, 6]),
    )


def one_object(frames: list[int], classes: int = 1) -> Annotations:
    n = len(frames)
    boxes = np.tile([10.0, 10, 20, 40], (n, 1))
    return Annotations(np.array(frames), np.ones(n, int), boxes, np.ones(n, bool), np.full(n, classes), np.ones(n))


def tracked(frames: list[int], ids: list[int]) -> Trajectories:
    return Trajectories(np.array(frames), np.array(ids), np.tile([10.0, 10, 20, 40], (len(frames), 1)), np.ones(len(frames)))
