"""Music of three collections, by label: `outside.py [--model NAME] [--show]`.

First labels of `genres-8k` (blues, electronic, jazz), `techno-clips` (electronic) and `library`
(what its own tags say, where a label of the model can say it) through the scan's own decoder.
For each: the share of recordings whose first label is right, whatever its score; the share that
gets a genre; and how many of these genres are right. The last line is one JSON object.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from measure import data_folder, emit
from scores import genre_columns

from tagger.errors import TaggerError
from tagger.library.walk import find_tracks
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import Engine, load_engine
from tagger.scan.pipeline import ListenOptions, analyse
from tagger.tags import read_tags

ACCEPTED = (
    ("folk rock", {"folk", "rock"}),
    ("rock/pop", {"rock", "pop"}),
    ("synthpop", {"electronic", "pop"}),
    ("metal", {"metal"}),
    ("hardcore", {"metal", "rock"}),
    ("punk", {"rock"}),
    ("rock", {"rock"}),
    ("oldies", {"rock", "pop"}),
    ("surf", {"rock", "pop"}),
    ("blues", {"blues"}),
)
"""A tag that holds this text is met by any of these labels; the first text that fits counts."""


def accepted(genres: Iterable[str]) -> frozenset[str]:
    """The labels that meet a file's own genres; none if no label can."""
    for genre in genres:
        for text, labels in ACCEPTED:
            if text in genre.lower():
                return frozenset(labels)
    return frozenset()


def tagged_library(folder: Path) -> dict[Path, frozenset[str]]:
    """Files with a genre that a label can say."""
    tagged = {}
    for path in find_tracks([folder]):
        try:
            labels = accepted(read_tags(path).genres)
        except TaggerError as error:
            print(f"left out: {error}")
            continue
        if labels:
            tagged[path] = labels
    return tagged


def collections(data: Path) -> dict[str, dict[Path, frozenset[str]]]:
    """Name to recordings, each with the labels that are right for it."""
    of_folder = {
        name: {path: frozenset({name}) for path in find_tracks([data / "genres-8k" / name])}
        for name in ("blues", "electronic", "jazz")
    }
    techno = {path: frozenset({"electronic"}) for path in find_tracks([data / "techno-clips"])}
    library = tagged_library(data / "library")
    by_tag = {
        name: {path: value for path, value in library.items() if value == frozenset(labels)}
        for name, labels in (("metal", {"metal"}), ("rock", {"rock"}))
    }
    known = set(library) - set(by_tag["metal"]) - set(by_tag["rock"])
    return {
        **{f"genres-8k {name}": value for name, value in of_folder.items()},
        "techno-clips": techno,
        "library rock": by_tag["rock"],
        "library metal": by_tag["metal"],
        "library others": {path: library[path] for path in sorted(known)},
    }


def figures(
    scored: Mapping[Path, np.ndarray], right: Mapping[Path, frozenset[str]], engine: Engine
) -> dict[str, object]:
    """What became of one collection."""
    labels = engine.spec.labels
    needed = np.array([engine.spec.thresholds[label] for label in labels])
    first, believed = Counter[str](), Counter[str]()
    n_first = n_believed = n_right = 0
    for path, scores in scored.items():
        name = labels[int(scores.argmax())]
        first[name] += 1
        n_first += name in right[path]
        if (scores >= needed).any():
            written = labels[int(np.where(scores >= needed, scores, -1).argmax())]
            believed[written] += 1
            n_believed += 1
            n_right += written in right[path]
    n = len(scored)
    return {
        "n_files": n,
        "first_label_right": round(n_first / n, 3),
        "get_a_genre": round(n_believed / n, 3),
        "right_when_they_do": round(n_right / max(n_believed, 1), 3),
        "first_labels": dict(first.most_common(6)),
        "genres_given": dict(believed.most_common(6)),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--show", action="store_true", help="a line for each file")
    given = parser.parse_args()
    engine = load_engine(find_model(given.model), device="cpu")
    is_genre = genre_columns(engine.spec)
    result: dict[str, object] = {"model": engine.spec.revision}
    for name, right in collections(data_folder()).items():
        tracks = analyse(list(right), engine, ListenOptions())
        # Moods and instruments stand beside the genres, and are nobody's first label.
        scored = {
            track.path: track.scores * is_genre for track in tracks if track.scores is not None
        }
        result[name] = figures(scored, right, engine)
        print(name, result[name])
        if given.show:
            for path, scores in scored.items():
                print(f"  {path.name}: {engine.spec.labels[int(scores.argmax())]}")
    emit(result)


if __name__ == "__main__":
    main()
