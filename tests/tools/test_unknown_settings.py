"""Settings that nothing reads are refused, wherever they come from."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from bytetrack.config import compose
from bytetrack.config.choices import choices_of
from bytetrack.config.hints import refuse_unknown_settings
from tests.conftest import Verb
from tests.tools.one_line import failed


@pytest.mark.parametrize(
    ("verb", "word", "message"),
    [
        ("track", "+foo=1", "track has no setting 'foo': nothing similar exists"),
        ("track", "+lines=[]", "track has no setting 'lines': it exists in tools/demo.py"),
        ("demo", "+draw.trial=9", "demo has no setting 'draw.trial': did you mean draw.trail?"),
    ],
)
def test_a_plus_adds_no_setting_that_the_verb_has_not(verb: str, word: str, message: str) -> None:
    with pytest.raises(ValueError, match="has no setting") as caught:
        refuse_unknown_settings(verb, compose(verb, [word]), [word])
    assert message in str(caught.value)


def test_a_recipe_of_ones_own_with_an_unknown_setting_is_refused(verb_here: Verb, tiny: Path) -> None:
    recipe = tiny / "configs" / "mine" / "x.yaml"
    recipe.parent.mkdir(parents=True)
    recipe.write_text("# @package _global_\nper_sequenc: {A: {high_score: 0.5}}\n")
    words = ("dataset=motchallenge", f"dataset.root={tiny}", "dataset.subset=train", "detector=public", "workers=1", "out=run")
    process = verb_here("track", f"--config-dir={tiny / 'configs'}", "+mine=x", *words)
    assert "track has no setting 'per_sequenc': did you mean per_sequence?" in failed(process)
    assert not (tiny / "working" / "run").exists()


def test_a_recipe_may_say_what_another_verb_reads() -> None:
    refuse_unknown_settings("track", compose("track", ["experiment=mine"]), ["experiment=mine"])  # `train` is in it
    for recipe in choices_of("demo")["experiment"]:
        refuse_unknown_settings("demo", compose("demo", [f"experiment={recipe}"]), [f"experiment={recipe}"])


def test_a_value_that_other_settings_refer_to_is_no_mistake() -> None:
    config = OmegaConf.create({"people": "person", "classes": ["${people}"]})
    refuse_unknown_settings("demo", config, ["+people=person"])
