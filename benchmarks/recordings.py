"""Music that measures, heard by a model: `recordings.py [--model NAME] [--learned INDEX]`.

Recordings of `recordings/` in the valid split of `--dataset recordings` (no group, as a rule an
artist as the table has it, on both sides), and the measured halves (`halves.py`) of other
collections, through the scan's own decoder and windows. Printed: how often the first label is
one that a listener accepts, how often what would be written is, how many tracks get something,
how sure it claims to be, and what is not music but gets a genre. The last line is one JSON
object.

Groups do not keep everybody apart: "A feat. B" measures while B was learned from, and of half
of the recordings nobody knows the artist. So first labels are counted again (`share_an_artist`,
`strictly_apart`) by whether an artist (`artists.py`) is among those learned from: by the table
and the halves, and by what `--learned` names, `recordings/index.csv` of the folder that
`learning_data.py` made for the model.
"""

import argparse
import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from artists import Artists, artists_by_path, learned_artists
from halves import is_measured
from measure import data_folder, emit
from numpy.typing import NDArray
from scores import Labels, Recording, Scores, by_label, calibration_error

from tagger.errors import TaggerError
from tagger.library.walk import find_tracks
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import Engine, load_engine
from tagger.scan.pipeline import ListenOptions
from tagger.tags import read_tags
from train.datasets.audio import Where
from train.datasets.base import NOT_MUSIC
from train.datasets.recordings import load

ACCEPTED: Mapping[str, str] = {
    "rnb_soul": "R&B, Soul",
    "hip-hop": "Hip-Hop",
    "soundtrack": "Soundtrack",
    "world": "World, Bollywood, African, Middle Eastern",
    "pop": "Pop, Disco",
    "rock": "Rock, Punk",
    "punk": "Punk, Rock",
    "metal": "Metal, Hard Rock",
    "disco": "Disco, Funk",
    "funk": "Funk, Soul, Disco",
}
"""Labels (their children too) that a listener would accept for an artist's label, where these
are more than the label itself."""

TAGS: Sequence[tuple[str, str]] = (
    ("folk rock", "Folk, Rock"),
    ("rock/pop", "Rock, Pop"),
    ("synthpop", "Electronic, Pop"),
    ("metal", "Metal"),
    ("hardcore", "Metal, Punk, Rock"),
    ("punk", "Punk, Rock"),
    ("rock", "Rock"),
    ("oldies", "Rock, Pop"),
    ("surf", "Rock, Pop"),
    ("blues", "Blues"),
)
"""A tag that holds this text is met by these labels or their children; the first one counts."""

GTZAN = (
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

FOUR = ("classical", "rock", "reggae", "hip-hop")
"""What a collection of four folders would hold."""


def accepted_by(label: str) -> Labels:
    """Labels that meet an artist's label, in lower case."""
    return frozenset(ACCEPTED.get(label, label).lower().split(", "))


def unseen(data: Path) -> list[Recording]:
    """The valid split of `recordings/`: music with a label, speech and noise."""
    clips, artists, rows = load(Where(root=data)), artists_by_path(data), []
    for i in np.flatnonzero(clips.splits == "valid").tolist():
        has = np.flatnonzero(clips.targets[i] == 1)
        if len(has):
            label, who = clips.labels[has[0]], artists[clips.ids[i]]
            rows.append(Recording(clips.paths[i], label, accepted_by(label), who))
        elif clips.music is not None and clips.music[i] == NOT_MUSIC:
            rows.append(Recording(clips.paths[i], "no music", frozenset()))
    return rows


def library(data: Path) -> list[Recording]:
    """Files of the measured half of the rock library whose own genre a label can say."""
    rows = []
    for path in filter(is_measured, find_tracks([data / "library"])):
        try:
            genres = read_tags(path).genres
        except TaggerError:
            continue
        right = _met_by(genres)
        if right:
            rows.append(Recording(path, "/".join(genres), right))
    return rows


def _met_by(genres: Iterable[str]) -> Labels:
    for genre in genres:
        for text, labels in TAGS:
            if text in genre.lower():
                return frozenset(labels.lower().split(", "))
    return frozenset()


def of_folders(data: Path, name: str, labels: Mapping[str, str]) -> list[Recording]:
    """The measured half of a collection with a folder a label."""
    return [
        Recording(path, label, accepted_by(label))
        for folder, label in labels.items()
        for path in filter(is_measured, find_tracks([data / name / folder]))
    ]


def gtzan(data: Path) -> list[Recording]:
    """GTZAN's valid clips; their artists may stand on the other side as well."""
    with (data / "gtzan-audio" / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "valid"]
    return [
        Recording(
            data / "gtzan-audio" / row["path"],
            _hyphened(row["genre"]),
            frozenset({_hyphened(row["genre"])}),
        )
        for row in rows
    ]


def _hyphened(genre: str) -> str:
    return "hip-hop" if genre == "hiphop" else genre


def music_figures(scores: Scores) -> dict[str, object]:
    """First labels, what would be written, and what the scores promise."""
    first = scores.first()
    right = scores.is_right(first)
    classes = by_label(scores, right)
    gets, written = scores.written()
    confidence = scores.scores[np.arange(len(first)), first]
    surest = np.argsort(-confidence)[: round(0.7 * len(first))]
    return {
        "n": len(scores.rows),
        "n_left_out": scores.n_left_out,
        "first_label_accepted": round(float(right.mean()), 3),
        "mean_over_labels": round(float(np.mean([share for share, _ in classes.values()])), 3),
        "share_written": round(float(gets.mean()), 3),
        "written_right": round(float(scores.is_right(written)[gets].mean()), 3)
        if gets.any()
        else None,
        "accepted_of_surest_70": round(float(right[surest].mean()), 3),
        "calibration_error": round(calibration_error(confidence, right), 3),
        "by_label": classes,
    }


def apart_figures(scores: Scores, learned: Artists) -> dict[str, object]:
    """First labels of those that share an artist with what is learned from, and of the others.

    `named` are those of the others whose artist is known at all.
    """
    right = scores.is_right(scores.first())
    shares = np.array([bool(row.artists & learned) for row in scores.rows])
    is_named = np.array([bool(row.artists) for row in scores.rows])
    return {
        "share_an_artist": _share(right[shares]),
        "strictly_apart": {
            **_share(right[~shares]),
            "named": _share(right[~shares & is_named]),
        },
    }


def four_figures(scores: Scores) -> dict[str, object]:
    """Recordings of four labels alone: all labels compete, and these four."""
    here = np.array([row.label in FOUR for row in scores.rows])
    every, four = scores.is_right(scores.first()), scores.is_right(scores.first(FOUR))
    return {**_share(every[here]), "of_the_four": round(float(four[here].mean()), 3)}


def others(data: Path, engine: Engine, options: ListenOptions) -> dict[str, object]:
    """The halves of other collections that are not learned from, and GTZAN's valid clips."""
    figures: dict[str, object] = {}
    shelf = Scores(library(data), engine, options)
    figures["library"] = _share(shelf.is_right(shelf.first()))
    clips = Scores(gtzan(data), engine, options)
    figures["gtzan_10_compete"] = _share(clips.is_right(clips.first(GTZAN)))
    techno = Scores(of_folders(data, "techno-clips", {".": "electronic"}), engine, options)
    figures["techno_electronic"] = _share(techno.is_right(techno.first()))
    names = ("blues", "electronic", "jazz")
    narrow = Scores(
        of_folders(data, "genres-8k", {name: name for name in names}), engine, options
    )
    right = narrow.is_right(narrow.first())
    figures["at_8_khz"] = {**_share(right), "by_label": by_label(narrow, right)}
    return figures


def _share(right: NDArray[np.bool_]) -> dict[str, object]:
    return {"n": len(right), "accepted": round(float(right.mean()), 3) if len(right) else None}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--show", action="store_true", help="a line for each recording")
    parser.add_argument(
        "--windows", type=int, default=ListenOptions().n_windows, help="heard of a long track"
    )
    parser.add_argument("--learned", type=Path, help="index of what the model learned from")
    given = parser.parse_args()
    options = ListenOptions(n_windows=given.windows)
    engine, data = load_engine(find_model(given.model), device="cpu"), data_folder()
    rows = unseen(data)
    music = Scores([row for row in rows if row.accepted], engine, options)
    noise = Scores([row for row in rows if not row.accepted], engine, options)
    result: dict[str, object] = {
        "model": engine.spec.revision,
        "n_windows": options.n_windows,
        "recordings": music_figures(music),
        **apart_figures(music, learned_artists(data, given.learned)),
        "classical_rock_reggae_rap": four_figures(music),
    }
    gets, written = noise.written()
    taken = Counter(noise.labels[i] for i in written[gets])
    result["not_music"] = {
        "n": len(gets),
        "get_a_genre": round(float(gets.mean()), 3),
        "which": dict(taken),
    }
    result |= others(data, engine, options)
    for name, value in result.items():
        print(name, value)
    if given.show:
        for row, i in zip(music.rows, music.first().tolist(), strict=True):
            print(f"  {row.path.name} {row.label}: {music.labels[i]}")
    emit(result)


if __name__ == "__main__":
    main()
