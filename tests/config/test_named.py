"""Files of `configs/` read by name are what Hydra makes of them."""

from __future__ import annotations

import pytest

from bytetrack.config import build
from bytetrack.config.named import make, names_in, settings_of
from tests.test_configs import GROUP_FILES, group_node

GROUPS = ("tracker", "detector", "dataset", "embedder")
FILES = [name.split("/") for name in GROUP_FILES if name.split("/")[0] in GROUPS]


@pytest.mark.parametrize(("group", "name"), FILES)
def test_a_file_by_its_name_is_what_hydra_composes(group: str, name: str) -> None:
    composed = group_node(f"{group}/{name}")
    unsaid = {key: "given" for key, value in composed.items() if value == "???" or str(value).startswith("${")}
    assert settings_of(group, name, **unsaid) == {**composed, **unsaid}


@pytest.mark.parametrize("name", names_in("tracker"))
def test_a_tracker_by_its_name_is_the_one_that_a_verb_builds(name: str) -> None:
    assert type(make(settings_of("tracker", name))) is type(build(group_node(f"tracker/{name}")))


def test_a_setting_without_a_default_must_be_given() -> None:
    with pytest.raises(ValueError, match=r"detector recorded needs folder: give folder=\.\.\."):
        settings_of("detector", "recorded")
    with pytest.raises(ValueError, match="dataset mot15 has no setting 'rot': did you mean root"):
        settings_of("dataset", "mot15", rot="x")


def test_no_name_leaves_the_folder() -> None:
    with pytest.raises(ValueError, match=r"no tracker '\.\./dataset/mot15': there are boosttrack, botsort"):
        settings_of("tracker", "../dataset/mot15")
