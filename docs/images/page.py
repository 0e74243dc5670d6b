"""The demo's live page as a picture, by chromium: `python docs/images/page.py FRAME FILE.webp WORDS…`, the demo's words.

It runs the demo with the page, and takes the picture when the page has shown that frame.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.demo.chromium import Chromium  # noqa: E402

SHOWN = "Number(document.getElementById('state')?.textContent.match(/frame (\\d+)/)?.[1] ?? 0)"


def main() -> None:
    frame, out, *words = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        browser = Chromium(Path(folder) / "profile", "1200,690")
        command = [sys.executable, str(ROOT / "tools/demo.py"), *words, "serve=true", "page.port=0", "show=false"]
        demo = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            assert demo.stderr is not None
            address = next(line.split()[-1] for line in demo.stderr if line.startswith("live at "))
            browser.open(address)
            browser.wait_for(f"{SHOWN} >= {frame}", 300)
            picture = Path(folder) / "page.png"
            browser.screenshot(picture)
            with Image.open(picture) as page:
                page.resize((960, round(page.height * 960 / page.width)), Image.Resampling.LANCZOS).save(out, quality=85, method=6)
        finally:
            demo.terminate()
            demo.wait()
            browser.close()


if __name__ == "__main__":
    main()
