"""Pictures of `tagger serve`'s page over a library of invented music: `page_pictures.py OUT`.

The pictures in docs/img are made by it. The music is synthesised, its names and covers are
invented; what the model says of it says nothing about its quality. Needs the extra `service`,
chromium and pillow.
"""

import argparse
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mutagen.flac import FLAC, Picture
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parents[1]))  # tests/ and benchmarks/ are no packages

from benchmarks.demo_music import RATE, Waveform, band, club, strings, write
from tests.service.browser import Tab, tab
from tests.service.conftest import make_options, working

Maker = Callable[[Waveform, np.random.Generator], Waveform]

ALBUMS = {
    ("Paper Lanterns", "Low Tide"): (strings, ["Harbour", "Salt Wind", "Lamplight", "Ebb"], []),
    ("Mono Vista", "Concrete Garden"): (
        club, ["Stairwell", "Night Bus", "Lift Music", "Roof"], ["electronica"],
    ),
    ("The Brass Foxes", "Loud Weather"): (
        band, ["Gravel", "Matchstick", "Out of Town", "Wire"], [],
    ),
    ("Ida Holm", "Songs for Snow"): (strings, ["First Frost", "Sleigh", "Kitchen", "Thaw"], []),
    ("Kassett 9", "Tape Loops"): (club, ["Side A", "Hiss", "Rewind", "Side B"], []),
    ("North Pier", "Demo"): (band, ["Take One", "Take Two", "Encore"], ["Other"]),
}  # fmt: skip

EASY = {"threshold": 0.2, "score_all": True, "policy": "replace"}
"""Options of a scan that proposes something for most of it."""


def piece(maker: Maker, seed: int) -> Waveform:
    """Half a minute: a start on strings, then the band or the machine, then a rest."""
    rng = np.random.default_rng(seed)
    t = (np.arange(int(RATE * 10)) / RATE).astype(np.float32)
    parts = [0.5 * strings(t, rng), maker(t, rng), 0.8 * maker(t, rng)]
    fade = np.linspace(1, 0.02, len(t) // 2, dtype=np.float32)
    parts[-1][-len(fade) :] *= fade
    return np.concatenate([part / np.abs(part).max() for part in parts]).astype(np.float32)


def cover(seed: int) -> bytes:
    """A picture of circles in two colours."""
    rng = np.random.default_rng(seed)
    ground, ink = (tuple(int(level) for level in rng.integers(30, 220, 3)) for _ in range(2))
    image = Image.new("RGB", (240, 240), ground)
    pen = ImageDraw.Draw(image)
    for radius in range(100, 0, -25):
        colour = ink if radius // 25 % 2 == 0 else ground
        x, y = rng.integers(90, 150, 2)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def write_library(folder: Path) -> None:
    """All albums as FLAC, with tags and covers."""
    seed = 0
    for (artist, album), (maker, titles, genres) in ALBUMS.items():
        place = folder / artist / album
        place.mkdir(parents=True)
        picture = Picture()
        picture.type, picture.mime, picture.data = 3, "image/png", cover(len(titles) + seed)
        for n, title in enumerate(titles, 1):
            seed += 1
            path = place / f"{n:02} {title}.flac"
            write(path, piece(maker, seed))
            song = FLAC(path)
            song.update({"title": title, "artist": artist, "album": album})
            if genres:
                song["genre"] = genres
            song.add_picture(picture)
            song.save()


def take(page: Tab, out: Path) -> None:
    """The pictures: a desktop by day, at night, a phone."""
    page.page.size(1440, 900)
    page.open()
    page.wait("document.querySelectorAll('.item .now').length > 4")
    page.keys("jaaxaxj")
    page.click("[data-path='The Brass Foxes/'] [data-role='fold']")
    page.wait("document.querySelectorAll('.heat').length > 2")
    page.run("document.querySelectorAll('#toasts *').forEach(one => one.remove())")
    page.click(".heat")
    page.run("document.getElementById('library').textContent = '/home/me/Music'")
    time.sleep(1)
    for name, size, more in (
        ("page", (1440, 900), {}),
        ("page-dark", (1440, 900), {"dark": True}),
        ("page-large", (3840, 2160), {}),
        ("page-tablet", (820, 1180), {}),
        ("page-phone", (390, 844), {"phone": True}),
    ):
        page.page.size(*size, **more)
        time.sleep(0.5)
        page.page.picture(out / f"{name}.png")
    page.page.size(390, 844, phone=True)
    page.press("Escape")
    time.sleep(0.5)
    page.page.picture(out / "page-phone-list.png")
    beside(out / "page-phone-list.png", out / "page-phone.png")
    page.page.size(1440, 900)
    for view in ("statistics", "history"):
        page.click(f"#nav [data-view='{view}']")
        time.sleep(1)
        page.page.picture(out / f"page-{view}.png")
    page.click("#nav [data-view='tracks']")
    page.click("#write")
    time.sleep(1)
    page.page.picture(out / "page-write.png")


def beside(left: Path, right: Path) -> None:
    """Put the picture `left` to the left of `right`, and keep that one."""
    images = [Image.open(path) for path in (left, right)]
    width = sum(image.width for image in images) + 20
    both = Image.new("RGB", (width, images[0].height), (217, 222, 228))
    both.paste(images[0], (0, 0))
    both.paste(images[1], (images[0].width + 20, 0))
    both.save(right)


def main(out: Path) -> None:
    """Make the library, let it be scanned, take the pictures, make them small."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_library(folder / "Music")
        options = make_options(folder, folder=folder / "Music")
        with tab(options, folder / "profile") as page, working(options):
            page.open()
            n_all = sum(len(titles) for _, titles, _ in ALBUMS.values())
            page.shows("#count", f"{n_all} tracks")
            page.wait("document.querySelectorAll('.job').length === 0", at_most_s=300)
            page.api("/jobs", {"kind": "scan", "options": EASY})
            time.sleep(3)
            page.page.picture(out / "page-scan.png")
            page.shows("#toasts", "done")
            take(page, out)
    for path in out.glob("page*.png"):
        Image.open(path).convert("RGB").quantize(128).save(path, optimize=True)
    sizes = {path.name: path.stat().st_size for path in sorted(out.glob("page*.png"))}
    print(json.dumps(sizes))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("out", type=Path)
    main(parser.parse_args().out)
