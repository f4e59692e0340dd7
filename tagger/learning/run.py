"""Learn from a library: gather, fit, write the model, remember how it was done."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.errors import InputError
from tagger.genres.rules import GenreRules
from tagger.genres.target_fields import GENRE
from tagger.learning.calibrate import PRECISION
from tagger.learning.examples import (
    FEW_MIN_TRACKS,
    FEW_PENALTIES,
    add_background,
    example_folders,
    n_folds_of,
)
from tagger.learning.features import gains_of, prior_of
from tagger.learning.folds import N_FOLDS
from tagger.learning.gather import Gathered, LabelSources, OnTrack, gather
from tagger.learning.held_out import PENALTIES, HeadOptions
from tagger.learning.learn import Learned, learn
from tagger.learning.table import LabelledTrack, table_of
from tagger.learning.vocabulary import (
    MIN_TRACKS,
    Vocabulary,
    VocabularyOptions,
    choose_vocabulary,
    names_of,
    of_no_track,
    with_ancestors,
    with_implied_tree,
)
from tagger.learning.write_model import BaseModel, Naming, Written, write_model
from tagger.model.new_file import new_model_file
from tagger.model.spec_file import spec_in
from tagger.scan.cache_key import embedding_source
from tagger.settings.model_overrides import rules_of
from tagger.state.corrections import (
    all_corrections,
    learned_models,
    record_learned,
    written_by_models,
)
from tagger.state.embeddings import n_of_other_sources, stored_embeddings
from tagger.state.store import Store
from tagger.system.digest import sha256_of
from tagger.text import counted

if TYPE_CHECKING:
    from tagger.api import Tagger

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnOptions:
    """What is learned, and what it is called.

    Attributes:
        name: of the model.
        field: the tag whose values are learned.
        min_tracks: fewer tracks teach no label; None for the usual number.
        include: the only labels; empty for all.
        exclude: labels that are not learned.
        labels_from: an edited report whose genres replace those of its files.
        keep_labels: the base's own labels stay beside the learned ones.
        examples: a folder with a folder of tracks a label.
        precision: how often a genre that is written shall be right.
    """

    name: str = "learned"
    field: str = GENRE
    min_tracks: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    labels_from: Path | None = None
    keep_labels: bool = False
    examples: Path | None = None
    precision: float = PRECISION


@dataclass(frozen=True, slots=True)
class Lesson:
    """What came of it.

    Attributes:
        learned: the head and what it is worth.
        written: the model file.
        gathered: what it was learned from.
    """

    learned: Learned
    written: Written
    gathered: Gathered


def learn_library(
    tagger: "Tagger",
    paths: Sequence[Path],
    options: LearnOptions,
    *,
    say: Say,
    on_track: OnTrack | None = None,
    on_fitted: Callable[[], None] = lambda: None,
) -> Lesson:
    """Learn the genres of a library, and write a model that knows them.

    Args:
        tagger: opened with the base model, and with a state.
        paths: files and folders; with `examples`, music that stands for everything else.
        options: what is learned.
        say: told, in sentences, what the owner should know.
        on_track: told of each track.
        on_fitted: told before the model is written; what it raises leaves all as it was.

    Raises:
        InputError: there is nothing that can be learned; the message says why.
        ModelError: the base model gives no embedding.
    """
    target = new_model_file(options.name)
    base = BaseModel(tagger.path, spec_in(tagger.path))
    store = tagger.held_state()
    source = embedding_source(base.spec, sha256_of(base.path))
    _tell_of_others(store, source, say)
    rules = rules_of(tagger.settings, tagger.spec)
    sources, places = _label_sources(store, paths, options)
    gathered = gather(tagger, places, field=options.field, sources=sources, on_track=on_track)
    if options.examples is not None and not paths:
        add_background(gathered, stored_embeddings(store, source))
    _tell(gathered, say)
    if not gathered.tracks:
        raise InputError(
            f"{places[0]}: no track there has a {options.field} to learn from; tag some, or"
            " name a corrected report with --labels-from."
        )
    names = sorted({n for track in gathered.tracks for n in names_of(track.genres, rules)})
    rules = with_implied_tree(rules, names)
    for option, asked in (("--include", options.include), ("--exclude", options.exclude)):
        for sentence in of_no_track(option, asked, with_ancestors(names, rules)):
            say(sentence)
    learned = _learned(gathered, base, rules, options)
    on_fitted()
    written = write_model(base, learned, _naming(gathered, rules, options), target)
    newest = max((correction.id for correction in sources.corrections), default=0)
    record_learned(store, options.name, _recipe(tagger, paths, options), newest)
    return Lesson(learned, written, gathered)


def recipe_of(store: Store, name: str) -> tuple[str, list[Path], LearnOptions]:
    """(base model, paths, options) with which a model was learned.

    Raises:
        InputError: no model of this name was learned with this state.
    """
    by_name = {model.name: model for model in learned_models(store)}
    if name not in by_name:
        there = ", ".join(sorted(by_name)) or "none"
        raise InputError(
            f"--update {name}: no model of this name was learned here (there are: {there});"
            " learn it with `tagger learn PATH -o NAME` first."
        )
    recipe: dict[str, Any] = dict(by_name[name].recipe)
    base, paths = recipe.pop("base"), [Path(path) for path in recipe.pop("paths")]
    for key in ("include", "exclude"):
        recipe[key] = tuple(recipe[key])
    for key in ("labels_from", "examples"):
        recipe[key] = None if recipe[key] is None else Path(recipe[key])
    return base, paths, LearnOptions(**recipe)


def _recipe(tagger: "Tagger", paths: Sequence[Path], options: LearnOptions) -> dict[str, Any]:
    """How to learn the model again, as JSON types."""
    recorded = asdict(options)
    for key in ("labels_from", "examples"):
        recorded[key] = None if recorded[key] is None else str(Path(recorded[key]).resolve())
    return {
        **recorded,
        "base": str(tagger.path.resolve()),
        "paths": [str(path.resolve()) for path in paths],
    }


def _label_sources(
    store: Store, paths: Sequence[Path], options: LearnOptions
) -> tuple[LabelSources, Sequence[Path]]:
    """What is known of files beside what they hold, and all files that are gathered."""
    if options.examples is not None:
        folders = example_folders(options.examples)
        return LabelSources(folders=folders, is_background=True), [options.examples, *paths]
    labels = {} if options.labels_from is None else _labels_of(options.labels_from)
    sources = LabelSources(
        corrections=all_corrections(store),
        by_scans=written_by_models(store),
        labels=labels,
    )
    return sources, paths


def _labels_of(report: Path) -> dict[Path, tuple[str, ...]]:
    """The genres of an edited report, by file.

    Raises:
        InputError: it is no report.
    """
    from tagger.review.report_rows import read_rows  # noqa: PLC0415
    from tagger.text import from_cell, paths_of  # noqa: PLC0415

    labels = {}
    for row in read_rows(report, on_note=lambda _: None):
        if row.problem is not None:
            continue
        genres = [genre.strip() for genre in from_cell(row.cells["genres"]).split(";")]
        place = next((path for path in paths_of(row.cells["path"]) if path.exists()), None)
        if place is not None and any(genres):
            labels[place.resolve()] = tuple(filter(None, genres))
    return labels


def _learned(
    gathered: Gathered, base: BaseModel, rules: GenreRules, options: LearnOptions
) -> Learned:
    tracks, few = gathered.tracks, options.examples is not None
    vocabulary = _vocabulary(tracks, rules, options)
    features = base.features(gathered.embeddings)
    n_embedding = gathered.embeddings.shape[1]
    learned = learn(
        table_of(tracks, features, vocabulary, rules),
        HeadOptions(
            prior=prior_of(vocabulary.labels, base.labels, n_embedding=n_embedding),
            gains=gains_of(n_embedding, len(base.labels)),
            penalties=FEW_PENALTIES if few else PENALTIES,
            n_folds=n_folds_of(tracks) if few else N_FOLDS,
        ),
        precision=options.precision,
    )
    return replace(learned, left_out=(*learned.left_out, *vocabulary.left_out))


def _vocabulary(
    tracks: Sequence[LabelledTrack], rules: GenreRules, options: LearnOptions
) -> Vocabulary:
    include, usual = options.include, MIN_TRACKS
    if options.examples is not None:
        include, usual = tuple(example_folders(options.examples).values()), FEW_MIN_TRACKS
    chosen = VocabularyOptions(
        min_tracks=options.min_tracks or usual, include=include, exclude=options.exclude
    )
    named = (
        (track.artist, with_ancestors(names_of(track.genres, rules), rules)) for track in tracks
    )
    return choose_vocabulary(named, rules, chosen)


def _naming(gathered: Gathered, rules: GenreRules, options: LearnOptions) -> Naming:
    """What the model is called, and what it says of itself."""
    return Naming(
        name=options.name,
        rules=rules,
        kind="mood" if options.field == "mood" else "genre",
        keep_labels=options.keep_labels or options.examples is not None,
        about=_about(gathered, options),
    )


def _tell_of_others(store: Store, source: str, say: Say) -> None:
    """Why a library that was scanned before is decoded once more."""
    if n_others := n_of_other_sources(store, source):
        say(
            f"{n_others} tracks have the embedding of another model, or of another revision of"
            " this one: those that are learned from are decoded once more."
        )


def _tell(gathered: Gathered, say: Say) -> None:
    """What was not learned from, one sentence each."""
    sentences = [
        (gathered.n_failed, "file", "files", "could not be read; `tagger scan` says why."),
        (gathered.n_silent, "file is", "files are", "silent: nothing is learned from silence."),
        (gathered.n_by_scans, "file holds", "files hold",
         "genres that tagger wrote itself; they teach nothing until you confirm them."),
        (gathered.n_contradictions, "correction does", "corrections do",
         "not agree with earlier ones of the same file; the last one counts."),
    ]  # fmt: skip
    for n, one, many, rest in sentences:
        if n:
            say(f"{counted(n, one, many)} {rest}")


def _about(gathered: Gathered, options: LearnOptions) -> Mapping[str, Any]:
    """What a model says of what it was learned from: numbers, and no names of files."""
    origins = Counter(track.origin for track in gathered.tracks)
    return {
        "learned_from": dict(origins),
        "field": options.field,
        "precision": options.precision,
    }
