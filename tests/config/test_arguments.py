"""Paths and names on the command line, and in files, are the text that they spell."""

from __future__ import annotations

import re
from inspect import signature
from itertools import cycle
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from bytetrack.config import compose, home
from bytetrack.config.arguments import NAMES, OTHERWISE, is_text, readable, settled, takes_null
from bytetrack.config.building import _own_targets

SPELLED = [
    "2024_01_15",
    "1e3",
    "42",
    "007",
    "true",
    "1.50",
    "0x10",
    "1:30",
    "a=b",
    "a b",
    "a,b",
    "a(1)",
    "[x]",
    "{x}",
    "nan",
    "it's",
    "-1",
    "#1",
]
KEYS = ["2024_01_15", "1e3", "42", "007", "true", "1.50", "nan", "MOT17-13-FRCNN", "1_000", "-5", "100%", "a b", "Tür", "入口"]
PLACES = {
    "track": ("out", "dataset.root", "dataset.subset", "dataset.pattern", "detections", "features", "compare"),
    "demo": ("source", "weights", "out", "page.token"),
    "prepare": ("name", "out", "weights", "weights_folder", "mirror"),
    "score": ("tracks", "compare"),
    "convert": ("input", "out", "root"),
    "export": ("weights", "images"),
    "train": ("recipe", "out", "train.weights"),
    "draw": ("tracks", "source"),
    "doctor": ("checkpoint", "video"),
    "compare": ("runs", "root"),
    "quickstart": ("out", "scenes.root"),
}


@pytest.fixture
def in_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder; the current one lies beside it."""
    (tmp_path / "home").mkdir()
    (tmp_path / "working").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "working")
    return tmp_path / "home"


def read(verb: str, word: str) -> Any:
    """The value that Hydra reads in an argument as it is handed on to it."""
    return OverridesParser.create().parse_overrides(readable(verb, [word]))[0].value()


def composed(verb: str, key: str, *words: str) -> Any:
    return OmegaConf.select(compose(verb, words), key)


@pytest.mark.parametrize("verb", PLACES)
def test_every_setting_that_holds_a_name_takes_what_is_spelled(verb: str) -> None:
    config = compose(verb, [f"{key}=2024_01_15" for key in PLACES[verb]])
    assert {OmegaConf.select(config, key) for key in PLACES[verb]} == {"2024_01_15"}


@pytest.mark.parametrize("name", SPELLED)
def test_a_name_of_any_spelling_is_text(name: str) -> None:
    for verb, keys in PLACES.items():
        assert {read(verb, f"{key}={name}") for key in keys if key not in ("source", "runs")} == {name}
    assert read("draw", f"source={name}") == name


def test_a_list_of_sources_is_a_list_of_names() -> None:
    assert read("demo", "source=[2024_01_15,0,'a, b.mp4',1:30.mp4]") == ["2024_01_15", "0", "a, b.mp4", "1:30.mp4"]


def test_runs_are_a_list_of_paths_or_paths_by_names(in_home: Path) -> None:
    assert read("compare", "runs=[2024_01_15,'a, b',~/x]") == ["2024_01_15", "a, b", "~/x"]
    assert list(composed("compare", "runs", "runs=[2024_01_15,~/x]")) == ["2024_01_15", f"{in_home}/x"]
    assert composed("compare", "runs", "runs={byte: ~/2024 (1), plus: 007}") == {"byte": f"{in_home}/2024 (1)", "plus": "007"}


def test_quotation_marks_for_hydra_are_taken_off_and_variables_are_filled_in() -> None:
    assert read("track", "out='runs/42'") == "runs/42"
    assert read("track", 'out="1e3"') == "1e3"
    assert composed("track", "out", "frame_rate=25", "out=runs/${frame_rate}") == "runs/25"


def test_a_file_that_is_there_gives_its_name_whatever_signs_are_in_it(in_home: Path) -> None:
    names = ("${x}.mp4", "'a'.mp4", "[a],b.mp4")
    for name in names:
        Path(name).touch()
    config = compose("draw", [f"{key}={name}" for key, name in zip(("source", "tracks", "out"), names, strict=True)])
    assert (config.source, config.tracks, config.out) == names


def test_in_a_sweep_a_comma_stands_between_names() -> None:
    assert readable("track", ["-m", "out=1e3,'a,b'", "tracker=byte,sort"]) == ["-m", "out='1e3','a,b'", "tracker=byte,sort"]
    assert readable("track", ["-m", "out=choice(a,b)"]) == ["-m", "out=choice(a,b)"]


@pytest.mark.parametrize(
    ("verb", "key", "null"),
    [
        ("track", "out", True),
        ("track", "compare", True),
        ("track", "dataset.subset", True),
        ("prepare", "weights", True),
        ("train", "train.weights", True),
        ("compare", "root", True),
        ("track", "dataset.root", False),
        ("track", "detector.weights", False),
        ("demo", "weights", False),
        ("demo", "source", False),
        ("score", "tracks", False),
        ("convert", "input", False),
        ("compare", "runs", False),
        ("train", "recipe", False),
        ("quickstart", "scenes.root", False),
    ],
)
def test_null_is_none_where_the_configs_say_so_and_a_name_elsewhere(verb: str, key: str, null: bool) -> None:
    assert takes_null(verb, key) == null
    (word,) = readable(verb, [f"{key}=null"])
    assert word == (f"{key}=null" if null else f"{key}='null'")


def test_a_recipe_with_weights_can_be_trained_from_nothing() -> None:
    assert composed("train", "train.weights", "experiment=mot17_ablation", "train.weights=null") is None


def test_an_empty_path_is_refused_before_it_means_the_current_folder() -> None:
    with pytest.raises(ValueError, match=r"dataset\.root is empty: is a variable of the shell not set\?"):
        compose("track", ["dataset.root="])


@pytest.mark.parametrize("verb", PLACES)
def test_a_tilde_is_the_home_folder_quoted_for_hydra_or_not(verb: str, in_home: Path) -> None:
    keys = [key for key in PLACES[verb] if key.rpartition(".")[2] not in NAMES]
    config = compose(verb, [f"{key}={path}" for key, path in zip(keys, cycle(["~/runs", "'~/runs'"]), strict=False)])
    assert {OmegaConf.select(config, key) for key in keys} == {f"{in_home}/runs"}
    assert settled(verb, {keys[0]: "~"}) == {keys[0]: str(in_home)}


def test_a_tilde_in_lists_and_in_files_is_the_home_folder(in_home: Path) -> None:
    assert list(composed("demo", "source", "source=[~/a.mp4,~/b.mp4]")) == [f"{in_home}/a.mp4", f"{in_home}/b.mp4"]
    data = composed("train", "train.data", "train.data=[{path: '~/a.json', root: '~/b'}]")
    assert data == [{"path": f"{in_home}/a.json", "root": f"{in_home}/b"}]
    (in_home / "exps" / "exps").mkdir(parents=True)
    (in_home / "exps" / "dataset").mkdir()
    (in_home / "exps" / "dataset" / "42.yaml").write_text("defaults: [motchallenge, _self_]\nroot: ~/mine\n")
    assert composed("track", "dataset.root", f"hydra.searchpath=[{in_home}/exps]", "dataset=42") == f"{in_home}/mine"


def test_a_file_that_starts_with_a_tilde_keeps_its_name_and_nobodys_home_is_refused(in_home: Path) -> None:
    Path("~backup.mp4").touch()
    assert composed("demo", "source", "source=~backup.mp4") == "~backup.mp4"
    with pytest.raises(
        ValueError, match=r"out: no home folder is known for ~nobody_here; for a file or folder of that name write \./~nobody_here/a"
    ):
        compose("track", ["out=~nobody_here/a"])


@pytest.mark.parametrize("value", [20240115, 1000.0, True])
def test_a_name_that_a_file_holds_as_a_number_is_refused(value: object, in_home: Path) -> None:
    (in_home / "dataset").mkdir()
    (in_home / "dataset" / "mine.yaml").write_text(f"defaults: [motchallenge, _self_]\nroot: {value}\n")
    with pytest.raises(ValueError, match=rf"dataset\.root must be text, but a file or list contains {value}: put it in quotes there"):
        compose("track", [f"hydra.searchpath=[{in_home}]", "dataset=mine"])


def test_numbers_switches_and_groups_stay_what_they_are() -> None:
    assert read("prepare", "images=false") is False
    assert read("demo", "video=null") is None
    assert read("quickstart", "video=false") is False
    assert read("track", "frame_rate=12.5") == 12.5
    zones = {"zones": {"out": [[0, 0], [9, 0], [9, 9]]}}
    assert settled("demo", zones) == zones


def test_every_parameter_that_takes_a_path_is_read_as_text() -> None:
    """By the annotations of all constructors that `configs/` names: a new `Path` parameter needs its place in `PATHS`."""
    from importlib import import_module

    missed = []
    for target in sorted(target for target in _own_targets() if re.match(r"bytetrack\.\w+\.", target)):
        module, _, name = target.rpartition(".")
        call = getattr(import_module(module), name)
        hints = get_type_hints(call.__init__ if isinstance(call, type) else call)
        missed += [f"{target}: {key}" for key in signature(call).parameters if "Path" in str(hints.get(key)) and not is_text("track", key)]
    assert missed == []


def test_every_setting_of_a_verb_that_could_hold_a_name_is_read_as_text() -> None:
    """What is null, text or must be given in a verb's own file: a new such setting is either in `PATHS` or `NAMES`, or here."""
    other = {
        "classes",
        "size",
        "frame_rate",
        "max_frames",
        "max_aspect_ratio",
        "zones",
        "homography",
        "show",
        "input_size",
        "batch",
        "frame_size",
    }
    other |= {"nms", "convention", "precision", "workers", "min_box_area", "per_sequence", "objective", "dataset", "class_names"}
    for path in (home() / "configs").glob("*.yaml"):
        own = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        names = {key for key, value in own.items() if value is None or isinstance(value, str)} - other
        assert [key for key in names if not is_text(path.stem, key)] == [], path
    assert set(OTHERWISE) <= {path.stem for path in (home() / "configs").glob("*.yaml")}


@pytest.mark.parametrize("name", KEYS)
def test_a_sequence_may_be_called_like_a_number_in_per_sequence(name: str) -> None:
    config = compose("track", [f"per_sequence={{a: {{dt: 1}}, {name}: {{high_score: 0.5}}}}"])
    assert config.per_sequence == {"a": {"dt": 1}, name: {"high_score": 0.5}}


@pytest.mark.parametrize("name", SPELLED)
def test_a_name_in_quotes_may_hold_any_sign_among_brackets(name: str) -> None:
    quoted = f'"{name}"'
    config = compose("demo", [f"zones={{{quoted}: [[0,0],[9,0],[9,9]], b: [[0,0]]}}", f"regions.look_at={{{quoted}: [[0,0]]}}"])
    assert list(config.zones) == [name, "b"]
    assert list(config.regions.look_at) == [name]
    assert list(compose("compare", [f"runs={{{quoted}: x, b: y}}"]).runs) == [name, "b"]


@pytest.mark.parametrize("name", ["2024_01_15", "1e3", "007", "null", "true", "1_000", "it's", "Tür", "入口", "gate (1)", "a=b"])
def test_a_line_and_a_class_may_be_called_anything(name: str) -> None:
    config = compose("demo", [f"lines=[[0,300,1.5,-3,{name}],[0,9,9,9]]", f"classes=[{name}, person]"])
    assert config.lines == [[0, 300, 1.5, -3, name], [0, 9, 9, 9]]
    assert config.classes == [name, "person"]
    assert compose("convert", [f"classes={{0: {name}, 3: car}}"]).classes == {0: name, 3: "car"}


def test_values_beside_names_stay_what_they_are() -> None:
    settings = "{a b: {high_score: 1e-1, low_score: null, fuse_score: true}}"
    assert compose("track", [f"per_sequence={settings}"]).per_sequence == {
        "a b": {"high_score": 0.1, "low_score": None, "fuse_score": True}
    }
    assert compose("demo", ["regions={look_at: null, leave_out: {1_0: [[0,1e2]]}}"]).regions == {
        "look_at": None,
        "leave_out": {"1_0": [[0, 100]]},
    }
    assert compose("demo", ["classes=[0,2]", "lines=[]", "zones=null"]).classes == [0, 2]
