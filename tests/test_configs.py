"""Every config file is one constructor call: its keys are the parameters, a base file's values the defaults; every verb composes."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from bytetrack.config import build, build_untrusted, compose, home, plain
from bytetrack.config.choices import _choices_in, choices_of, help_text, own_settings
from bytetrack.config.places import EXPERIMENT, group_folder, verbs
from bytetrack.io import RESULTS
from bytetrack.tuning.space import current, read_space, with_values

CONFIGS = home() / "configs"
GROUP_FILES = sorted(path.relative_to(CONFIGS).with_suffix("").as_posix() for path in CONFIGS.glob("*/*.yaml"))
VERBS = verbs()
TRACKERS = [name.removeprefix("tracker/") for name in GROUP_FILES if name.startswith("tracker/")]
RECIPES = sorted(path.stem for path in group_folder(EXPERIMENT).glob("*.yaml"))


@cache
def group_node(name: str) -> dict[str, Any]:
    """The composed group file, unresolved: `???` and `${...}` as they stand."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        node = hydra_compose(name)
    for part in name.split("/")[:-1]:
        node = node.get(part, node)
    return dict(OmegaConf.to_container(node, resolve=False))


def calls(node: Any) -> list[dict[str, Any]]:
    """Every constructor call in a node, the nested ones too."""
    if isinstance(node, dict):
        return [node] * ("_target_" in node) + [call for value in node.values() for call in calls(value)]
    return [call for value in node for call in calls(value)] if isinstance(node, list) else []


def parameters(target: str) -> dict[str, inspect.Parameter]:
    module, _, name = target.rpartition(".")
    return dict(inspect.signature(getattr(import_module(module), name)).parameters)


def as_yaml(value: Any) -> Any:
    return [as_yaml(v) for v in value] if isinstance(value, (tuple, list)) else value


@pytest.mark.parametrize("name", GROUP_FILES)
def test_the_keys_of_a_config_are_the_constructors_parameters(name: str) -> None:
    for call in calls(group_node(name)):
        assert set(call) - {"_target_"} == set(parameters(call["_target_"])), call["_target_"]


def test_every_constructor_has_a_base_file_whose_values_are_its_defaults() -> None:
    differences: dict[str, list[list[str]]] = {}
    for name in GROUP_FILES:
        for call in calls(group_node(name)):
            defaults = {k: as_yaml(p.default) for k, p in parameters(call["_target_"]).items() if p.default is not p.empty}
            # A nested call stands for a default of None: it is compared on its own.
            given = {k: v for k, v in defaults.items() if not (v is None and isinstance(call[k], dict) and "_target_" in call[k])}
            wrong = [f"{name}: {k}={call[k]!r}, default {v!r}" for k, v in given.items() if call[k] != v]
            differences.setdefault(call["_target_"], []).append(wrong)
    assert {target: min(files, key=len) for target, files in differences.items() if all(files)} == {}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_composes_and_has_its_tool_and_help(verb: str) -> None:
    config = compose(verb)
    assert "hydra" not in config
    tool = home() / "tools" / f"{verb}.py"
    assert tool.is_file()
    assert len(tool.read_text(encoding="utf-8").splitlines()[4:]) <= 40  # the first four: Ctrl-C, until the verb listens
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        header = hydra_compose(verb, return_hydra_config=True).hydra.help.header
    assert header.startswith(f"{verb}: ")
    assert f"tools/{verb}.py" in header


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_tracker_has_a_search_space_that_holds_its_own_values_and_whose_ends_it_takes(tracker: str) -> None:
    config = compose("tune", [f"tracker={tracker}"])
    settings = plain(config.tracker)
    dimensions = read_space(plain(config.space), settings)
    values = current(settings, dimensions)
    assert {dimension.name: values[dimension.name] for dimension in dimensions if not dimension.contains(values[dimension.name])} == {}
    for dimension in dimensions:
        for end in dimension.choices or (dimension.low, dimension.high):
            build(with_values(settings, {dimension.name: end}))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_composes_with_a_verb(recipe: str) -> None:
    errors = []
    for verb in sorted(VERBS, key=lambda name: name not in ("train", "demo")):  # most are for one of these
        try:
            compose(verb, [f"experiment={recipe}"])
            return
        except Exception as error:
            errors.append(f"{verb}: {error}")
    pytest.fail("\n".join(errors))


def test_a_dataset_is_built_from_its_config() -> None:
    names = [name for name in GROUP_FILES if group_node(name).get("_target_", "").endswith(".MotChallenge")]
    assert len(names) > 15
    for name in names:
        dataset = build({**group_node(name), "root": "somewhere"})
        assert dataset.root == Path("somewhere")
        assert dataset.protocol in ("mot15", "mot17", "mot20")


@pytest.mark.parametrize("tool", sorted((home() / "tools").glob("*.py")), ids=lambda path: path.stem)
def test_a_tool_imports_heavy_rooms_only_inside_its_task(tool: Path) -> None:
    tree = ast.parse(tool.read_text(encoding="utf-8"))
    top = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {module for module in top if module and module.startswith("bytetrack")} <= {"bytetrack.config", "bytetrack.runtime.signals"}
    first = [ast.unparse(statement) for statement in tree.body[1:3]]
    assert first == ["from bytetrack.runtime.signals import end_quietly", "end_quietly()"], "Ctrl-C would show a traceback while it loads"


def test_a_target_outside_the_allow_list_is_refused_in_what_others_wrote() -> None:
    with pytest.raises(ValueError, match=r"names _target_ 'os.system', outside bytetrack\."):
        build_untrusted({"_target_": "os.system", "command": "true"})
    with pytest.raises(ValueError, match="outside"):
        build_untrusted({"_target_": "bytetrack.ByteTracker", "high_score": {"_target_": "subprocess.run"}})


def test_an_unknown_parameter_and_a_wrong_value_are_value_errors() -> None:
    with pytest.raises(ValueError, match="MotChallenge has no setting 'depth_of_field'"):
        build({"_target_": "bytetrack.data.datasets.MotChallenge", "root": "x", "depth_of_field": 1})
    with pytest.raises(ValueError, match="protocol must be one of mot15, mot17, mot20: got 'mot99'"):
        build({"_target_": "bytetrack.data.datasets.MotChallenge", "root": "x", "protocol": "mot99"})


def test_plain_gives_python_values_and_refuses_what_is_missing() -> None:
    config = compose("track", ["detector.folder=somewhere", "+per_sequence.A.high_score=0.5"])
    assert plain(config.per_sequence) == {"A": {"high_score": 0.5}}
    assert type(plain(config.detector)) is dict
    assert config.min_box_area == 100
    with pytest.raises(Exception, match=r"detector\.folder"):
        plain(compose("track").detector)


def test_every_verb_takes_a_recipe_and_nothing_beside_the_recipes_is_a_group() -> None:
    for verb in VERBS:
        assert "experiment" in {key for key, _ in _choices_in(own_settings(verb))}, verb
    assert [path.name for path in group_folder(EXPERIMENT).parent.iterdir() if not path.name.startswith(("_", "."))] == ["experiment"]
    compose("track")  # puts the folder on the search path
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        groups = GlobalHydra.instance().config_loader().list_groups("")
    assert not {"runs", "out", "datasets", "tests", "tools"} & set(groups)
    assert "experiment" in groups


def test_every_recipe_is_listed_where_it_serves() -> None:
    demos = [recipe for recipe in RECIPES if recipe.startswith("demo_")]
    assert choices_of("demo")["experiment"] == demos
    assert choices_of("train")["experiment"] == choices_of("track")["experiment"] == [recipe for recipe in RECIPES if recipe not in demos]


@pytest.mark.parametrize("verb", VERBS)
def test_no_help_text_lists_choices_of_a_group_by_hand(verb: str) -> None:
    """They follow from the group's files, below the text: a list written by hand would lack the next one."""
    header = own_settings(verb)["hydra"]["help"]["header"].partition("Folder tree below dataset.root")[0]  # layouts: tested below
    for group, names in choices_of(verb).items():
        endings = {name.rpartition("_")[2] for name in names}
        listed = re.findall(r"\b(\w+)(?:, or |, | or )(?=(\w+)\b)", header)
        assert [pair for pair in listed if set(pair) <= set(names)] == [], group
        braces = [inside.split(",") for inside in re.findall(r"\w\{([\w,]+)\}", header)]
        assert [inside for inside in braces if set(inside) <= endings] == [], group


def test_help_says_how_the_folder_of_every_dataset_is_laid_out() -> None:
    table = help_text("prepare", []).partition("Folder tree below dataset.root, by dataset:")[2].partition("Writes:")[0]
    columns = [re.split(r"\s{2,}", row.strip())[0] for row in table.splitlines()]
    known = [name for column in columns for name in re.split(r",\s*(?![^{]*\})", column) if name]
    patterns = [re.sub(r"\{([\w,]+)\}", lambda found: f"({found[1].replace(',', '|')})", name).replace("*", r"\w+") for name in known]
    assert [name for name in choices_of("prepare")["dataset"] if not any(re.fullmatch(pattern, name) for pattern in patterns)] == []


def test_help_names_every_format_that_convert_writes() -> None:
    table = help_text("convert", []).partition("Formats:")[2].partition("Common:")[0]
    columns = [re.split(r"\s{2,}", row.strip())[0] for row in table.splitlines()]
    assert {name for column in columns for name in column.replace(",", " ").split()} == {*RESULTS, "mot_submission"}


def test_help_lists_the_groups_of_the_verb_and_no_others() -> None:
    shown = help_text("demo", ["tracker=sort", "tracker.high_score=0.3"])
    lines = shown[shown.index("Groups and their choices") :].splitlines()
    assert [line.partition(":")[0] for line in lines[2:6]] == ["detector", "tracker", "embedder", "camera_motion"]
    assert "refine:" not in shown
    assert "_target_: bytetrack.Sort" in shown
    assert "high_score: 0.3" in shown


@pytest.mark.parametrize(
    "name", ["plain.mp4", "a (1).mp4", "a,b.mp4", "ä b-ü.mp4", "a=b [x] 'q'.mp4", "[a].mp4", "a\\b'.mp4", "a\\", "a\\'b", "{a}: #1.mp4"]
)
def test_a_file_of_any_name_is_given_to_a_verb_as_the_shell_gives_it(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert compose("demo", [f"source={tmp_path / name}"]).source == str(tmp_path / name)
