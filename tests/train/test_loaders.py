"""What a fit learns from hangs on its seeds, whoever reads it."""

import multiprocessing

import pytest
import torch

from tagger.errors import InputError
from tests.train import small, trees
from train.config.config import from_tree
from train.data.load_clips import load_clips
from train.data.loaders import training_loader, watched_loader

OPTIONS = {"sample_rate": 8000, "n_fft": 512, "hop_len": 400, "f_max_hz": 4000.0}


@pytest.fixture(scope="module")
def clips_of(tmp_path_factory):
    """Recordings, and a configuration that changes each excerpt, read by so many processes."""
    root = tmp_path_factory.mktemp("music")
    trees.genres(root / "music", seconds=1.2)

    def of(n_workers, **fit):
        config = from_tree(
            {
                "datasets": ["folder"],
                "features_options": small.FEATURES["mel"] | OPTIONS,
                "fit": {"batch_size": 8, "clips_an_epoch": 20, "n_workers": n_workers} | fit,
                "augment": {"wave_stretch": 0.5, "noise": 1.0},
            }
        )
        clips = load_clips(config, root / "music", prepared=root / "p", say=lambda _: None)
        return config, clips

    return of


def test_any_number_of_processes_reads_the_same_batches(clips_of):
    """Over two epochs, in the same order, with the states that a resumed fit begins with."""
    epochs, states = {}, {}
    for n_workers in (0, 2):
        loader = training_loader(*clips_of(n_workers))
        assert loader.num_workers == n_workers
        epochs[n_workers] = [batch for _ in range(2) for batch in loader]
        states[n_workers] = loader.sampler.rng.bit_generator.state
    assert states[0] == states[2]
    assert len(epochs[0]) == len(epochs[2]) == 4  # of 20 crops an epoch 16 fill batches
    for first, other in zip(epochs[0], epochs[2], strict=True):
        for name, value in first._asdict().items():
            torch.testing.assert_close(value, getattr(other, name), rtol=0, atol=0)
    assert not torch.equal(epochs[0][0].features, epochs[0][2].features)


def test_crops_that_make_no_batch_draw_nothing(clips_of):
    """Of 20 crops in eights, four: the generator stands where the last batch left it."""
    sampler = training_loader(*clips_of(0)).sampler
    assert len(list(sampler)) == len(sampler) == 16
    again = training_loader(*clips_of(0)).sampler
    for clip in list(again.clips)[:16]:
        again.crops.draw(clip, again.rng)
    assert again.rng.bit_generator.state == sampler.rng.bit_generator.state


def test_where_nothing_can_fork_the_remedy_is_named(clips_of, monkeypatch):
    """Before any process is started; the watched clips are read likewise."""
    config, clips = clips_of(2)
    assert watched_loader(config, clips).num_workers == 2
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    for make in (training_loader, watched_loader):
        with pytest.raises(InputError, match=r"n_workers.*leave it 0"):
            make(config, clips)
