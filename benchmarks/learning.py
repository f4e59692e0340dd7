"""What a library teaches: `learning.py [--state FILE] [--model NAME] [--speed|--cost]`.

The base model's scores against those of a head that was learned from the tags of the same
tracks, on the same labels, by mean average precision. No artist stands on two sides: each
track is scored by a head that knows nothing of its artist. What the base's network has learned
from is left out: of the recordings the valid split counts, of the library the half that
measures (`halves.py`). The base's biases were fitted on that split, which favours the base, if
anybody. For a label that the base does not have, the nearest one that it has counts, as an
audit takes it. `--speed` learns from random embeddings instead: 10,000 tracks, 60 labels.
`--cost` measures what keeping embeddings costs a scan: processor time and bytes.
The last line is JSON.
"""

import argparse
import csv
import hashlib
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from halves import is_measured
from measure import data_folder, emit, peak_mib
from numpy.typing import NDArray

from tagger.api import Tagger
from tagger.genres.rules import GenreRules
from tagger.learning.features import features_of, gains_of, prior_of
from tagger.learning.gather import artist_key, with_embeddings
from tagger.learning.held_out import HeadOptions
from tagger.learning.learn import Learned, learn
from tagger.learning.measure import average_precision
from tagger.learning.table import LabelledTrack, LearningTable, table_of
from tagger.learning.vocabulary import (
    VocabularyOptions,
    choose_vocabulary,
    names_of,
    with_ancestors,
    with_implied_tree,
)
from tagger.learning.write_model import BaseModel
from tagger.model.catalogue import find_model
from tagger.model.load import load_engine
from tagger.model.self_test import golden_windows
from tagger.model.spec_file import spec_in
from tagger.review.audit import Auditor
from tagger.state import open_store
from tagger.state.embeddings import put_embedding
from tagger.tags.artist import read_with_artist
from train.datasets.audio import Where
from train.datasets.recordings import FOLDER, INDEX, NO_MUSIC, UNKNOWN, load

Matrix = NDArray[np.float32]

MIN_TRACKS = 5
"""Fewer than the command asks for: these collections are small."""

RULES = GenreRules(
    aliases={"hiphop": "Hip-Hop", "rap/hip hop": "Hip-Hop", "rnb_soul": "R&B", "rap": "Hip-Hop"}
)


@dataclass(frozen=True, slots=True)
class Collection:
    """Labelled tracks of one kind, as they are measured."""

    name: str
    tracks: list[LabelledTrack]


def recordings(data: Path) -> list[Collection]:
    """The valid split of the recordings: the artists' labels, and the files' own."""
    clips = load(Where(root=data))
    rows = np.flatnonzero(clips.splits == "valid").tolist()
    paths = {str(clips.ids[row]): clips.paths[row] for row in rows}
    with (data / FOLDER / INDEX).open(newline="", encoding="utf-8") as file:
        those = [
            row
            for row in csv.DictReader(file)
            if row["path"] in paths and row["label"] not in NO_MUSIC
        ]
    return [
        Collection(f"recordings, {name}", [
            LabelledTrack(paths[row["path"]], row["group"], (row[column],))
            for row in those
            if row[column] not in {"", UNKNOWN}
        ])
        for name, column in (("18 labels of artists", "label"), ("own tags", "own"))
    ]  # fmt: skip


def library(data: Path) -> Collection:
    """The half of the library that the base has not learned from, by its files' own tags."""
    tracks = []
    for path in filter(is_measured, sorted((data / "library").rglob("*.mp3"))):
        info, artist = read_with_artist(path, field="genre")
        if info.genres:
            tracks.append(LabelledTrack(path, artist_key(artist, path), info.genres))
    return Collection("library, measured half, own tags", tracks)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one collection: mean average precisions, and what was learned."""

    learned: Learned
    scores: float
    first: float
    only_first: float


def measure(collection: Collection, tagger: Tagger, base: BaseModel) -> Figures:
    """Learn from a collection, and score the base on the same labels and tracks."""
    by_path = {track.path: track for track in collection.tracks}
    tracks, embeddings, told = [], [], []
    with closing(with_embeddings(tagger, list(by_path))) as results:
        for result in results:
            if result.embedding is not None and result.scores is not None:
                tracks.append(by_path[result.path])
                embeddings.append(result.embedding)
                # A scan tells of genres; moods and voices are never its first label.
                told.append([result.scores.get(label, 0) for label in base.spec.labels])
    vectors = np.stack(embeddings)
    names = [names_of(track.genres, RULES) for track in tracks]
    rules = with_implied_tree(RULES, chain.from_iterable(names))
    named = [
        (track.artist, with_ancestors(own, rules))
        for track, own in zip(tracks, names, strict=True)
    ]
    vocabulary = choose_vocabulary(named, rules, VocabularyOptions(min_tracks=MIN_TRACKS))
    table = table_of(tracks, base.features(vectors), vocabulary, rules)
    n_embedding, n_base = vectors.shape[1], len(base.labels)
    prior = prior_of(vocabulary.labels, base.labels, n_embedding=n_embedding)
    learned = learn(table, HeadOptions(prior=prior, gains=gains_of(n_embedding, n_base)))
    scores = np.array(told, np.float32)
    first = np.where(scores == scores.max(axis=1, keepdims=True), scores, 0)
    return Figures(
        learned,
        mean_precision(table, learned.labels, scores, base),
        mean_precision(table, learned.labels, first, base),
        mean_precision(table, learned.labels, (first > 0).astype(np.float32), base),
    )


def mean_precision(
    table: LearningTable, labels: Sequence[str], scores: Matrix, base: BaseModel
) -> float:
    """Mean average precision of the base's scores as scores of these labels."""
    auditor = Auditor(base.spec, RULES, threshold=None, limit=1)
    precisions = []
    for label in labels:
        meant = auditor.meanings(label)[:1]
        column = np.zeros(len(scores), np.float32)
        if meant:
            column = scores[:, base.spec.labels.index(meant[0])]
        precisions.append(
            average_precision(table.targets[:, table.labels.index(label)], column)
        )
    return float(np.mean(precisions))


def accuracy(args: argparse.Namespace) -> None:
    """Print the figures of all collections."""
    figures: dict[str, dict[str, float]] = {}
    collections = [*recordings(args.data), library(args.data)]
    with Tagger(args.model, device="cpu", state=args.state, settings={}) as tagger:
        base = BaseModel(tagger.path, spec_in(tagger.path))
        for collection in collections:
            gained = measure(collection, tagger, base)
            measured = gained.learned.figures
            figures[collection.name] = {
                "n_tracks": measured["n_tracks"],
                "n_artists": measured["n_artists"],
                "n_labels": len(gained.learned.labels),
                "learned": round(measured["macro_average_precision"], 3),
                "base_scores": round(gained.scores, 3),
                "base_first_label": round(gained.first, 3),
                "base_first_label_without_its_score": round(gained.only_first, 3),
                "chance": round(measured["macro_prior"], 3),
                "written_right": round(measured["written_right"], 3),
                "share_written": round(measured["share_of_tracks_written"], 3),
                "calibration_error": round(measured["calibration_error"], 4),
            }
            print(collection.name, figures[collection.name])
            for row in gained.learned.rows:
                print(
                    f"  {row.label:<24} {row.n_tracks:>4} {row.n_artists:>4}"
                    f" {row.average_precision:.2f} right {row.precision:.2f}"
                    f" found {row.recall:.2f} from {row.threshold:.2f}"
                )
    emit({"model": base.spec.revision, **figures})


def speed() -> None:
    """Print what learning from 10,000 remembered tracks takes."""
    n_tracks, width, n_labels, n_base = 10_000, 512, 60, 18
    rng = np.random.default_rng(0)
    label = np.minimum(rng.exponential(12, n_tracks).astype(int), n_labels - 1)
    centres = rng.standard_normal((n_labels, width)).astype(np.float32)
    mix = rng.standard_normal((width, width)).astype(np.float32) / np.sqrt(width)
    embeddings = (
        0.3 * centres[label] + rng.standard_normal((n_tracks, width)).astype(np.float32) @ mix
    )
    scores = rng.random((n_tracks, n_base)).astype(np.float32)
    tracks = [
        LabelledTrack(Path(str(row)), f"artist {row // 8}", (f"label {label[row]}",))
        for row in range(n_tracks)
    ]
    began, used = time.perf_counter(), time.process_time()
    named = ((track.artist, track.genres) for track in tracks)
    vocabulary = choose_vocabulary(named, GenreRules(), VocabularyOptions())
    table = table_of(tracks, features_of(embeddings, scores), vocabulary, GenreRules())
    lesson = learn(
        table,
        HeadOptions(
            prior=prior_of(vocabulary.labels, (), n_embedding=width + n_base),
            gains=gains_of(width, n_base),
        ),
    )
    emit({
        "n_tracks": n_tracks,
        "n_labels": len(vocabulary.labels),
        "learned": len(lesson.labels),
        "macro_average_precision": round(lesson.figures["macro_average_precision"], 3),
        "seconds": round(time.perf_counter() - began, 1),
        "processor_s": round(time.process_time() - used, 1),
        "peak_mib": round(peak_mib()),
    })  # fmt: skip


def cost(model: str) -> None:
    """Print what embeddings cost: processor time of a batch with and without, bytes a track."""
    engine = load_engine(find_model(model), device="cpu")
    windows = np.tile(golden_windows(engine.spec), (5, 1))
    jobs = {"scores": engine.run, "with embeddings": engine.run_embedding}
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(12):
        for name, job in jobs.items():
            used = time.process_time()
            job(windows)
            times[name].append((time.process_time() - used) * 1e3 / len(windows))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        sizes = []
        with open_store(path, on_notice=print) as store:
            for n_tracks in (1, 10_001):
                with store.transaction() as connection:
                    for row in range(n_tracks):
                        vector = np.full(engine.spec.embedding or 0, row, np.float16).tobytes()
                        content = hashlib.blake2b(str(row).encode(), digest_size=16).digest()
                        put_embedding(connection, content, 1, vector, 200.0)
                sizes.append(
                    store.one(
                        "SELECT page_count * page_size FROM"
                        " pragma_page_count, pragma_page_size",
                        (),
                    )
                )
    emit({
        "model": engine.spec.revision,
        "ms_a_window": {name: round(statistics.median(ms), 3) for name, ms in times.items()},
        "bytes_a_track": round((sizes[1][0] - sizes[0][0]) / 10_000),
    })  # fmt: skip


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="recordings; those of TAGGER_DATA")
    parser.add_argument("--state", type=Path, default=None)
    parser.add_argument("--model", default="default")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--cost", action="store_true")
    args = parser.parse_args()
    args.data = args.data or data_folder()
    if args.speed:
        speed()
        return
    if args.cost:
        cost(args.model)
        return
    with tempfile.TemporaryDirectory() as folder:
        args.state = args.state or Path(folder) / "state.db"
        accuracy(args)


if __name__ == "__main__":
    main()
