"""Clips and a configuration's teachers -> clips with lessons."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tagger.errors import InputError
from train.config.config import TrainConfig
from train.data.load_clips import recipe_for
from train.data.progress import progress_lines
from train.data.store import Recipe, key_if_there, read_recipe
from train.data.turns import turn
from train.datasets.base import FeatureSet
from train.fit.distributed import is_first
from train.teachers.lessons import Half, Lessons, Part, n_targets_of, standardised
from train.teachers.listen import Recording, listen_to
from train.teachers.model import COVERAGE, Teacher, read_teacher
from train.teachers.options import TeacherOptions
from train.teachers.probe import with_posteriors
from train.teachers.store import Answers

Say = Callable[[str], None]
FOLDER = "teachers"


def teachers_of(config: TrainConfig, data: Path) -> list[Teacher]:
    """The teachers of a run, looked at.

    Raises:
        InputError: one is missing, says nothing of itself, or two have one name.
    """
    teachers = [
        read_teacher(
            _place(teacher.model, data),
            _place(teacher.card, data) if teacher.card else None,
            coverage=teacher.coverage,
        )
        for teacher in config.teachers
    ]
    names = [teacher.name for teacher in teachers]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"teachers: {name!r} stands twice; give the files other names.")
    return teachers


def _place(name: str, data: Path) -> Path:
    """A path of the configuration: absolute, below the data, or below the working folder."""
    below = data / name
    return below if below.exists() else Path(name)


def lessons_for(
    config: TrainConfig,
    clips: FeatureSet,
    data: Path,
    *,
    prepared: Path,
    say: Say,
    n_jobs: int | None = None,
) -> FeatureSet:
    """The clips with what the configuration's teachers say of them.

    Each recording is asked about once: the answers are kept beside the prepared recordings.

    Args:
        config: of the run.
        clips: all of them; lessons are standardised over those of the split `train`.
        data: the folder that teachers without an absolute path lie below.
        prepared: where they lie.
        say: told how far it is.
        n_jobs: processes; None for one a core.

    Raises:
        InputError: a teacher cannot be used, or no clip is a recording.
    """
    if not config.teachers:
        return clips
    teachers = teachers_of(config, data)
    if clips.paths is None or not (clips.paths != "").any():
        raise InputError(
            f"teachers: {clips.name} has no recordings that they could hear, only features."
        )
    recipe = recipe_for(config)
    folders = [folder_of(teacher, prepared) for teacher in teachers]
    stores = list(zip(config.teachers, teachers, folders, strict=True))
    with turn(folders, say=say):
        recordings = _recordings(config, clips)
        if is_first():
            known = [answers for answers in recordings if answers is not None]
            tell = progress_lines(say, "asking teachers")
            listen_to(known, teachers, folders, recipe=recipe, n_jobs=n_jobs, tell=tell)
        lessons = _lessons(clips, recordings, stores, recipe, say=say)
    taught = replace(clips, lessons=lessons)
    if config.probe.weight == 0:
        return taught
    trees = {teacher.name: teacher.card.parents for teacher in teachers}
    parents = trees.get(config.probe.model)
    return with_posteriors(taught, config.probe, names=config.names, parents=parents)


def _lessons(
    clips: FeatureSet,
    recordings: Sequence[Recording | None],
    stores: Sequence[tuple[TeacherOptions, Teacher, Path]],
    recipe: Recipe,
    *,
    say: Say,
) -> Lessons:
    """The stored answers of all teachers side by side, embeddings standardised."""
    n_columns = sum(teacher.n_out for _, teacher, _ in stores)
    rows = [
        np.full((1 if answers is None else answers.n_targets, n_columns), np.nan, np.float16)
        for answers in recordings
    ]
    parts: list[Part] = []
    for i, (options, teacher, folder) in enumerate(stores):
        first = parts[-1].stop if parts else 0
        parts += _parts(teacher, options, first)
        with Answers(folder, teacher) as store:
            n_silent = _fill(rows, recordings, store, recipe, which=i, first=first)
        if n_silent:
            say(f"teachers: {teacher.name} says nothing of {n_silent} recordings")
    is_learned = clips.splits == "train"
    for part in parts:
        if part.kind == "embedding":
            standardised(rows, slice(part.start, part.stop), is_learned)
    return Lessons(parts=tuple(parts), of_clip=rows)


def _recordings(config: TrainConfig, clips: FeatureSet) -> list[Recording | None]:
    """Of each clip the recording that teachers hear, and which of them; None without any."""
    asked = [
        clips.from_datasets(teacher.datasets) if teacher.datasets else np.ones(len(clips), bool)
        for teacher in config.teachers
    ]
    options, n_pieces = config.features_options, clips.pieces()
    unit = 1 if clips.is_waveform else options.hop_len
    recordings: list[Recording | None] = []
    for i, path in enumerate(clips.paths if clips.paths is not None else ()):
        teachers = tuple(k for k, has in enumerate(asked) if has[i])
        if not path or not teachers:
            recordings.append(None)
            continue
        seconds = clips.n_frames(i) * unit / options.sample_rate
        pieces = int(n_pieces[i])
        n_targets = n_targets_of(seconds, pieces)
        recordings.append(
            Recording(
                path=path,
                file=key_if_there(Path(path)),
                n_pieces=pieces,
                n_targets=n_targets,
                teachers=teachers,
            )
        )
    return recordings


def _parts(teacher: Teacher, options: TeacherOptions, first: int) -> list[Part]:
    """What the columns of one teacher are, from `first` on."""
    labels = teacher.card.labels
    middle, stop = first + len(labels), first + teacher.n_out
    scores = Part(
        teacher=teacher.name,
        kind="scores",
        start=first,
        stop=middle,
        weight=options.weight,
        temperature=options.temperature,
        labels=labels,
    )
    if middle == stop:
        return [scores]
    weight = options.embedding_weight
    embedding = Part(
        teacher=teacher.name, kind="embedding", start=middle, stop=stop, weight=weight
    )
    return [scores, embedding]


def _fill(
    rows: Sequence[Half],
    recordings: Sequence[Recording | None],
    store: Answers,
    recipe: Recipe,
    *,
    which: int,
    first: int,
) -> int:
    """Put one teacher's answers into its columns; how many recordings have none."""
    places = [
        i
        for i, answers in enumerate(recordings)
        if answers is not None and which in answers.teachers
    ]
    keys = [one.key(recipe) for i in places if (one := recordings[i]) is not None]
    n_silent = 0
    for i, answer in zip(places, store.every(keys), strict=True):
        if answer is None or len(answer) != len(rows[i]):
            n_silent += 1
        else:
            rows[i][:, first : first + store.n_out] = answer
    return n_silent


def folder_of(teacher: Teacher, prepared: Path) -> Path:
    """Where a teacher's answers are kept: those of each coverage by themselves.

    The folder without a coverage in its name is that of `COVERAGE`; one that was filled with
    another coverage, when no name said it, stays that one's.
    """
    plain = prepared / FOLDER / f"{teacher.name}-{teacher.sha256[:12]}"
    held = (read_recipe(plain) or {}).get("coverage", COVERAGE)
    if held == teacher.coverage:
        return plain
    return plain.with_name(f"{plain.name}-{teacher.coverage}")


def teacher_facts(config: TrainConfig, data: Path) -> list[dict[str, str]]:
    """What a model says of those that it learned from."""
    return [
        {"name": teacher.name, "licence": teacher.card.licence, "sha256": teacher.sha256}
        for teacher in teachers_of(config, data)
    ]
