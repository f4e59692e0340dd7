"""What teachers and the probe name is looked up before any of them is asked."""

import pytest

from tagger.errors import InputError
from tests.train.runs import run_training
from tests.train.school import THREE, tree, write_data
from train.config.checks import check_choices
from train.config.config import from_tree

PROBE = {"weight": 1.0, "model": "free", "datasets": ["recordings"]}


@pytest.mark.parametrize(
    ("teacher", "probe", "said"),
    [
        (
            {"datasets": ["recordingz"]},
            {},
            r"teachers\.datasets of teachers/free\.onnx: 'recordingz'.*'recordings'",
        ),
        ({}, {"datasets": ["recordingz"]}, r"probe\.datasets: 'recordingz'.*'recordings'"),
        ({}, {"model": "fre"}, r"probe\.model: 'fre' is unknown.*'free'"),
        ({}, {"weight": 0.0}, r"probe\.model: free .*set probe\.weight above 0"),
    ],
)
def test_a_name_that_chooses_nothing_is_refused(teacher, probe, said):
    """A teacher that would be asked nothing, a probe without labels, one without a say."""
    config = from_tree(tree(THREE[0] | teacher, THREE[1], kind="single", probe=PROBE | probe))
    with pytest.raises(InputError, match=said):
        check_choices(config)


def test_a_probe_without_teachers_is_refused():
    """Nothing would be learned of it, without a word."""
    with pytest.raises(InputError, match=r"probe\.weight: .*name some in `teachers`"):
        check_choices(from_tree(tree(kind="single", probe={"weight": 1.0})))


def test_right_names_pass():
    """A teacher is called what its file is called; weight 0 with data sets says nothing."""
    check_choices(from_tree(tree(*THREE, kind="single", probe=PROBE)))
    heard = THREE[0] | {"datasets": ["unlabelled", "recordings"]}
    check_choices(from_tree(tree(heard, probe={"datasets": ["recordings"]})))


def test_a_run_stops_before_anything_is_decoded(tmp_path):
    """No store is made, no teacher is asked."""
    data = write_data(tmp_path / "data", n=8, n_unlabelled=2)
    fields = tree(*THREE, kind="single", probe=PROBE | {"model": "no-such"})
    places = {"data": data, "out": tmp_path / "run", "prepared": tmp_path / "p"}
    with pytest.raises(InputError, match=r"probe\.model"):
        run_training(None, fields, **places, say=lambda _: None)
    assert not (tmp_path / "p").exists()
