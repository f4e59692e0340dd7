"""Three public taggers as teachers of real recordings: $TAGGER_DATA/teachers, recordings."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from train.data.store import Recipe
from train.teachers.listen import Recording, ask
from train.teachers.model import open_session, read_teacher

NAMES = ("mn04_as", "msd_fcn", "MSD_musicnn")
N_CLIPS = 12


@pytest.fixture
def data():
    folder = Path(os.environ.get("TAGGER_DATA", ""))
    if not (folder / "teachers" / "teachers.json").is_file():
        pytest.skip("TAGGER_DATA has no teachers/")
    if not (folder / "recordings" / "targets.npz").is_file():
        pytest.skip("TAGGER_DATA has no recordings/")
    return folder


@pytest.mark.data
def test_real_teachers_say_of_excerpts_what_they_say_of_the_originals(data):
    """The stored answers were given to the sound before its 16 kb/s; so they are near."""
    with (data / "recordings" / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    stored = np.load(data / "recordings" / "targets.npz")
    place = {path: i for i, path in enumerate(stored["path"].tolist())}
    chosen = [row["path"] for row in rows[:: len(rows) // N_CLIPS]][:N_CLIPS]
    teachers = [read_teacher(data / "teachers" / f"{name}.onnx") for name in NAMES]
    sessions = [open_session(teacher.path) for teacher in teachers]
    said = []
    for path in chosen:
        recording = Recording(
            path=str(data / "recordings" / path),
            file="",
            n_pieces=1,
            n_targets=1,
            teachers=(0, 1, 2),
        )
        said.append(ask(recording, teachers, sessions, recipe=Recipe(sample_rate=16_000)))
    for k, teacher in enumerate(teachers):
        n_labels = len(teacher.card.labels)
        answers = np.concatenate([item[k] for item in said])
        rows_of = [place[path] for path in chosen]
        for name, mine in (
            ("tags", answers[:, :n_labels]),
            ("embedding", answers[:, n_labels:]),
        ):
            theirs = stored[f"{teacher.name}_{name}"][rows_of].astype(np.float32)
            assert mine.shape == theirs.shape
            correlation = np.corrcoef(mine.ravel(), theirs.ravel())[0, 1]
            assert correlation > 0.8, f"{teacher.name} {name}: {correlation:.3f}"
