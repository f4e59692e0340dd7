"""A run goes on with what was its own, and takes nobody's place."""

import shutil
from dataclasses import replace

import pytest
import torch

from tagger.errors import InputError
from tests.train import trees
from tests.train.runs import run_training
from tests.train.test_checkpoints import OVERRIDES, quiet
from tests.train.test_training import KilledError, kill_on
from train.config.config import from_tree
from train.fit import callbacks
from train.fit.branches import parted
from train.fit.callbacks import LAST
from train.fit.continued import differing, forget_fits, last_of
from train.fit.initial_weights import CONFIG
from train.fit.run import resume_training
from train.models import checkpoint
from train.models.checkpoint import BEST

FOLDS = OVERRIDES | {
    "fit": OVERRIDES["fit"] | {"epochs": 2},
    "calibration": {"source": "out-of-fold", "folds": 2, "n_windows": 2},
}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Twenty-four short tones of two genres."""
    root = tmp_path_factory.mktemp("music")
    trees.genres(root / "music", seconds=1.0)
    return {"data": root / "music", "prepared": root / "p"}


@pytest.fixture(scope="module")
def done(places, tmp_path_factory):
    """A finished run with two folds."""
    out = tmp_path_factory.mktemp("runs") / "first"
    run_training(None, FOLDS, out=out, say=quiet, **places)
    return out


def weights_of(out):
    return checkpoint.load(out / BEST).net.state_dict()


def test_a_new_run_knows_nothing_of_the_one_before_it(places, done, tmp_path):
    """Killed and resumed in an old folder it is what it would be in a new one."""
    other = FOLDS | {"seed": 7, "fit": FOLDS["fit"] | {"learning_rate": 0.01}}
    run_training(None, other, out=tmp_path / "new", say=quiet, **places)
    old = tmp_path / "old"
    shutil.copytree(done, old)
    say = kill_on("fold 2 of 2: epoch 1")
    with pytest.raises(KilledError):
        run_training(None, other, out=old, force=True, say=say, **places)
    resume_training(old, {}, say=quiet)
    new, again, before = (weights_of(out) for out in (tmp_path / "new", old, done))
    for name, value in new.items():
        torch.testing.assert_close(again[name], value, rtol=0, atol=1e-4)
    learned = [name for name in new if name.startswith("body.")]
    assert any(not torch.equal(new[name], before[name]) for name in learned)


def test_a_model_that_was_trained_is_not_written_over(places, done):
    """Nothing in its folder changes, and the message says what to do."""
    before = (done / BEST).stat().st_mtime_ns
    with pytest.raises(InputError, match=r"holds a model .*--out.*--resume.*--force"):
        run_training(None, FOLDS, out=done, say=quiet, **places)
    assert (done / BEST).stat().st_mtime_ns == before
    assert (done / "fold-1" / LAST).is_file()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"fit.learning_rate": 0.01}, r"config\.yaml: .* another fit\.learning_rate"),
        ({"seed": 7}, "another seed"),
        ({"augment.noise": 0.3}, r"augment\.noise"),
        ({"calibration.folds": 3}, r"calibration\.folds"),
    ],
)
def test_what_was_learned_is_not_gone_on_from_with_other_choices(done, changes, named):
    """A blend of two runs would be neither."""
    before = (done / CONFIG).read_text()
    with pytest.raises(InputError, match=named):
        resume_training(done, changes, say=quiet)
    assert (done / CONFIG).read_text() == before


def test_each_fit_of_a_run_is_looked_at_by_itself(done):
    """A fold that was learned otherwise than its run's record says is not taken either."""
    config = checkpoint.load(done / BEST).config
    assert last_of(done, config)["epoch"] + 1 == 2
    assert last_of(done / "no-fold", config) is None
    with pytest.raises(InputError, match=r"fold-0/last\.pt: was begun with another seed"):
        last_of(done / "fold-0", config)


def test_how_long_and_what_follows_may_change(done, tmp_path):
    """More epochs, another threshold."""
    shutil.copytree(done, tmp_path / "copy")
    changes = {"fit.epochs": 3, "calibration.precision": 0.9, "fit.patience": 0}
    resume_training(tmp_path / "copy", changes, say=quiet)
    assert checkpoint.load(tmp_path / "copy" / BEST).config.fit.epochs == 3


def test_only_fits_of_the_run_itself_are_forgotten(tmp_path):
    """Runs of other names below it are somebody's."""
    kept = ["theirs", "deeper/fold-1"]
    gone = [".", "fold-0", "branch-1", "member-2", "last-fit"]
    for name in kept + gone:
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / LAST).touch()
    forget_fits(tmp_path)
    assert [name for name in kept + gone if (tmp_path / name / LAST).is_file()] == kept


def test_two_records_of_one_configuration_do_not_differ():
    """Nested fields have dotted names; those that may change are passed over."""
    ours = {"fit": {"epochs": 3, "learning_rate": 0.1}, "names": {"a": "A"}, "seed": 1}
    assert differing(ours, ours | {"names": {}}) == []
    theirs = {"fit": {"epochs": 9, "learning_rate": 0.2}, "names": {}, "seed": 2}
    assert differing(ours, theirs) == ["fit.learning_rate", "seed"]


def test_a_fit_that_may_not_stop_behind_its_end_is_over_at_its_end(places, tmp_path):
    """A place behind the last epoch is refused, before anything is decoded."""
    fields = FOLDS | {"fit": FOLDS["fit"] | {"stop_epoch": 9}}
    with pytest.raises(InputError, match=r"fit\.stop_epoch: 9 lies behind the 2 epochs"):
        run_training(None, fields, out=tmp_path / "run", say=quiet, **places)
    assert not list(tmp_path.rglob("*.pt"))


def test_a_gpus_generator_is_kept_and_put_back(monkeypatch):
    """Dropout there draws from it; a run may go on where there is none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda: torch.tensor([3]))
    states = callbacks._torch_states()
    given = []
    monkeypatch.setattr(torch.cuda, "set_rng_state", given.append)
    callbacks._restore_torch(states)
    callbacks._restore_torch({"torch": states["torch"]})
    assert given == [states["cuda"]]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    callbacks._restore_torch(states)
    assert len(given) == 1
    assert "cuda" not in callbacks._torch_states()


def test_a_branch_goes_on_from_what_carries_its_own_seed():
    """Not the run's: what it learned is compared with what it is to be."""
    config = from_tree({"seed": 5})
    content = parted({"tagger": {"config": {}, "generators": {}}}, replace(config, seed=6))
    assert content["tagger"]["config"]["seed"] == 6
