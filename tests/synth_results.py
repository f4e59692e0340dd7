"""Results as a scan of a large library would give them, and as nobody would want them."""

import random
from pathlib import Path

from tagger.scan.results import TrackResult
from tests.engines import make_spec

LABELS = (
    "blues",
    "classical",
    "country",
    "disco",
    "hip-hop",
    "jazz",
    "metal",
    "pop",
    "reggae",
    "rock",
)
SPEC = make_spec(
    name="synthetic", labels=LABELS, thresholds=dict.fromkeys(LABELS, 0.4), kind="single"
)
THERE = (
    "Rock",
    "Pop",
    "Death Metal",
    "Chanson française",
    "hip hop",
    "Jazz",
    "Other",
    "日本語ロック",
)

NASTY = (
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\x1b[31mred\x1b[0m \x07bell",
    "\u202eevitcerid \u2028 line \u2029",
    "]]><!-- &lt;b&gt; --><b>bold",
    "'\"`${document.title='owned'}`",
    '=HYPERLINK("http://example.invalid")',
    "@data@ @script@ \udce9",
)


def results(n_tracks: int, *, seed: int = 0):
    """Yield so many results of every status, in folders of a dozen tracks."""
    dice = random.Random(seed)
    for index in range(n_tracks):
        folder = (
            Path("/music") / f"Artist {index // 120:04d}" / f"{1970 + index // 12 % 50} Album"
        )
        path = folder / f"{index % 12 + 1:02d} Song number {index}.flac"
        yield _result(path, dice)


def _result(path: Path, dice: random.Random) -> TrackResult:
    previous = () if dice.random() < 0.55 else (dice.choice(THERE),)
    if dice.random() < 0.01:
        reason = f"{path}: cannot be decoded (FFmpeg: Invalid data found); converting may help."
        return TrackResult(
            path=path, status="failed", previous=previous, genres=previous, reason=reason
        )
    if previous and dice.random() < 0.7:
        reason = "it has a genre; --policy append or replace would change it"
        return TrackResult(
            path=path, status="kept", previous=previous, genres=previous, reason=reason
        )
    raw = [dice.random() ** 6 for _ in LABELS]
    scores = {label: round(item / sum(raw), 4) for label, item in zip(LABELS, raw, strict=True)}
    scores = dict(sorted(scores.items(), key=lambda one: -one[1]))
    best, score = next(iter(scores.items()))
    common = {
        "path": path,
        "previous": previous,
        "scores": scores,
        "duration_s": 60 + 300 * dice.random(),
    }
    if score < 0.4:
        reason = f"no genre is sure enough: the best is {best} with {score:.2f} of 0.40 needed"
        return TrackResult(status="abstained", genres=previous, reason=reason, **common)
    return TrackResult(status="proposed", genres=(best,), **common)


def nasty_results():
    """Yield results whose names and tags try to be more than text."""
    for text in NASTY:
        name = text.replace("/", "|")
        yield TrackResult(
            path=Path("/music") / name / f"{name}.mp3",
            status="proposed",
            genres=(text, "rock"),
            previous=(text,),
            scores={"rock": 0.9, "pop": 0.05},
            duration_s=61.0,
            reason=text,
        )
