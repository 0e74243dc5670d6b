"""Seeded crowds for measurements: detections of people who walk about, are missed, hidden and mistaken, as detectors see them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["crowd", "looks", "people"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
WIDTH, HEIGHT = 1920, 1080


def crowd(n_people: int, n_frames: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
    """Returns what `people` yields, without identities."""
    for xyxy, score, _ in people(n_people, n_frames, seed):
        yield xyxy, score


def people(n_people: int, n_frames: int, seed: int) -> Iterator[tuple[Floats, Floats, Ints]]:
    """Frames of `n_people` on 1920 x 1080 pixels: boxes xyxy (n, 4), scores (n,) and who they are (n,), -1 for nobody, by descending score.

    A person lives 150 frames on average and is replaced; 10 % of them are missed and 20 % get scores below 0.5, in runs of a few
    frames; boxes jitter by 2 to 5 % of their size; one false box of a low score comes with every 20 people.
    """
    rng = np.random.default_rng(seed)
    people, person = _people(rng, n_people), np.arange(n_people)
    frames_left = rng.exponential(150, n_people) + 10
    missed_for, faint_for = np.zeros(n_people), np.zeros(n_people)
    for _ in range(n_frames):
        people[:, 4:] += rng.normal(0, 0.12, (n_people, 2))
        people[:, :2] += people[:, 4:]
        people[:, 2:4] *= np.exp(rng.normal(0, 0.002, (n_people, 1)))
        frames_left -= 1
        gone = (frames_left <= 0) | (np.abs(people[:, :2] - (WIDTH / 2, HEIGHT / 2)) > (WIDTH / 2 + 20, HEIGHT / 2 + 20)).any(1)
        people[gone] = _people(rng, int(gone.sum()))
        person[gone] += n_people
        frames_left[gone] = rng.exponential(150, int(gone.sum())) + 10
        missed_for[gone] = faint_for[gone] = 0

        draw = np.where((missed_for <= 0) & (faint_for <= 0), rng.random(n_people), 1.0)
        misses, fades = draw < 0.036, (draw >= 0.036) & (draw < 0.093)
        missed_for[misses] = rng.geometric(1 / 4, int(misses.sum()))
        faint_for[fades] = rng.geometric(1 / 5, int(fades.sum()))
        seen = missed_for <= 0
        score = np.where(faint_for > 0, rng.uniform(0.101, 0.5, n_people), rng.uniform(0.6, 0.98, n_people))
        missed_for -= 1
        faint_for -= 1

        jitter = rng.uniform(0.02, 0.05, (n_people, 1))
        centre = people[:, :2] + rng.normal(0, 1, (n_people, 2)) * jitter * people[:, 2:4]
        half = people[:, 2:4] / 2 * (1 + rng.normal(0, 1, (n_people, 2)) * jitter)
        false = _people(rng, rng.poisson(0.05 * n_people))
        centre, half = np.vstack([centre[seen], false[:, :2]]), np.vstack([half[seen], false[:, 2:4] / 2])
        score = np.concatenate([score[seen], rng.uniform(0.1, 0.5, len(false))])
        who = np.concatenate([person[seen], np.full(len(false), -1)])
        order = np.argsort(-score)
        yield np.hstack([centre - half, centre + half])[order], score[order], who[order]


def looks(who: Ints, length: int, seed: int) -> Floats:
    """Features (n, length) of those people, of length 1: a person's own with a little noise, nobody's at random."""
    own = np.random.default_rng(seed).normal(size=(who.max(initial=-1) + 1, length))  # of more people: the same, and more
    rng = np.random.default_rng([seed, len(who)])
    seen = np.where(who[:, None] >= 0, own[who], rng.normal(size=(len(who), length))) if len(own) else rng.normal(size=(len(who), length))
    seen += rng.normal(0, 0.3, seen.shape)
    return np.asarray(seen / np.linalg.norm(seen, axis=1, keepdims=True))


def _people(rng: np.random.Generator, n: int) -> Floats:
    """`n` people: centre, width and height, velocity; smaller where there are many."""
    height = np.exp(rng.normal(np.log(110), 0.35, n)).clip(40, 400) * (0.75 if n >= 200 else 1.0)
    width = height * rng.normal(0.42, 0.05, n).clip(0.25, 0.7)
    centre = rng.uniform((0.02 * WIDTH, 0.1 * HEIGHT), (0.98 * WIDTH, 0.95 * HEIGHT), (n, 2))
    speed, direction = np.abs(rng.normal(0, 2.5, n)), rng.uniform(0, 2 * np.pi, n)
    return np.column_stack([centre, width, height, speed * np.cos(direction), 0.5 * speed * np.sin(direction)])
