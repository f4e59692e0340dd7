"""Teachers are asked once about each recording; what they say is stored, masked, aligned."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tagger.errors import InputError
from tests.processes import kill_once_ready
from tests.train.school import RATE, THREE, loaded, tree, write_data, write_sound
from tests.train.sets import make_set
from tests.train.stand_ins import write_teacher
from train.config.config import from_tree
from train.data.batches import Crops
from train.datasets.base import join
from train.teachers.lessons import Lessons, Part, n_targets_of
from train.teachers.store import Answers
from train.teachers.taught import folder_of, lessons_for, teachers_of


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data")


def test_every_clip_gets_the_answers_of_every_teacher(data):
    """A row a target of about ten seconds, embeddings standardised over what is learned."""
    clips = loaded(data, tree(*THREE))
    parts = [(one.teacher, one.kind, one.start, one.stop) for one in clips.lessons.parts]
    assert parts == [
        ("free", "scores", 0, 3), ("free", "embedding", 3, 5), ("long", "scores", 5, 8),
        ("short", "scores", 8, 11), ("short", "embedding", 11, 13),
    ]  # fmt: skip
    rows = clips.lessons.of_clip
    assert [len(one) for one in rows] == [
        n_targets_of(clips.n_frames(i) / RATE, 1) for i in range(len(clips))
    ]
    assert max(len(one) for one in rows) == 2
    assert all(np.isfinite(one).all() and one.dtype == np.float16 for one in rows)
    learned = np.concatenate([rows[i] for i in np.flatnonzero(clips.splits == "train")])
    np.testing.assert_allclose(learned[:, 3:5].astype(float).mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(learned[:, 3:5].astype(float).std(axis=0), 1, atol=0.1)


def test_teachers_are_asked_once(data, monkeypatch):
    """The second time nobody listens; a recording that is new or changed is asked about."""
    first = loaded(data, tree(*THREE))
    asked = []
    monkeypatch.setattr(
        "train.teachers.listen._ask_all", lambda jobs, *_: asked.extend(jobs) or iter(())
    )
    again = loaded(data, tree(*THREE))
    assert asked == []
    for one, other in zip(first.lessons.of_clip, again.lessons.of_clip, strict=True):
        np.testing.assert_array_equal(one, other)
    monkeypatch.undo()
    write_sound(data / "unlabelled" / "0" / "0.wav", 999, seconds=2)
    said = []
    loaded(data, tree(*THREE), say=said.append)
    assert [line for line in said if line.startswith("asking")] == ["asking teachers: 42 of 42"]


@pytest.mark.parametrize("names", [["recordings", "unlabelled"], ["unlabelled", "recordings"]])
def test_a_recording_of_two_sets_is_heard_by_the_teachers_of_both(data, names):
    """Whichever set stands last; a clip learns from those of its own set."""
    shutil.rmtree(data / "unlabelled")
    (data / "unlabelled").symlink_to(data / "recordings" / "audio")
    made = tree(THREE[0] | {"datasets": ["recordings"]}, THREE[1]) | {"datasets": names}
    clips = loaded(data, made)
    of_both = clips.from_datasets(["recordings"])
    assert of_both.sum() == len(clips) / 2 == 30
    for is_heard, rows in zip(of_both, clips.lessons.of_clip, strict=True):
        assert np.isfinite(rows[:, :5]).all() == is_heard
        assert np.isfinite(rows[:, 5:]).all()
    said = []
    loaded(data, made, say=said.append)
    assert not any(line.startswith("asking") for line in said)


def test_another_model_under_the_same_name_is_asked_anew(data):
    """What is stored is known by the file's content, not by its name."""
    config = from_tree(tree(THREE[0]))
    before = folder_of(teachers_of(config, data)[0], data)
    write_teacher(data / "teachers" / "free.onnx", embedding=False)
    assert folder_of(teachers_of(config, data)[0], data) != before


def test_each_coverage_keeps_its_answers(data):
    """Who goes back to one that was asked before asks nothing."""
    asked = []
    for coverage in (1.0, 0.5, 1.0, 0.5):
        said = []
        loaded(data, tree(THREE[2] | {"coverage": coverage}), say=said.append)
        asked.append("asking teachers: 42 of 42" in said)
    assert asked == [True, True, False, False]


def test_answers_of_a_coverage_that_no_name_says_are_kept(data):
    """They were stored under the model alone; full coverage then stands elsewhere."""
    some, whole = (
        teachers_of(from_tree(tree(THREE[2] | {"coverage": coverage})), data)[0]
        for coverage in (0.5, 1.0)
    )
    plain = folder_of(whole, data)
    with Answers(plain, some) as store:
        store.add("a", np.zeros((2, some.n_out), np.float32))
    assert folder_of(some, data) == plain
    with Answers(folder_of(whole, data), whole) as store:
        assert not store.lines
    assert list(Answers(plain, some).lines) == ["a"]


def test_a_killed_listening_goes_on(data):
    """What was answered stays; nothing is lost or asked for twice; no process is left."""
    code = (
        "import sys; from pathlib import Path; import train.teachers.listen as l\n"
        "from tests.train.school import loaded, tree, THREE\n"
        "if __name__ == '__main__':\n"
        "    real = l.Answers.add; n = []\n"
        "    def add(self, key, answer):\n"
        "        real(self, key, answer); n.append(1)\n"
        "        if len(n) == 50: print('now', flush=True); import time; time.sleep(600)\n"
        "    l.Answers.add = add\n"
        "    loaded(Path(sys.argv[1]), tree(*THREE), n_jobs=2)\n"
    )
    script = data / "kill.py"
    script.write_text(code)
    kill_once_ready(script, data, limit_s=120)
    said = []
    resumed = loaded(data, tree(*THREE), say=said.append)
    config = from_tree(tree(*THREE))
    for one in teachers_of(config, data):
        lines = (folder_of(one, data / "prepared") / "answers.jsonl").read_text().splitlines()
        assert len(lines) == len({json.loads(line)["key"] for line in lines}) == 42
    other = write_data(data / "other")
    whole = loaded(other, tree(*THREE))
    for one, two in zip(whole.lessons.of_clip, resumed.lessons.of_clip, strict=True):
        np.testing.assert_array_equal(one, two)


def test_answers_that_were_damaged_are_asked_for_again(data):
    """Half a line, rows that are missing, rows with other bytes."""
    whole = loaded(data, tree(THREE[0]))
    teacher = teachers_of(from_tree(tree(THREE[0])), data)[0]
    folder = folder_of(teacher, data / "prepared")
    rows, lines = folder / "answers.f16", folder / "answers.jsonl"
    content = bytearray(rows.read_bytes())
    content[20] ^= 255
    rows.write_bytes(content[:-30])
    lines.write_text(lines.read_text()[:-9])
    with Answers(folder, teacher) as store:
        assert len(store.lines) < 42 - 2
    again = loaded(data, tree(THREE[0]))
    for one, other in zip(whole.lessons.of_clip, again.lessons.of_clip, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_named_when_the_answers_are_closed_too(data):
    """Nothing is tried once more: that would hide what to do about it."""
    teacher = teachers_of(from_tree(tree(THREE[0])), data)[0]
    folder = data / "answers"
    answer = np.zeros((2, teacher.n_out), np.float32)

    def fill() -> None:
        with Answers(folder, teacher) as store:
            store.add("a", answer)
            store._files[0].close()
            store._files[0] = open("/dev/full", "wb")  # noqa: PTH123, SIM115 - the store closes it
            store.add("b", answer)

    with pytest.raises(InputError, match="after 1 recordings"):
        fill()
    assert list(Answers(folder, teacher).lines) == ["a"]


def test_where_a_teacher_says_nothing_nothing_is_learned_from_it(data):
    """Not finite, another data set, stored features: unknown there, and it is said."""
    write_teacher(data / "teachers" / "bad.onnx", spoilt=True)
    said = []
    made = tree({"model": "teachers/bad.onnx"}, THREE[0] | {"datasets": ["recordings"]})
    clips = loaded(data, made, say=said.append)
    assert "teachers: bad says nothing of 42 recordings" in said
    unlabelled = clips.from_datasets(["unlabelled"])
    for is_foreign, rows in zip(unlabelled, clips.lessons.of_clip, strict=True):
        assert np.isnan(rows[:, :5]).all()
        assert np.isnan(rows[:, 5:]).all() == is_foreign
    stored = make_set("stored", ("high",))
    both = join([stored, replace(clips, is_waveform=False)])
    assert np.isnan(both.lessons.of_clip[0]).all()
    assert both.lessons.of_clip[len(stored)] is clips.lessons.of_clip[0]


def test_features_alone_cannot_be_heard(data):
    """The message says that teachers need recordings."""
    config = from_tree(tree(THREE[0]))
    with pytest.raises(InputError, match="has no recordings that they could hear"):
        lessons_for(config, make_set("x", ("a",)), data, prepared=data, say=print)


@pytest.mark.parametrize(
    ("teacher", "said"),
    [
        ({"modle": "x"}, r"no field teachers\.modle; did you mean teachers\.model"),
        ({"weight": 1}, "each needs `model`"),
        ({"model": "x", "weight": -1}, r"teachers\.weight: -1.* at least 0"),
        ({"model": "x", "temperature": 0}, "temperature"),
        ({"model": "x", "datasets": "one"}, "expected a list"),
        ("x.onnx", "expected fields and values"),
    ],
)
def test_a_wrong_teacher_stops_the_run_before_it_starts(teacher, said):
    """The message names the field, and the nearest one."""
    with pytest.raises(InputError, match=said):
        from_tree({"teachers": [teacher]})


def test_a_crop_lies_within_the_target_that_it_learns_from():
    """Where targets are longer; a longer crop gets their mean by how much of each it holds."""
    rows = np.array([[0.0], [1.0], [2.0], [3.0]], np.float16)
    part = Part(teacher="t", kind="scores", start=0, stop=1, weight=1.0, labels=("a",))
    clips = make_set("x", ("a", "b"), n_each=1)  # 40 frames each
    lessons = Lessons(parts=(part,), of_clip=[rows, rows])
    clips = replace(clips, lessons=lessons)
    clips.features[0][:] = np.arange(40)
    rng = np.random.default_rng(0)
    short = Crops(clips, n_frames=7)
    seen = set()
    for _ in range(200):
        item = short[short.draw(0, rng)]
        crop, lesson = item.features, item.taught
        first, last = int(crop[0, 0]), int(crop[0, -1])
        assert first // 10 == last // 10 == int(lesson)
        seen.add(first)
    assert seen == {10 * k + j for k in range(4) for j in range(4)}
    long = Crops(clips, n_frames=20)
    for _ in range(50):
        item = long[long.draw(0, rng)]
        crop, lesson = item.features, item.taught
        assert float(lesson) == pytest.approx((crop[0] // 10).mean().item(), abs=1e-3)
