"""The report in a real headless browser: it draws without an error, sorts, zooms, follows the pointer, fits narrow and prints."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from bytetrack.report import write_report
from tests.report.report_scenes import Toy

QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic", "--no-first-run"]
PROBE = """
<pre id="probe"></pre><script>
const result = {};
const names = () => [...document.querySelectorAll("#sequences tbody th")].map((cell) => cell.textContent);
const button = (text) => [...document.querySelectorAll("#sequences thead button")].find((b) => b.textContent === text);
const draws = () => [...document.querySelectorAll("canvas.rows")].map((canvas) => Number(canvas.dataset.drawn || 0));
const point = (canvas, type, x, y) => {
  const { left, top } = canvas.getBoundingClientRect();
  canvas.dispatchEvent(new PointerEvent(type, { bubbles: true, clientX: left + x, clientY: top + y, pointerType: "mouse" }));
};
try {
  result.start = names();
  button("HOTA").click(); result.down = names();
  button("HOTA").click(); result.up = names();
  button("sequence").click(); result.byName = names();
  result.sorted = button("sequence").closest("th").getAttribute("aria-sort");
  result.open = draws();
  document.querySelectorAll("details.timeline").forEach((details) => { details.open = true; });
  const first = document.querySelector("details.timeline"), rows = first.querySelector("canvas.rows");
  const g = rows.getContext("2d");
  result.inks = new Set(new Uint32Array(g.getImageData(0, 0, rows.width, rows.height).data.buffer)).size;
  const box = first.querySelector(".tools input");
  box.click(); result.onlySwitches = draws()[0]; box.click(); result.everybody = draws()[0];
  const x = 46 + (rows.clientWidth - 56) * 6.5 / 12;
  point(rows, "pointermove", x, 30);
  result.tip = document.getElementById("tip").textContent;
  result.player = first.querySelector("output").textContent;
  point(rows, "pointerdown", 300, 30); point(rows, "pointerup", rows.clientWidth - 100, 30);
  result.zoomed = !first.querySelector(".tools button").hidden;
  first.querySelector(".tools button").click();
  result.whole = first.querySelector(".tools button").hidden;
  document.querySelector("a[data-frame]").click();
  result.shown = Number(first.querySelector(".player input").value);
  document.querySelector(".bar").dispatchEvent(new PointerEvent("pointermove", { bubbles: true }));
  result.barTip = document.getElementById("tip").textContent;
  result.wide = document.documentElement.scrollWidth - innerWidth;
} catch (error) { result.failed = String(error); }
setTimeout(() => {
  result.all = draws();
  result.scenes = [...document.querySelectorAll(".scene canvas")].map((canvas) => Number(canvas.dataset.drawn));
  result.ready = document.documentElement.dataset.ready;
  result.errors = document.documentElement.dataset.errors || "";
  document.getElementById("probe").textContent = JSON.stringify(result);
}, 300);
</script></body>"""


def _chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no chromium found: apt-get install chromium")


def _run(tmp_path: Path, page: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [_chromium(), "--headless", "--no-sandbox", "--disable-gpu", *QUIET, "--enable-logging=stderr", "--hide-scrollbars"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=4000", *arguments, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def _probed(tmp_path: Path, page: Path, *arguments: str) -> dict:
    copy = tmp_path / "probed.html"
    copy.write_text(page.read_text().replace("</body>", PROBE))
    done = _run(tmp_path, copy, "--dump-dom", *arguments)
    assert "CONSOLE" not in done.stderr, done.stderr
    return json.loads(html.unescape(re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)[1]))


def test_the_page_draws_sorts_filters_zooms_and_explains_without_an_error(toy_run: tuple[Path, Toy], tmp_path: Path) -> None:
    found = _probed(tmp_path, write_report(*toy_run), "--window-size=1200,900")
    assert "failed" not in found, found
    assert (found["ready"], found["errors"]) == ("true", "")
    assert found["start"] == ["alpha", "beta", "gamma"]
    assert found["down"][0] == "gamma"
    assert found["up"] == found["down"][::-1]
    assert (found["byName"], found["sorted"]) == (["alpha", "beta", "gamma"], "ascending")
    assert found["open"] == [4, 0, 0], "only the sequence with most switches is drawn at first"
    assert found["all"] == [4, 4, 4]
    assert found["inks"] > 6
    assert (found["onlySwitches"], found["everybody"]) == (3, 4)
    assert found["tip"].startswith("frame 7\nperson 1: id 2\nswitch in frame 7: 1 → 2 (swap)")
    assert found["player"] == "frame 7\n4 tracked · 0 missed · 0 false"
    assert found["zoomed"]
    assert found["whole"]
    assert found["shown"] == 7
    assert found["barTip"].startswith("this run")
    assert found["wide"] <= 0
    assert all(found["scenes"])


def test_nothing_sticks_out_on_a_telephone(toy_run: tuple[Path, Toy], tmp_path: Path) -> None:
    found = _probed(tmp_path, write_report(*toy_run, compare=toy_run[0]), "--window-size=500,900")
    assert found["wide"] <= 0
    assert (found["ready"], found["errors"]) == ("true", "")


@pytest.mark.slow
def test_a_dark_page_is_dark_and_a_light_one_light_and_it_prints(toy_run: tuple[Path, Toy], tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    page = write_report(*toy_run)
    for scheme, low, high in (("0", 0, 60), ("1", 200, 256)):
        picture = tmp_path / f"{scheme}.png"
        _run(tmp_path, page, f"--screenshot={picture}", f"--blink-settings=preferredColorScheme={scheme}", "--window-size=1200,2000")
        assert low < np.median(cv2.imread(str(picture))) < high
    printed = tmp_path / "report.pdf"
    _run(tmp_path, page, f"--print-to-pdf={printed}")
    assert printed.read_bytes().startswith(b"%PDF")
