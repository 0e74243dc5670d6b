"""`write_report`: one self-contained file, right numbers in it, everything escaped, mistakes named."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.report import write_report
from tests.report.report_scenes import CONFIG, FRAMES, Scene, Toy, four_people, write_scores


def _data(html: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)[1])


def _text(html: str) -> str:
    body = re.sub(r"<(style|script)[^>]*>.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_the_report_is_one_file_that_refers_to_nothing_outside(toy_run: tuple[Path, Toy]) -> None:
    run, dataset = toy_run
    path = write_report(run, dataset)
    html = path.read_text()
    assert path == run / "report.html"
    assert not re.search(r"""(src|href)="(?!#|data:)|url\(|@import|https?://""", html)
    assert sorted(file.name for file in run.iterdir()) == ["config.yaml", "report.html", "scores.json", "tracks"]


def test_it_shows_both_protocols_the_command_and_the_versions(toy_run: tuple[Path, Toy]) -> None:
    run, dataset = toy_run
    text = _text(write_report(run, dataset).read_text())
    scores = json.loads((run / "scores.json").read_text())
    for wanted in (
        "TrackEval",
        "motmetrics the protocol of the ByteTrack paper",
        f"HOTA {scores['trackeval']['COMBINED']['HOTA']:.2f}",
        f"IDSW {scores['trackeval']['COMBINED']['IDSW']}",
        f"IDs {scores['motmetrics']['OVERALL']['IDs']}",
        "bytetrack track dataset=toy",
        "numpy 2.4.0",
        "tracker ByteTracker",
    ):
        assert wanted in text, wanted


def test_time_lines_hold_runs_switches_and_false_positives(toy_run: tuple[Path, Toy]) -> None:
    run, dataset = toy_run
    alpha = _data(write_report(run, dataset).read_text())["timelines"][0]
    assert alpha["name"] == "alpha"
    assert alpha["rows"][0] == [1, [1, 6, 1, 7, 6, 2]]
    assert alpha["rows"][2] == [3, [1, 3, 3, 4, 2, -1, 6, 7, 3]]
    assert alpha["switches"] == [[1, 7, 1, 2, "swap"], [2, 7, 2, 1, "swap"], [4, 9, 4, 9, "fresh"]]
    assert alpha["fp"] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert alpha["miss"] == [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]


def test_ids_that_follow_each_other_have_different_colours(toy_run: tuple[Path, Toy]) -> None:
    run, dataset = toy_run
    for line in _data(write_report(run, dataset).read_text())["timelines"]:
        for _, flat in line["rows"]:
            ids = [track for track in flat[2::3] if track >= 0]
            colours = [line["colours"][str(track)] for track in ids]
            assert all(a == b or x != y for a, b, x, y in zip(ids, ids[1:], colours, colours[1:], strict=False))


def test_the_player_holds_every_predicted_box_and_every_missed_person(toy_run: tuple[Path, Toy]) -> None:
    run, dataset = toy_run
    scene = _data(write_report(run, dataset).read_text())["timelines"][0]["scene"]
    boxes = np.frombuffer(base64.b64decode(scene["pred"]["boxes"]), "<i2").reshape(-1, 6)
    assert scene["pred"]["counts"] == [4, 4, 4, 3, 3, 5, 4, 4, 4, 4, 4, 4]
    assert boxes[0].tolist() == [101, 100, 20, 50, 0, 0]
    (wrong,) = boxes[boxes[:, 5] < 0]
    assert (wrong[0], scene["ids"][wrong[4]]) == (600, 77)
    assert np.frombuffer(base64.b64decode(scene["miss"]["boxes"]), "<i2").reshape(-1, 6)[:, 0].tolist() == [304, 305]


def test_html_in_names_and_settings_is_shown_as_text(tmp_path: Path) -> None:
    run, evil = tmp_path / "run", "<img src=x onerror=alert(1)>"
    dataset = Toy([four_people().write(tmp_path / "data", run, evil)])
    write_scores(run, dataset)
    (run / "config.yaml").write_text(CONFIG + "note: '</script><script>alert(2)</script>'\n")
    html = write_report(run, dataset).read_text()
    assert "<img" not in html
    assert "alert(2)</script>" not in html
    assert html.count("<script") == 2
    assert _data(html)["timelines"][0]["name"] == evil


def test_a_comparison_signs_differences_and_tells_which_switches_are_new_and_gone(toy_run: tuple[Path, Toy], tmp_path: Path) -> None:
    run, dataset = toy_run
    better = tmp_path / "better"
    for sequence in dataset.sequences():
        scene = four_people()
        if sequence.name == "alpha":  # only the exchange is left
            scene.result = [(f, 4 if i == 9 else i, x) for f, i, x in scene.result]
        scene.write(tmp_path / "again", better, sequence.name)
    write_scores(better, dataset)
    html = write_report(better, dataset, compare=run).read_text()
    alpha = _data(html)["timelines"][0]
    assert len(alpha["switches"]) == 2
    assert alpha["gone"] == [[4, 9, 4, 9, "fresh"]]
    row = re.search(r'<th scope="row">alpha</th>(<td class="n [a-z]+".*?)</tr>', html[html.index('id="comparison"') :], re.DOTALL)[1]
    cells = re.findall(r'<td class="n (\w+)" data-tip="(\w+): [^"]*">([^<]*)</td>', row)
    assert ("better", "IDSW", "−1") in cells
    assert ("same", "FN", "±0") in cells
    assert [c[0] for c in cells if c[1] == "HOTA"] == ["better"]
    gamma = re.search(r"<td>gamma</td>(.*?)</tr>", html[html.index("Where they differ") :], re.DOTALL)[1]
    assert re.findall(r">(\d+)<", gamma) == ["0", "3", "0"]


def test_sequences_without_images_get_schemes_and_those_with_images_crops(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    from dataclasses import replace

    run = tmp_path / "run"
    images = tmp_path / "img1"
    images.mkdir()
    for frame in range(1, FRAMES + 1):
        cv2.imwrite(str(images / f"{frame:06d}.jpg"), np.full((360, 640, 3), 90, np.uint8))
    sequence = four_people().write(tmp_path / "data", run, "one")
    for found, crops in ((sequence, 0), (replace(sequence, images=images), 6)):
        dataset = Toy([found])
        write_scores(run, dataset)
        html = write_report(run, dataset).read_text()
        assert html.count("data:image/jpeg;base64,") == crops
        assert ('href="#person"' in html) == (crops == 0)


def test_a_lost_image_becomes_a_scheme(tmp_path: Path) -> None:
    from dataclasses import replace

    run = tmp_path / "run"
    dataset = Toy([replace(four_people().write(tmp_path / "data", run, "one"), images=tmp_path)])
    write_scores(run, dataset)
    assert 'href="#person"' in write_report(run, dataset).read_text()


def test_scores_without_curves_or_config_or_ground_truth_still_give_a_report(toy_run: tuple[Path, Toy]) -> None:
    from dataclasses import replace

    run, dataset = toy_run
    (run / "config.yaml").unlink()
    (run / "scores.json").write_text(json.dumps({"trackeval": {"COMBINED": {"HOTA": 50.0}}}))
    html = write_report(run, Toy([replace(s, ground_truth=None) if s.name == "beta" else s for s in dataset.sequences()])).read_text()
    assert "Without labelled boxes, so without percentages: beta." in _text(html)
    assert [line["name"] for line in _data(html)["timelines"]] == ["alpha", "gamma"]
    assert 'id="alpha"' not in html
    nothing = write_report(run, Toy([replace(s, ground_truth=None) for s in dataset.sequences()])).read_text()
    assert _data(nothing) == {"timelines": []}


def test_a_run_without_tracks_boxes_or_people_gives_a_report(tmp_path: Path) -> None:
    run, scene = tmp_path / "run", four_people()
    scene.result = []
    dataset = Toy([scene.write(tmp_path / "data", run, "silent")])
    write_scores(run, dataset)
    assert "None: no person changes id." in _text(write_report(run, dataset).read_text())


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda run: (run / "scores.json").unlink(), MissingDataError, r"scores\.json: not found: score the run first"),
        (lambda run: (run / "scores.json").write_text("{"), FormatError, r"scores\.json:1: expected JSON"),
        (lambda run: (run / "scores.json").write_text("[]"), FormatError, r"expected an object with 'trackeval'"),
        (lambda run: (run / "config.yaml").write_text("a: [1"), FormatError, r"config\.yaml: not YAML"),
        (lambda run: (run / "tracks" / "beta.txt").unlink(), MissingDataError, r"beta\.txt: not found: .* every sequence"),
        (lambda run: (run / "tracks" / "beta.txt").write_text("1,1,2\n"), FormatError, r"beta\.txt:1: expected"),
    ],
)
def test_what_is_missing_or_broken_is_named_in_one_line(toy_run: tuple[Path, Toy], spoil, error: type, message: str) -> None:
    run, dataset = toy_run
    spoil(run)
    with pytest.raises(error, match=message) as caught:
        write_report(run, dataset)
    assert "\n" not in str(caught.value)
    assert not (run / "report.html").exists()


def test_many_boxes_are_shown_every_nth_frame(toy_run: tuple[Path, Toy], monkeypatch: pytest.MonkeyPatch) -> None:
    from bytetrack.report import scene

    run, dataset = toy_run
    monkeypatch.setattr(scene, "MOST_BOXES", 50)
    packed = _data(write_report(run, dataset).read_text())["timelines"][0]["scene"]
    assert packed["step"] == 3
    assert packed["pred"]["counts"] == [4, 3, 4, 4]
    assert packed["miss"]["counts"] == [0, 1, 0, 0]


def test_a_colour_is_not_shared_with_the_id_before_even_when_colours_run_out(tmp_path: Path) -> None:
    # Six ids use up the colours, in order; the seventh, next in turn for the first id's colour, follows that first id.
    truth = [(frame, person, 60.0 * person) for frame in range(1, 5) for person in range(1, 8) if person < 7 or frame > 2]
    result = [(frame, person, 60.0 * person) for frame in (1, 2) for person in range(1, 7)] + [(3, 1, 420.0), (4, 7, 420.0)]
    run = tmp_path / "run"
    dataset = Toy([Scene(truth, result).write(tmp_path / "data", run, "one")])
    write_scores(run, dataset)
    line = _data(write_report(run, dataset).read_text())["timelines"][0]
    assert line["rows"][6] == [7, [3, 1, 1, 4, 1, 7]]
    assert sorted(line["colours"][str(track)] for track in range(1, 7)) == [0, 1, 2, 3, 4, 5]
    assert line["colours"]["7"] != line["colours"]["1"]
