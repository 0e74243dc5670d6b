"""What is said to somebody whose words a verb does not know."""

from __future__ import annotations

import re

import pytest

from bytetrack.config import compose, plain
from bytetrack.config.choices import choices_of, refuse_other_choices
from bytetrack.config.hints import hint_for_a_choice, hint_for_a_setting, meant, refuse_other_forms
from bytetrack.config.recipes import with_part_of_recipe
from tests.conftest import Verb
from tests.tools.one_line import failed


def answer(verb: str, words: list[str]) -> None:
    refuse_other_forms(verb, words)
    refuse_other_choices(verb, with_part_of_recipe(verb, words))
    raise ValueError(hint_for_a_setting(verb, words[-1].partition("=")[0], words))


@pytest.mark.parametrize(
    ("verb", "words", "message"),
    [
        ("demo", ["sorce=x"], "demo has no setting 'sorce': did you mean source?"),
        ("demo", ["conf=0.3"], "did you mean detector.min_score?"),
        ("demo", ["line=[[0,0,9,9]]"], "did you mean lines?"),
        ("demo", ["imgsz=640"], "did you mean detector.input_size?"),
        ("demo", ["draw.trial=3"], "did you mean draw.trail?"),
        ("demo", ["regions={pitch:[]}"], "regions has no such part: set regions.look_at or regions.leave_out. --help shows all"),
        ("demo", ["min_score=0.3"], "did you mean detector.min_score?"),
        ("demo", ["track.high_score=0.3"], "did you mean tracker.high_score?"),
        ("demo", ["tracker=ocsort", "tracker.min_hit=2"], "did you mean tracker.min_hits?"),
        ("track", ["track_buffer=60"], "did you mean tracker.max_lost_frames?"),
        ("train", ["epochs=3"], "did you mean train.max_epochs?"),
        ("score", ["track=runs/a"], "did you mean tracks?"),
        ("track", ["source=x.mp4"], "it tracks a dataset; for a video use tools/demo.py source=FILE"),
        ("demo", ["qqqqq=1"], "demo has no setting 'qqqqq': nothing similar exists. --help shows all"),
        (
            "demo",
            ["executor=ray"],
            "demo has no group 'executor': it exists in tools/refine.py, tools/score.py, tools/track.py.",
        ),
        ("demo", ["+exps=demo_traffic"], "select a recipe by experiment=demo_traffic, not +exps=demo_traffic"),
        ("train", ["exps=mine"], "select a recipe by experiment=mine, not exps=mine"),
        ("demo", ["detector=public"], "detector=public cannot be used in demo; choices: by_name, onnx, openvino, recorded, torch"),
        ("demo", ["camera_motion=recorded"], "camera_motion=recorded cannot be used in demo; choices: estimated, none"),
        ("convert", ["experiment=mine"], "recipe mine sets dataset, detector, tracker, train: convert has none of these"),
        ("quickstart", ["tracker=sort"], "quickstart always uses tracker=byte; change its settings by tracker.NAME=VALUE"),
        ("demo", ["source", "x.mp4"], "'source' is not a setting: settings are written name=value, source=x.mp4"),
        ("demo", ["out=a", "source", "=", "x.mp4"], "'source' is not a setting: settings are written name=value, source=x.mp4"),
        ("prepare", ["datset=coco"], "did you mean dataset?"),
        ("demo", ["x.mp4"], "'x.mp4' is not a setting: settings are written name=value, source=x.mp4"),
        ("demo", ["--source", "x.mp4"], "there is no option --source: settings are written name=value, source=x.mp4"),
        ("demo", ["--conf", "0.3"], "there is no option --conf: settings are written name=value, detector.min_score=0.3"),
        ("demo", ["--imgsz=640"], "settings are written name=value, detector.input_size=[HEIGHT,WIDTH]"),
        ("track", ["--source=x.mp4"], "for a video use tools/demo.py source=FILE"),
        ("track", ["x.mp4"], "for a video use tools/demo.py source=FILE"),
        ("track", ["/data/MOT17"], "dataset.root=/data/MOT17"),
        ("compare", ["a=x", "b=y z"], "runs is a list: runs=[x,y z], not a=x b=y z"),
        ("compare", ["runs/x"], "settings are written name=value, runs=[runs/x,...]"),
        ("train", ["mine"], "settings are written name=value, experiment=mine"),
        ("convert", ["a.txt"], "input=a.txt"),
        ("doctor", ["a.mp4"], "video=a.mp4"),
        ("doctor", ["a.pth"], "checkpoint=a.pth"),
        ("demo", ["-q"], "there is no option -q: settings are written name=value, and --help shows all"),
    ],
)
def test_an_unknown_word_is_answered_with_what_may_be_meant(verb: str, words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        answer(verb, words)


@pytest.mark.parametrize(
    ("verb", "words", "message"),
    [
        ("demo", ["sorce=x"], "demo has no setting 'sorce': did you mean source?"),
        ("demo", ["tracker=bite"], "no tracker=bite in demo: did you mean tracker=byte? Choices: boosttrack, botsort, byte, "),
        ("prepare", ["dataset=mot20"], "did you mean dataset=mot20_test or dataset=mot20_train or dataset=mot20_val_half?"),
        ("demo", ["detector=public"], "detector=public cannot be used in demo; choices: by_name, onnx, openvino, recorded, torch"),
        ("demo", ["--source", "x.mp4"], "there is no option --source: settings are written name=value, source=x.mp4"),
    ],
)
def test_a_verb_ends_with_the_hint(verb_here: Verb, verb: str, words: list[str], message: str) -> None:
    assert message in failed(verb_here(verb, *words))


def test_the_nearest_settings_are_those_called_alike() -> None:
    settings = dict.fromkeys(["out", "source", "tracker", "tracker.high_score", "tracker.low_score", "detector.min_score"])
    assert meant("tracker.hihg_score", settings)[0] == "tracker.high_score"
    assert meant("low_score", settings) == ["tracker.low_score"]
    assert meant("sauce", settings) == []


@pytest.mark.parametrize(
    ("group", "choice", "meant"),
    [
        ("tracker", "ByteTrack", "did you mean tracker=byte? "),
        ("tracker", "byteplus", "did you mean tracker=byte_plus? "),
        ("tracker", "OC-SORT", "did you mean tracker=ocsort? "),
        ("dataset", "mot17-val-half", "did you mean dataset=mot17_val_half? "),
        ("dataset", ".", "a folder is dataset=motchallenge dataset.root=., or another dataset's. "),
    ],
)
def test_a_choice_is_found_however_its_signs_are_written(group: str, choice: str, meant: str) -> None:
    assert meant in hint_for_a_choice("track", group, choice, choices_of("track")[group])


def test_options_of_hydra_and_their_values_are_no_mistakes(verb_here: Verb) -> None:
    process = verb_here("export", "--cfg", "job", "weights=a.pth", "out=b.onnx")
    assert process.returncode == 0
    assert "weights: a.pth" in process.stdout


WITH_A_DATASET = ("doctor", "draw", "prepare", "refine", "score", "tune")


@pytest.mark.parametrize("verb", WITH_A_DATASET)
def test_a_verb_takes_a_recipes_dataset_and_says_what_it_leaves(verb: str, caplog: pytest.LogCaptureFixture) -> None:
    config = compose(verb, with_part_of_recipe(verb, ["experiment=pets09_nano"]))
    assert plain(config.dataset) == plain(compose("track", ["experiment=pets09_nano"]).dataset)
    taken, left = ("dataset, tracker", "detector, train") if verb == "tune" else ("dataset", "detector, tracker, train")
    assert caplog.messages == [f"of recipe pets09_nano, {verb} uses {taken}, not {left}"]


def test_the_demo_takes_a_recipes_detector_and_tracker() -> None:
    config, whole = (compose(verb, with_part_of_recipe(verb, ["experiment=mot17_s"])) for verb in ("demo", "track"))
    assert config.detector.weights == "runs/train/mot17_s/best.pth"
    assert config.detector.input_size == whole.detector.input_size == [608, 1088]
    config = compose("demo", with_part_of_recipe("demo", ["experiment=mot20_x", "tracker.match_cost=0.6"]))
    assert (config.tracker.match_cost, config.tracker.fuse_score) == (0.6, False)


def test_a_recipe_of_the_demo_tunes_its_tracker_elsewhere() -> None:
    config, whole = (compose(verb, with_part_of_recipe(verb, ["experiment=demo_sports"])) for verb in ("track", "demo"))
    assert plain(config.tracker) == plain(whole.tracker)
    assert plain(config.camera_motion) == plain(whole.camera_motion)
    assert config.min_box_area == 10


def test_of_a_group_that_the_command_chooses_nothing_is_taken_from_a_recipe() -> None:
    given = ["experiment=mine", "dataset=mot17_val_half", "detector=recorded"]
    assert plain(compose("tune", with_part_of_recipe("tune", given)).dataset) == plain(compose("tune").dataset)


def test_the_settings_of_single_sequences_are_taken_whole() -> None:
    config = compose("tune", with_part_of_recipe("tune", ["experiment=mot20_x"]))
    assert plain(config.per_sequence)["MOT20-06"] == {"high_score": 0.3, "new_track_score": 0.4}


def test_a_verb_without_recipes_says_that_it_has_none() -> None:
    assert hint_for_a_choice("convert", "experiment", "nope", ["mine"]) == "no experiment=nope in convert: convert has no choices of it"
