"""What else could be learned from: `learning_tries.py [--data FOLDER]`, on the same music.

Each try changes one thing of what `tagger learn` does and is measured as `learning.py` does:
mean average precision over the labels that can be learned, no artist on two sides. Then, for
the library, how sure its gain is (artists drawn with replacement), what its other half adds
(the base has learned from that, and the head alone learns from it here), and what a listener
could reach who knows every artist's style but not this owner's words for one of them.
The last line is JSON.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from halves import is_measured
from learning import (
    MIN_TRACKS,
    RULES,
    Collection,
    library,
    mean_precision,
    recordings,
)
from measure import data_folder, emit
from numpy.typing import NDArray

from tagger.audio.track import open_track
from tagger.learning.features import base_logits, gains_of, prior_of
from tagger.learning.gather import artist_key
from tagger.learning.held_out import PENALTIES, HeadOptions, HeldOut, hold_out
from tagger.learning.learn import LEAST_SKILL, skill
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
from tagger.model.engine import Engine
from tagger.model.load import load_engine
from tagger.tags.artist import read_with_artist

Matrix = NDArray[np.float32]
N_WINDOWS = 6


@dataclass(frozen=True, slots=True)
class EmbeddedTrack:
    """A track with what the base makes of its windows: embeddings and scores, a row each."""

    track: LabelledTrack
    embeddings: Matrix
    scores: Matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One thing that is done otherwise.

    Attributes:
        embed: windows' embeddings (n, width) -> what stands for the track.
        penalties: those that are tried.
        gain: how freely the base's logits move; None for as usual.
        n_components: of all embeddings, the first principal ones alone; 0 for all.
        has_prior: whether labels of the base begin with what the base says.
    """

    embed: Callable[[Matrix], Matrix] = lambda windows: windows.mean(axis=0)
    penalties: Sequence[float] = PENALTIES
    gain: float | None = None
    n_components: int = 0
    has_prior: bool = True


TRIES: Mapping[str, Try] = {
    "as it is": Try(),
    "mean and spread over windows": Try(embed=lambda one: np.hstack([one.mean(0), one.std(0)])),
    "windows of unit length": Try(
        embed=lambda one: (one / np.linalg.norm(one, axis=1, keepdims=True)).mean(axis=0)
    ),
    "32 principal components": Try(n_components=32),
    "the base's scores alone": Try(embed=lambda _: np.zeros(1, np.float32)),
    "no prior": Try(has_prior=False),
    "the base's scores no freer": Try(gain=1.0),
    "the base's scores freer": Try(gain=10.0),
    "penalties down to 0.003": Try(penalties=(*PENALTIES, 0.01, 0.003)),
}


def hear(tracks: Sequence[LabelledTrack], engine: Engine) -> list[EmbeddedTrack]:
    """All tracks, window by window."""
    embedded = []
    for track in tracks:
        with open_track(track.path, sample_rate=engine.spec.sample_rate) as opened:
            cut = opened.windows(window_len=engine.spec.window_len, n_windows=N_WINDOWS)
            scores, embeddings = engine.run_embedding(np.stack(list(cut)))
        embedded.append(EmbeddedTrack(track, embeddings, scores))
    return embedded


def held_out(
    collection: Sequence[EmbeddedTrack], base: BaseModel, attempt: Try
) -> tuple[LearningTable, HeldOut]:
    """A table of tracks, and what heads that do not know their artists say of them."""
    tracks = [row.track for row in collection]
    own = [names_of(track.genres, RULES) for track in tracks]
    rules = with_implied_tree(RULES, chain.from_iterable(own))
    named = [
        (t.artist, with_ancestors(names, rules)) for t, names in zip(tracks, own, strict=True)
    ]
    vocabulary = choose_vocabulary(named, rules, VocabularyOptions(min_tracks=MIN_TRACKS))
    embedded = np.stack([attempt.embed(row.embeddings) for row in collection])
    if attempt.n_components:
        left, sizes, _ = np.linalg.svd(embedded - embedded.mean(axis=0), full_matrices=False)
        embedded = left[:, : attempt.n_components] * sizes[: attempt.n_components]
    means = np.stack([row.embeddings.mean(axis=0) for row in collection])
    features = np.hstack([embedded, base_logits(base.scores(means))]).astype(np.float32)
    table = table_of(tracks, features, vocabulary, rules)
    width, n_base = embedded.shape[1], len(base.labels)
    gains = gains_of(width, n_base)
    if attempt.gain is not None:
        gains[width:] = attempt.gain
    prior = prior_of(vocabulary.labels, base.labels, n_embedding=width)
    options = HeadOptions(
        prior=prior if attempt.has_prior else None, gains=gains, penalties=attempt.penalties
    )
    return table, hold_out(table, options)


def first_label(tracks: Sequence[EmbeddedTrack], base: BaseModel) -> Matrix:
    """The base's scores of tracks where they are the track's highest of a genre, else 0."""
    scores = np.stack([row.scores.mean(axis=0) for row in tracks])
    is_genre = np.array([base.spec.kind_of(label) == "genre" for label in base.spec.labels])
    scores = np.where(is_genre, scores, 0)
    return np.where(scores == scores.max(axis=1, keepdims=True), scores, 0).astype(np.float32)


def measure(tracks: Sequence[EmbeddedTrack], base: BaseModel) -> dict[str, dict[str, float]]:
    """Every try: the first label, what is learned, how strong the penalty is."""
    first, figures = first_label(tracks, base), {}
    for name, attempt in TRIES.items():
        table, held = held_out(tracks, base, attempt)
        chance = table.targets.mean(axis=0)
        kept = [
            column
            for column, reached in enumerate(held.average_precision)
            if skill(float(reached), chance[column]) >= LEAST_SKILL
        ]
        labels = [table.labels[column] for column in kept]
        below = mean_precision(table, labels, first, base)
        learned = float(held.average_precision[kept].mean())
        figures[name] = {
            "labels": len(labels),
            "first_label": round(below, 3),
            "learned": round(learned, 3),
            "gain": round(learned - below, 3),
            "penalty": float(held.penalties[kept].max()),
        }
        print(f"  {name:<30}", figures[name], flush=True)
    return figures


def interval(
    targets: Matrix, one: Matrix, other: Matrix, artists: Sequence[str]
) -> list[float]:
    """Where the mean of `one`'s average precisions less `other`'s lies with 95 %."""
    whose = np.unique(np.array(artists, dtype=str), return_inverse=True)[1]
    members = [np.flatnonzero(whose == i) for i in range(whose.max() + 1)]
    rng, differences = np.random.default_rng(0), []
    for _ in range(1000):
        rows = np.concatenate(
            [members[i] for i in rng.integers(len(members), size=len(members))]
        )
        if targets[rows].any(axis=0).all():
            columns = zip(targets[rows].T, one[rows].T, other[rows].T, strict=True)
            gains = [average_precision(y, a) - average_precision(y, b) for y, a, b in columns]
            differences.append(float(np.mean(gains)))
    return [round(float(bound), 2) for bound in np.quantile(differences, [0.025, 0.975])]


def of_library(
    tracks: list[EmbeddedTrack], other: list[EmbeddedTrack], base: BaseModel
) -> dict[str, object]:
    """The gain of the measured half: its interval, with the other half, and its ceiling."""
    n_measured = len(tracks)
    first, figures = first_label(tracks, base), {}
    for name, rows in (("alone", tracks), ("with the other half", tracks + other)):
        table, held = held_out(rows, base, Try())
        kept = [table.labels.index(label) for label in ("Rock", "Metal")]
        targets = table.targets[:n_measured, kept]
        logits = held.logits[:n_measured, kept]
        below = first[:, [base.spec.labels.index(label) for label in ("Rock", "Metal")]]
        gains = [
            average_precision(y, a) - average_precision(y, b)
            for y, a, b in zip(targets.T, logits.T, below.T, strict=True)
        ]
        figures[name] = {
            "gain": round(float(np.mean(gains)), 3),
            "interval": interval(targets, logits, below, table.artists[:n_measured]),
        }
    table, _ = held_out(tracks, base, Try())
    return {**figures, "listener": ceiling(table)}


def ceiling(table: LearningTable) -> dict[str, float]:
    """Average precision of a listener to whom the most frequent 'Metal' band is Rock.

    Everything else is ranked as the owner tags it, in chance order within; Rock and Metal.
    """
    artists = np.array(table.artists, dtype=object)
    metal = table.targets[:, table.labels.index("Metal")] > 0
    rock = table.targets[:, table.labels.index("Rock")] > 0
    names, counts = np.unique(artists[metal].astype(str), return_counts=True)
    is_band = artists == names[counts.argmax()]
    sure = {"Metal": metal & ~is_band, "Rock": rock | is_band}
    figures = {}
    for label, believed in sure.items():
        targets = table.targets[:, table.labels.index(label)]
        figures[label] = round(average_precision(targets, believed.astype(np.float32)), 3)
    return {**figures, "mean": round(float(np.mean(list(figures.values()))), 3),
            "tracks_of_the_band": int((metal & is_band).sum())}  # fmt: skip


def other_half(data: Path) -> list[LabelledTrack]:
    """The tracks of the library that the base has learned from, by their own tags."""
    tracks = []
    for path in sorted((data / "library").rglob("*.mp3")):
        info, artist = read_with_artist(path, field="genre")
        if info.genres and not is_measured(path):
            tracks.append(LabelledTrack(path, artist_key(artist, path), info.genres))
    return tracks


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="recordings; those of TAGGER_DATA")
    args = parser.parse_args()
    args.data = args.data or data_folder()
    engine = load_engine(find_model("default"), device="cpu")
    base = BaseModel(find_model("default"), engine.spec)
    collections: list[Collection] = [*recordings(args.data), library(args.data)]
    figures: dict[str, object] = {}
    tracks: list[EmbeddedTrack] = []
    for collection in collections:
        print(collection.name)
        tracks = hear(collection.tracks, engine)
        figures[collection.name] = measure(tracks, base)
    figures["library"] = of_library(tracks, hear(other_half(args.data), engine), base)
    emit({"model": engine.spec.revision, **figures})


if __name__ == "__main__":
    main()
