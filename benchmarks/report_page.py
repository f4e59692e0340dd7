"""How fast the HTML report is with 100,000 rows, in headless Chromium.

    python benchmarks/report_page.py [--rows 100000] [--pictures FOLDER]

The last line is JSON: seconds from opening to the first rows on the screen, milliseconds from
a typed word to the rows that match (the best and the worst of several), the file's size.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tagger.reports.report import open_report
from tests.chrome import Page, chrome
from tests.synth_results import SPEC, results

WORDS = ("metal", "metal album 1999", "disco flac", "nothing has this", "")


def main() -> None:
    """Make the page, open it, type into it, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--pictures", type=Path, help="also save pictures of a small report")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = make_page(Path(folder) / "report.html", options.rows)
        with chrome(Path(folder) / "profile") as page:
            page.size(1440, 900)
            opened_s = [page.open(path) for _ in range(3)]
            filter_ms = [typed(page, word) for word in WORDS]
            if options.pictures:
                take_pictures(page, Path(folder), options.pictures)
        figures = {
            "rows": options.rows,
            "megabytes": round(path.stat().st_size / 1e6, 1),
            "open_s": [round(duration, 2) for duration in opened_s],
            "filter_ms": dict(zip(WORDS, filter_ms, strict=True)),
        }
    print(json.dumps(figures))


def make_page(path: Path, n_rows: int) -> Path:
    """A page with so many synthetic rows."""
    started = time.monotonic()
    with open_report(path, spec=SPEC) as report:
        for result in results(n_rows):
            report.add(result)
    print(f"{n_rows} rows written in {time.monotonic() - started:.1f} s")
    return path


def typed(page: Page, word: str) -> float:
    """Milliseconds that the page takes to show what matches a word, its layout included."""
    page.run(
        "(() => { const box = document.getElementById('search');"
        f"box.value = {json.dumps(word)}; box.dispatchEvent(new Event('input')); }})()"
    )
    return float(page.run("document.documentElement.dataset.filterMs"))


def take_pictures(page: Page, folder: Path, out: Path) -> None:
    """The page on a desk and on a phone."""
    small = make_page(folder / "small.html", 480)
    for name, width, height in (("report", 1440, 900), ("report-phone", 390, 844)):
        page.size(width, height, phone=width < 500, dark=width < 500)
        page.open(small)
        if width < 500:
            page.run("document.getElementById('tracks').scrollIntoView()")
        time.sleep(0.3)
        page.picture(out / f"{name}.png")


if __name__ == "__main__":
    main()
