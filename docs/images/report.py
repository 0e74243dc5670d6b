"""A part of a report as a picture, by chromium: `python docs/images/report.py REPORT.html TOP BOTTOM FILE.webp`.

The README's: `python tools/quickstart.py trained=false out=RUN`, then RUN/byte/report.html 0 1000 and 2695 3660 (pixels of a page
1,200 wide); docs/tuning.md's: RUN/compare.html of the command there, 30 1026.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image


def main() -> None:
    report, top, bottom, out = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "page.png"
        flags = ["--headless", "--no-sandbox", "--hide-scrollbars", "--virtual-time-budget=4000", f"--window-size=1200,{bottom}"]
        subprocess.run(["chromium", *flags, f"--screenshot={picture}", Path(report).resolve().as_uri()], check=True, capture_output=True)
        with Image.open(picture) as page:
            part = page.crop((24, int(top), 1176, int(bottom)))
            part.resize((864, round(part.height * 864 / part.width)), Image.Resampling.LANCZOS).save(out, quality=80, method=6)


if __name__ == "__main__":
    main()
