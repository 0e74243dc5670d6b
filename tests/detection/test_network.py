"""The network's layout, its weight files, and what its numbers mean."""

from __future__ import annotations

import logging
import math
import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack.detection.grid import anchors
from bytetrack.detection.network import build_network, load_weights, read_checkpoint
from bytetrack.detection.postprocess import decode_boxes
from bytetrack.detection.settings import SIZES
from bytetrack.errors import FormatError, MissingDataError

MILLIONS = {"nano": 0.90, "tiny": 5.03, "s": 8.94, "m": 25.28, "l": 54.15, "x": 99.00}  # with one class


@pytest.mark.parametrize("name", SIZES)
def test_every_size_has_its_published_number_of_parameters(name: str) -> None:
    with torch.device("meta"):
        network = build_network(*SIZES[name])
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(MILLIONS[name], abs=0.005)


def test_a_new_network_is_initialised_as_yolox_is() -> None:
    network = build_network(*SIZES["nano"], num_classes=3)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.03)}
    for layer in (*network.head.cls_preds, *network.head.obj_preds):
        assert torch.allclose(layer.bias.sigmoid(), torch.tensor(0.01))


def test_keys_and_boxes_are_those_of_the_package(nano: Path) -> None:
    from yolox.models import YoloPafpn, YoloxHead, YoloxModule

    theirs = YoloxModule(YoloPafpn(0.33, 0.25, depthwise=True), YoloxHead(80, 0.25, depthwise=True))
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1e-3
    ours = build_network(*SIZES["nano"], num_classes=80).eval()
    theirs.load_state_dict(load_weights(ours, nano).model)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    images = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 255
    with torch.no_grad():
        expected, logits = theirs.eval()(images), ours(images)
    boxes = decode_boxes(logits, *anchors(64, 96))
    assert torch.allclose((boxes[..., :2] + boxes[..., 2:]) / 2, expected[..., :2], atol=1e-4)
    assert torch.allclose(boxes[..., 2:] - boxes[..., :2], expected[..., 2:4], rtol=1e-4)
    assert torch.allclose(logits[..., 4:].sigmoid(), expected[..., 4:], atol=1e-6)


def test_anchors_go_level_after_level_row_by_row() -> None:
    grid, stride = anchors(32, 64)
    assert stride.tolist() == [8] * 32 + [16] * 8 + [32] * 2
    assert grid[:9].tolist() == [[0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [5, 0], [6, 0], [7, 0], [0, 1]]
    assert grid[-2:].tolist() == [[0, 0], [1, 0]]


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6))
def test_a_network_has_one_row_of_logits_for_every_anchor(rows: int, columns: int) -> None:
    network = build_network(0.33, 0.0625, num_classes=2).eval()
    with torch.no_grad():
        logits = network(torch.zeros(1, 3, 32 * rows, 32 * columns))
    assert logits.shape == (1, len(anchors(32 * rows, 32 * columns)[0]), 7)


def test_decoding_a_hand_worked_anchor() -> None:
    logits = torch.tensor([[[0.5, -0.5, math.log(2), math.log(4), 0, 0]]])
    box = decode_boxes(logits, torch.tensor([[3.0, 2.0]]), torch.tensor([8.0]))  # centre (28, 12), 16 x 32
    assert box[0, 0].tolist() == pytest.approx([20, -4, 36, 28])


def test_half_precision_logits_are_decoded_in_float32() -> None:
    logits = torch.full((1, 1, 6), 0.03125, dtype=torch.float16)
    box = decode_boxes(logits, torch.tensor([[131.0, 0.0]]), torch.tensor([8.0]))[0, 0]
    assert float(box[0] + box[2]) / 2 == 1048.25  # float16 has steps of 1 there


@pytest.mark.parametrize("size", [(33, 64), (64, 0), (-32, 32)])
def test_input_sizes_that_do_not_divide_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        anchors(*size)


def test_another_number_of_classes_renews_the_class_layers_only_and_says_so(nano: Path, caplog: pytest.LogCaptureFixture) -> None:
    network = build_network(*SIZES["nano"])
    with caplog.at_level(logging.INFO, "bytetrack"):
        checkpoint = load_weights(network, nano)
    assert "80 classes, the network 1" in caplog.text
    state = network.state_dict()
    for key, value in checkpoint.model.items():
        if key.startswith("head.cls_preds."):
            assert state[key].shape[0] == 1
            if key.endswith("bias"):
                assert state[key].sigmoid().item() == pytest.approx(0.01)
        else:
            assert torch.equal(state[key], value), key


def test_chosen_rows_of_the_class_layers_can_be_kept(nano: Path) -> None:
    images = torch.rand(1, 3, 64, 64) * 255
    full, two = build_network(*SIZES["nano"], num_classes=80).eval(), build_network(*SIZES["nano"], num_classes=2).eval()
    load_weights(full, nano)
    load_weights(two, nano, classes=[7, 0])
    with torch.no_grad():
        assert torch.allclose(two(images), full(images)[..., [0, 1, 2, 3, 4, 12, 5]], atol=1e-5)


def test_classes_that_are_not_there_are_refused(nano: Path) -> None:
    with pytest.raises(ValueError, match=r"1 of its 80 classes, got classes=\[80\]"):
        load_weights(build_network(*SIZES["nano"]), nano, classes=[80])


def test_weights_of_another_size_are_named(nano: Path) -> None:
    with pytest.raises(FormatError, match=r"holds YOLOX nano, expected weights for depth 0.33, width 0.5"):
        load_weights(build_network(*SIZES["s"]), nano)


def test_a_missing_parameter_is_named(nano: Path, tmp_path: Path) -> None:
    model = read_checkpoint(nano).model
    del model["head.stems.1.conv.weight"]
    torch.save({"model": model}, tmp_path / "w.pth")
    with pytest.raises(FormatError, match=r"1 parameters .* 'head.stems.1.conv.weight'"):
        load_weights(build_network(*SIZES["nano"], num_classes=80), tmp_path / "w.pth")


def test_a_checkpoint_decides_what_it_was_trained_with_and_leaves_the_rest(nano: Path) -> None:
    coco = read_checkpoint(nano)
    assert coco.decided(SIZES["nano"], ["person"]) == {}
    assert coco.decided(SIZES["x"], ["person"]) == {"depth": 0.33, "width": 0.25, "depthwise": True}
    ours = replace(coco, class_names=[f"c{number}" for number in range(80)], convention="bgr255", input_size=(64, 96))
    told = {"input_size": [64, 96], "convention": "bgr255"}
    assert ours.decided(SIZES["nano"], ["c3"]) == ours.decided(SIZES["nano"], None) == ours.decided(SIZES["nano"], [79]) == told
    assert ours.decided(SIZES["nano"], ["person"]) == {**told, "classes": None}


@pytest.mark.parametrize("depth", [0.5, 0.6])
def test_a_depth_that_the_first_layers_do_not_show_is_taken_from_the_file(depth: float, tmp_path: Path) -> None:
    state = build_network(depth, 0.0625).state_dict()
    torch.save({"model": state, "detector": {"depth": depth, "width": 0.0625, "depthwise": False}}, tmp_path / "own.pth")
    assert read_checkpoint(tmp_path / "own.pth").size == (depth, 0.0625, False)
    load_weights(build_network(*read_checkpoint(tmp_path / "own.pth").size), tmp_path / "own.pth")


@pytest.mark.parametrize("depth", [1.0, 1e300, float("inf"), float("nan"), "deep", None])
def test_a_depth_that_the_parameters_contradict_is_refused(depth: object, tmp_path: Path) -> None:
    about = {"depth": depth, "width": 0.0625, "depthwise": False}
    torch.save({"model": build_network(0.33, 0.0625).state_dict(), "detector": about}, tmp_path / "own.pth")
    with pytest.raises(FormatError, match="what it says of itself under the key 'detector' cannot be"):
        read_checkpoint(tmp_path / "own.pth")


def published(model: dict[str, torch.Tensor]) -> dict[str, object]:
    return {"start_epoch": 80, "model": model, "optimizer": {"state": {}}, "best_ap": np.float64(0.25), "curr_ap": np.float32(0.5)}


def test_published_checkpoints_load_with_the_numpy_scalars_they_carry(nano: Path, tmp_path: Path) -> None:
    torch.save(published(read_checkpoint(nano).model), tmp_path / "x.pth.tar")
    assert read_checkpoint(tmp_path / "x.pth.tar").num_classes == 80


def test_scalars_pickled_by_an_old_numpy_load_too(nano: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.pth.tar"
    torch.save(published(read_checkpoint(nano).model), path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    assert b"numpy._core.multiarray" in content
    path.write_bytes(content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert read_checkpoint(path).num_classes == 80


def test_checkpoints_say_how_they_were_trained(nano: Path, tmp_path: Path) -> None:
    about = {"class_names": ["pig"], "convention": "rgb_imagenet", "input_size": [448, 608]}
    model = {f"module.{key}": value for key, value in build_network(*SIZES["nano"]).state_dict().items()}
    torch.save({"model": model, "detector": about}, tmp_path / "own.pth")
    own = read_checkpoint(tmp_path / "own.pth")
    assert (own.class_names, own.convention, own.input_size, own.size_name) == (["pig"], "rgb_imagenet", (448, 608), "nano")
    foreign = read_checkpoint(nano)
    assert (foreign.class_names, foreign.convention, foreign.input_size) == (None, None, None)


class Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, ("trap_was_sprung",))


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="counts what Linux says was read")
def test_of_a_checkpoint_only_the_parameters_are_read_and_they_stay_when_the_file_goes(nano: Path, tmp_path: Path) -> None:
    def read() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    path = tmp_path / "last.pth"
    torch.save({"model": read_checkpoint(nano).model, "optimizer": torch.zeros(8_000_000)}, path)
    before = read()
    checkpoint = read_checkpoint(path)
    assert read() - before < 8_000_000  # of 36 MB
    path.write_bytes(b"")  # in place: a mapped page would be a bus error now
    assert all(torch.equal(value, checkpoint.model[key]) for key, value in read_checkpoint(nano).model.items())


def test_a_file_with_code_is_refused_and_none_of_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"model": Trap()}, "evil.pth")
    Path("evil.pkl").write_bytes(pickle.dumps({"model": Trap()}, protocol=2))
    for name in ("evil.pth", "evil.pkl"):
        with pytest.raises(FormatError, match=r"without running code: it names \w+\.mkdir"):
            read_checkpoint(name)
    assert not Path("trap_was_sprung").exists()


def test_files_that_are_no_weights_are_refused_in_one_line(nano: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.pth").write_bytes(nano.read_bytes()[:1000])
    torch.save({"model": {"layer.weight": torch.zeros(1)}}, tmp_path / "other.pth")
    torch.save({"epoch": 3}, tmp_path / "none.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("cut", "other", "none", "list"):
        with pytest.raises(FormatError) as caught:
            read_checkpoint(tmp_path / f"{name}.pth")
        assert f"{name}.pth: " in str(caught.value)
        assert "\n" not in str(caught.value)
    (tmp_path / "w.onnx").write_bytes(b"onnx")
    with pytest.raises(FormatError, match="runs by detector=onnx"):
        read_checkpoint(tmp_path / "w.onnx")
    with pytest.raises(MissingDataError, match="no weights at"):
        read_checkpoint(tmp_path / "absent.pth")


@pytest.mark.parametrize("arguments", [(0, 1), (1, 0.01), (1, 1, False, 0)])
def test_sizes_that_make_no_network_are_refused(arguments: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="depth must be positive"):
        build_network(*arguments)
