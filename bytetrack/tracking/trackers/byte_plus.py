"""BYTE plus what helps it most without looking at the image: every switch is one argument, and measured in docs/trackers/byte_plus.md."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from bytetrack.box_kernels import area_of, shared_area_of
from bytetrack.checks import check_reals, check_whole
from bytetrack.runtime.compilation import as_python, jit, jit_cached
from bytetrack.structures import Tracks
from bytetrack.tracking.core.appearance import Appearance, appearance_of, given
from bytetrack.tracking.core.association import NONE, Bins, bin_boxes
from bytetrack.tracking.core.lifecycle import (
    end_coasting,
    forget_removed,
    list_by_state,
    mark,
    mark_unmatched,
    new_track,
    next_frame,
    output_tracks,
    split_by_score,
    unmatched,
)
from bytetrack.tracking.core.state import (
    COASTING,
    DT,
    HIGH,
    LOST,
    LOW,
    N_ALIVE,
    N_CLOCK,
    NOW,
    REMOVED,
    TRACKED,
    UNCONFIRMED,
    DetectionArrays,
    TrackArrays,
    Work,
)
from bytetrack.tracking.filters import xywh
from bytetrack.tracking.filters.xywh import Noise
from bytetrack.tracking.parameters import USUAL_RATE, at_frame_rate, checked
from bytetrack.tracking.plus.appearance import believed, compare_features, start_features
from bytetrack.tracking.plus.association import associate, associate_alike, associate_near_by
from bytetrack.tracking.plus.calibration import calibration_of, learn, misfit, start_calibration
from bytetrack.tracking.plus.exchange import exchange_identities, move_past
from bytetrack.tracking.plus.gallery import Gallery, Living, rename
from bytetrack.tracking.plus.occlusion import expire_or_coast, measure_cover
from bytetrack.tracking.plus.parameters import Memory, Parameters, adapt, arrays, parameters_of
from bytetrack.tracking.tracker import SearchSpace, Tracker
from bytetrack.tracking.trackers.botsort import predict_with_camera

__all__ = ["BytePlus"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

view, clear = arrays.view, arrays.clear


@jit
def lies_on_a_track(box: Floats, class_id: int, tracks: TrackArrays, n: int, limit: float, frame: int) -> bool:
    """Returns whether a confirmed track matched in this frame has an IoU above `limit` with the box."""
    for t in range(n):
        row = tracks.order[t]
        if tracks.state[row] == TRACKED and tracks.last_frame[row] == frame and tracks.class_id[row] == class_id:
            shared = shared_area_of(box, tracks.box[row])
            if shared > limit * (area_of(box) + area_of(tracks.box[row]) - shared):
                return True
    return False


@jit
def start_tracks(
    p: Parameters,
    noise: Noise,
    tracks: TrackArrays,
    memory: Memory,
    appearance: Appearance,
    detections: DetectionArrays,
    counters: Ints,
    frame: int,
    now: float,
) -> None:
    """Starts tracks at unmatched high detections that lie on no live track: confirmed at once in the first frame only."""
    n = counters[N_ALIVE]
    for j in range(len(detections.score)):
        if detections.kind[j] != HIGH or detections.score[j] < p.new_track_score:
            continue
        if p.birth_overlap < 1.0 and lies_on_a_track(detections.xyxy[j], detections.class_id[j], tracks, n, p.birth_overlap, frame):
            continue
        row = new_track(tracks, detections, j, TRACKED if frame == 1 else UNCONFIRMED, counters, now)
        clear(memory, row)
        xywh.start(tracks.motion[row], detections.xyxy[j], noise)
        xywh.write_box(tracks.motion[row], tracks.box[row])
        memory.n_detections[row], memory.born[row] = 1, tracks.track_id[row]
        start_features(row, j, appearance, memory)


@jit
def move_to_detections(tracks: TrackArrays, n_alive: int, detections: DetectionArrays, high_score: float, part: float, out: Floats) -> None:
    """Moves the output boxes of tracks matched to high detections a part of the way to these."""
    i = 0
    for t in range(n_alive):
        row = tracks.order[t]
        if tracks.state[row] not in (TRACKED, COASTING):
            continue
        j = tracks.detection[row]
        if j != NONE and detections.score[j] >= high_score:
            for d in range(4):
                out[4 * i + d] += part * (detections.xyxy[j, d] - out[4 * i + d])
        i += 1


@jit
def bin_left(detections: DetectionArrays, high_only: bool, work: Work) -> Bins:
    """Bins the detections that are left."""
    n = 0
    for j in range(len(detections.score)):
        if detections.kind[j] == HIGH or (detections.kind[j] == LOW and not high_only):
            work.left[n] = j
            n += 1
    return bin_boxes(detections.xyxy, detections.class_id, work.left[:n], 0.0, work.binned)


@jit_cached
def byte_plus_update(
    xyxy: Floats,
    score: Floats,
    class_id: Ints,
    camera: Floats,
    features: Floats,
    parameters: Floats,
    floats: Floats,
    ints: Ints,
    out_floats: Floats,
    out_ints: Ints,
) -> int:
    """Tracks one frame; returns what `Tracker` expects of a kernel."""
    p: Parameters = parameters_of(parameters)
    detections, tracks, memory, work, pairs, counters, clock, rest = view(xyxy, score, class_id, floats, ints)
    means = calibration_of(clock[N_CLOCK:], ints, 1)
    appearance = appearance_of(rest, tracks, features)
    n = split_by_score(detections, p.high_score, p.low_score, True, p.drop_invalid, counters, work.rows)
    if n < 0:
        return n
    frame, now = next_frame(tracks, counters, clock, work.others)
    fuse = p.fuse_score
    if frame == 1:
        start_calibration(means)
    adapted = adapt(p, means)
    noise = Noise(p.position_noise, adapted.velocity_noise)
    end_coasting(tracks, counters[N_ALIVE], LOST)
    move_past(tracks, counters[N_ALIVE], camera, memory)
    predict_with_camera(tracks, counters[N_ALIVE], camera, noise, False, clock[DT])
    measure_cover(tracks, counters[N_ALIVE], memory.cover, work.track_boxes, work.left)
    bins = bin_boxes(xyxy, class_id, work.rows[:n], 0.0, work.binned)
    pool, unconfirmed = list_by_state(tracks, counters[N_ALIVE], work.rows, work.others)
    if given(appearance):
        compare_features(pool, True, appearance, means, tracks, memory, detections)
        compare_features(unconfirmed, False, appearance, means, tracks, memory, detections)

    least = (1.0 - p.match_cost) * adapted.limits
    associate(pool, HIGH, least, fuse, p, adapted, means, bins, tracks, memory, appearance, detections, work, pairs, frame, now)
    left, tracked = unmatched(pool, tracks, frame)
    if adapted.buffer > 0.0:
        bins = bin_left(detections, False, work)
    least = 1.0 - p.low_match_cost
    associate(tracked, LOW, least, False, p, adapted, means, bins, tracks, memory, appearance, detections, work, pairs, frame, now)
    left, _ = unmatched(left, tracks, frame)
    if p.recovery_buffer > 0.0:
        associate_near_by(left, p, adapted, means, tracks, memory, appearance, detections, work, pairs, frame, now)
        left, _ = unmatched(left, tracks, frame)
    if given(appearance):
        associate_alike(left, p, adapted, means, tracks, memory, appearance, detections, work, pairs, frame, now)
        left, _ = unmatched(left, tracks, frame)
    if p.recovery_buffer > 0.0:
        bins = bin_left(detections, True, work)
    mark(left, LOST, tracks)
    least = (1.0 - p.unconfirmed_match_cost) * adapted.limits
    associate(unconfirmed, HIGH, least, fuse, p, adapted, means, bins, tracks, memory, appearance, detections, work, pairs, frame, now)
    mark_unmatched(unconfirmed, REMOVED, tracks, frame)
    learn(means)
    start_tracks(p, noise, tracks, memory, appearance, detections, counters, frame, now)
    expire_or_coast(tracks, counters[N_ALIVE], p, adapted.covered_frames, memory, now)
    forget_removed(tracks, counters, work.rows)
    if p.exchange:
        exchange_identities(tracks, counters[N_ALIVE], memory, misfit(means), work, frame)
    n_output = output_tracks(tracks, counters[N_ALIVE], out_floats, out_ints)
    if adapted.output > 0.0:
        move_to_detections(tracks, counters[N_ALIVE], detections, p.high_score, adapted.output, out_floats)
    return n_output


class BytePlus(Tracker):
    """BYTE with the camera's motion taken out, a similarity that knows the ground, tracks that wait behind others, measuring its own fit.

    Of BYTE's arguments `high_score`, `low_score`, `new_track_score`, `match_cost`, `low_match_cost`, `unconfirmed_match_cost`,
    `max_lost_frames`, `fuse_score`, `on_invalid` and `frame_rate` are as in ByteTracker; costs are `1 - similarity`. Frames are those
    of a 30 fps video, where nothing else is said. How much of a track is covered is the largest part of its box that lies in that of
    another, matched in the last frame, with a lower bottom edge.

    What the stream's calibration measures (plus/calibration.py): the fit, the mean IoU of predicted boxes and their detections; the
    misfit, 0 to 1 for a fit of 0.85 down to 0.65; the lag, the autocorrelation of the filter's errors. Things are fast where the
    misfit and the lag are large: `misfit * min(1, lag / 0.4)`.

    Args:
        high_score: As in BYTE.
        low_score: As in BYTE.
        new_track_score: As in BYTE.
        match_cost: As in BYTE.
        low_match_cost: As in BYTE.
        unconfirmed_match_cost: As in BYTE.
        max_lost_frames: As in BYTE.
        fuse_score: As in BYTE.
        position_noise: Standard deviation a frame, as a part of width and height (BoT-SORT's filter, filters/xywh.py).
        velocity_noise: The same of the velocity.
        measurement_noise: That of a detection, in `position_noise`.
        score_noise: Measurement noise is multiplied by `1 + score_noise * (1 - score)`.
        covered_noise: It is multiplied by `1 + covered_noise * cover`.
        covered_size_noise: That of width and height also by `1 + covered_size_noise * cover`.
        slow_power: Below 30 frames a second, with `rate = frame_rate / 30`, the first association's least similarity is multiplied by
            `rate**slow_power` and velocity noise by `rate**-slow_power` (above 30, too): things move further a frame.
            `max_lost_frames` are `rate**(1 - slow_power)` times as many, since a detector sees who stands in the open at every look.
            0: none of it.
        height_power: IoU is multiplied by the IoU of the vertical intervals to this power (Hybrid-SORT's height-modulated IoU has 1),
            in the second association to half of it. 0: not.
        relative_height: The vertical IoU is divided by its mean in the stream, up to 1, and the power shrinks to 0 while that mean
            goes from 0.95 to 0.85: heights that jump say nothing.
        recovery_buffer: Tracks and high detections that are left are associated by the similarity of boxes grown by this part of their
            sides (C-BIoU). 0: not.
        recovery_cost: The limit of its cost.
        recovery_height: The largest logarithm of the ratio of heights.
        birth_overlap: No track starts where the IoU with a confirmed track of this frame is above it. 1: anywhere.
        covered_frames: A lost track is output with its predicted box (`detection_index` -1) for so many frames, while it is covered.
            0: not.
        covered_part: How much of it must be covered.
        covered_hits: How many detections it must have had.
        fit_limits: The least similarity of the first association, and of tracks matched once, is multiplied by
            `min(1, fit / 0.85)` to this power. 0: not.
        fit_coasting: `covered_frames` is multiplied by a number from 1, for a fit of 0.9, down to 0, for one of 0.75.
        fast_buffer: The first association grows boxes by this part of their sides, times how fast things are (C-BIoU). 0: not.
        fast_noise: Velocity noise is multiplied by 1 + this times how fast things are. 0: not.
        lag_output: Output boxes lie this part of the way from the filter's box to a high detection, times `min(1, lag / 0.4)`: where
            the filter lags, the detection is the better box. 0: the filter's.
        lag_gain: Measurement noise is multiplied by `exp(-lag_gain * lag * misfit)`, within 0.5 and 3. 0: not.
        exchange: Tracks whose boxes crossed exchange identities if they fit better so, 8 frames after (plus/exchange.py).
        appearance_weight: With features (plus/appearance.py), the first association, and that of tracks matched once, add to a pair's
            cost this times how unlike the two are, times how telling their appearance is (Deep OC-SORT, ICIP 2023, "Adaptive
            Weighting"). 0: not.
        appearance_memory: How much of a track's features is kept when a sure detection is matched ("Dynamic Appearance" there).
        appearance_cost: With features, tracks and high detections that are left are matched if they are less unlike than this, from 0
            as a track and its next detection to 1 as strangers, and near. 0: not.
        appearance_reach: How near: centres lie at most so many heights apart, and as many more for every second that the track is lost.
        appearance_margin: Beyond that, each must be the other's best by more than this. 1: never.
        gallery_frames: For how many frames after it was last seen a track's appearance is remembered; a new track that clearly looks
            like it takes its identity before it is output (plus/gallery.py). 0: not.
        gallery_likeness: The least likeness, from 0 as strangers to 1 as a track and its next detection.
        gallery_margin: The least lead over the likeness to anybody else.
        on_invalid: As in BYTE.
        frame_rate: As in BYTE.

    Raises:
        ValueError: An argument is out of range; the message names it.
    """

    inputs = ("camera_motion", "features")
    outputs_lost = True
    supports_dt = True
    search_space: ClassVar[SearchSpace] = {
        "high_score": {"low": 0.45, "high": 0.8, "step": 0.01},
        "low_score": {"low": 0.05, "high": 0.4, "step": 0.01},
        "new_track_score": {"low": 0.4, "high": 0.9, "step": 0.01},
        "match_cost": {"low": 0.7, "high": 0.98, "step": 0.01},
        "low_match_cost": {"low": 0.2, "high": 0.8, "step": 0.01},
        "unconfirmed_match_cost": {"low": 0.3, "high": 0.9, "step": 0.01},
        "max_lost_frames": {"low": 15, "high": 90},
        "measurement_noise": {"low": 0.6, "high": 1.8, "step": 0.05},
        "covered_noise": {"low": 0.0, "high": 1.5, "step": 0.1},
        "height_power": {"low": 0.0, "high": 4.0, "step": 0.25},
        "birth_overlap": {"low": 0.4, "high": 1.0, "step": 0.05},
        "covered_frames": {"low": 0, "high": 20},
        "covered_part": {"low": 0.2, "high": 0.9, "step": 0.05},
        "fit_limits": {"low": 0.0, "high": 6.0, "step": 1.0},
        "fast_buffer": {"low": 0.0, "high": 1.0, "step": 0.1},
        "fast_noise": {"low": 0.0, "high": 14.0, "step": 1.0},
        "lag_output": {"low": 0.0, "high": 1.0, "step": 0.1},
    }

    def __init__(
        self,
        high_score: float = 0.65,
        low_score: float = 0.1,
        new_track_score: float = 0.6,
        match_cost: float = 0.75,
        low_match_cost: float = 0.5,
        unconfirmed_match_cost: float = 0.75,
        max_lost_frames: int = 45,
        fuse_score: bool = True,
        position_noise: float = 0.05,
        velocity_noise: float = 0.003125,
        measurement_noise: float = 1.15,
        score_noise: float = 1.0,
        covered_noise: float = 0.5,
        covered_size_noise: float = 1.0,
        slow_power: float = 0.5,
        height_power: float = 2.0,
        relative_height: bool = True,
        recovery_buffer: float = 0.4,
        recovery_cost: float = 0.75,
        recovery_height: float = 0.2,
        birth_overlap: float = 0.5,
        covered_frames: int = 10,
        covered_part: float = 0.3,
        covered_hits: int = 10,
        fit_limits: float = 4.0,
        fit_coasting: bool = True,
        fast_buffer: float = 0.5,
        fast_noise: float = 7.0,
        lag_output: float = 0.6,
        lag_gain: float = 2.0,
        exchange: bool = True,
        appearance_weight: float = 1.0,
        appearance_memory: float = 0.9,
        appearance_cost: float = 0.4,
        appearance_reach: float = 0.5,
        appearance_margin: float = 1.0,
        gallery_frames: int = 0,
        gallery_likeness: float = 0.5,
        gallery_margin: float = 0.2,
        on_invalid: str = "raise",
        frame_rate: float | None = None,
    ) -> None:
        check_reals(0, 1, slow_power=slow_power, gallery_likeness=gallery_likeness, gallery_margin=gallery_margin)
        check_whole("gallery_frames", gallery_frames, 0)
        given = checked(Parameters, locals(), frame_rate=USUAL_RATE if frame_rate is None else frame_rate)
        rate = given.frame_rate / USUAL_RATE
        slow = min(rate, 1.0) ** slow_power
        parameters = given._replace(
            match_cost=1 - (1 - match_cost) * slow,
            max_lost_frames=given.max_lost_frames / slow,
            velocity_noise=velocity_noise * rate**-slow_power,
        )
        self._gallery_settings = at_frame_rate(gallery_frames, frame_rate), gallery_likeness, gallery_margin
        super().__init__(byte_plus_update, parameters, arrays, max_absence=parameters.max_lost_frames, n_features=1)

    def reset(self) -> None:
        """Forgets everything: the next frame is the first, ids start at 1."""
        self._gallery, self._last_shown = Gallery(*self._gallery_settings), 0
        self._recognises = self._gallery_settings[0] > 0
        super().reset()
        self._before = self._living()

    def _recognised(self, tracks: Tracks) -> Tracks:
        """Returns the frame's tracks; who comes back has his old identity (`gallery_frames`)."""
        if not self._feature_length:
            return tracks
        after, means = self._living(), as_python(calibration_of)(self._floats[N_CLOCK:], self._ints, 1)
        self._gallery.remember(self._before, after, float(self._floats[NOW]))
        shown, self._last_shown = self._last_shown, max(self._last_shown, int(tracks.track_id.max(initial=0)))
        names: dict[int, int] = {}
        if as_python(believed)(means):
            new = np.isin(after.track_id, tracks.track_id[tracks.track_id > shown])
            names = self._gallery.recognise(after, new, float(means.other_cosine[0]), float(means.own_cosine[0]))
        if not names:
            self._before = after
            return tracks
        renamed = rename(tracks, names, self._tracks.order[: int(self._counters[N_ALIVE])], self._tracks.track_id)
        self._before = self._living()
        return renamed

    def _living(self) -> Living:
        """Returns copies of what the gallery asks of the living tracks."""
        tracks, memory, rest = self._layout.view_in_python(self._floats, self._ints)
        rows = tracks.order[: int(self._counters[N_ALIVE])]
        features = rest.reshape(self._capacity, -1) if self._feature_length else np.empty((self._capacity, 0))
        return Living(tracks.track_id[rows], tracks.class_id[rows], tracks.last_time[rows], memory.n_features[rows], features[rows])
