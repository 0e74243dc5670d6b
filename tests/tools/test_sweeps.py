"""The jobs of a sweep (`-m`) never write into one folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bytetrack.config.arguments import readable
from bytetrack.config.sweeps import NUMBER, separate_jobs
from tests.conftest import Verb
from tests.tools.one_line import failed


def outs(verb: str, *words: str) -> list[str]:
    """The `out=...` that Hydra is given for a sweep over `words`."""
    return [word for word in separate_jobs(verb, ["-m", *readable(verb, ["-m", *words])[1:]]) if word.startswith("out=")]


def test_jobs_that_share_an_out_get_folders_in_it_by_number() -> None:
    assert outs("track", "tracker=byte,sort", "out=runs/x") == [f"out='runs/x/{NUMBER}'"]
    assert outs("track", "tracker=byte,sort", "out=~/x/") == [f"out='~/x/{NUMBER}'"]
    assert outs("track", "tracker=byte,sort", "out=a,b") == [f"out='a/{NUMBER}','b/{NUMBER}'"]
    words = ("tracker=byte,sort", "dataset.every=1,2", "out=runs/${dataset.every}")
    assert outs("track", *words) == [f"out='runs/${{dataset.every}}/{NUMBER}'"]


def test_an_out_that_tells_the_jobs_apart_stays_as_it_is() -> None:
    for out in ("runs/${tracker.low_score}", "runs/${hydra:job.num}/x", "runs/${hydra.job.num}"):
        assert outs("track", "tracker.low_score=0.1,0.3", f"out={out}") == [f"out='{out}'"]
    assert outs("track", "tracker=byte,sort", "out=${hydra:runtime.choices.tracker}") == ["out='${hydra:runtime.choices.tracker}'"]
    assert outs("track", "out=a,b") == ["out='a','b'"]


def test_one_run_keeps_its_out() -> None:
    words = readable("track", ["tracker=byte", "out=runs/x"])
    assert separate_jobs("track", words) == words


def test_a_swept_file_lies_in_the_folder_of_its_job() -> None:
    assert outs("export", "weights=a.pth,b.pth", "out=onnx/x.onnx") == [f"out='onnx/{NUMBER}/x.onnx'"]
    assert outs("convert", "to=mot,kitti", "out=there") == [f"out='there/{NUMBER}'"]


def test_prepared_datasets_share_a_folder_only_where_their_files_have_other_names() -> None:
    assert outs("prepare", "dataset=pets09,coco") == ["out=datasets/annotations"]
    assert outs("prepare", "dataset=pets09", "dataset.half=train,val") == [f"out=datasets/annotations/{NUMBER}"]
    assert outs("prepare", "dataset=pets09,coco", "name=x") == [f"out=datasets/annotations/{NUMBER}"]


def test_a_sweep_whose_values_lie_in_hydras_settings_is_numbered_too() -> None:
    words = ("hydra.sweeper.params={tracker: 'byte,sort'}", "out=runs/${tracker.low_score}")
    assert outs("track", *words) == [f"out='runs/${{tracker.low_score}}/{NUMBER}'"]


@pytest.mark.parametrize(("words", "place"), [(("out=given",), "given"), (("experiment=night",), "from_recipe"), ((), "runs/sweeps/*")])
def test_a_sweep_writes_every_job_into_its_own_folder(verb_here: Verb, tiny: Path, words: tuple[str, ...], place: str) -> None:
    recipe = tiny / "configs" / "experiment" / "night.yaml"
    recipe.parent.mkdir(parents=True)
    recipe.write_text("# @package _global_\nout: from_recipe\n")
    data = ("dataset=motchallenge", f"dataset.root={tiny}", "dataset.subset=train", "detector=public", "workers=1")
    process = verb_here("track", "-m", f"--config-dir={tiny / 'configs'}", *data, "tracker=byte,sort", *words)
    assert process.returncode in (0, None), process.stderr
    scores = sorted(Path().glob(f"{place}/*/scores.json"))
    assert [path.parent.name for path in scores] == ["0", "1"]
    assert sorted(Path().glob("**/scores.json")) == scores
    trackers = [yaml.safe_load(path.with_name("config.yaml").read_text())["tracker"]["_target_"] for path in scores]
    assert trackers == ["bytetrack.ByteTracker", "bytetrack.Sort"]


def test_a_folder_swept_by_a_function_beside_other_settings_is_refused(verb_here: Verb) -> None:
    assert "list the folders, out=A,B" in failed(verb_here("track", "-m", "tracker=byte,sort", "out=choice(a,b)"))
