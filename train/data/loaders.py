"""Clips -> the batches of a fit, as its configuration asks for them."""

import multiprocessing
from typing import Any

import torch
from torch.utils.data import DataLoader

from tagger.errors import InputError
from train.augment.clips import clip_changes, spare_share
from train.config.config import TrainConfig
from train.data.batches import Batch, Centres, Crops, frames_a_window
from train.data.sampling import CropSampler, balanced_sampler
from train.datasets.base import FeatureSet
from train.fit.distributed import seed_here


def training_loader(config: TrainConfig, clips: FeatureSet) -> DataLoader[Batch]:
    """Batches of random crops, each label equally often.

    The batches hang on the seeds alone, however many processes read them.
    """
    fit = config.fit
    chosen = balanced_sampler(
        clips,
        share_not_genre=fit.share_not_genre,
        n_samples=fit.clips_an_epoch,
        seed=config.seed,
        shares=dict(zip(config.datasets, fit.shares, strict=True)) if fit.shares else None,
        window_len=frames_a_window(clips, config.features_options)
        if fit.draw == "windows"
        else None,
    )
    crops = _crops(config, clips)
    # Lightning deals the drawn clips out to the devices.
    drop_last = -(-fit.clips_an_epoch // fit.devices) > fit.batch_size
    n_whole = fit.clips_an_epoch // fit.batch_size * fit.batch_size
    return DataLoader(
        crops,
        batch_size=fit.batch_size,
        sampler=CropSampler(
            crops,
            chosen,
            seed=seed_here(config.seed),
            n_used=n_whole if drop_last and fit.devices == 1 else None,
        ),
        drop_last=drop_last,
        **_workers(fit.n_workers),
    )


def _workers(n_workers: int) -> dict[str, Any]:
    """Options of a loader that so many processes read for.

    They are forked: the clips are mapped from the disk or lie in memory, and are not copied.

    Raises:
        InputError: there are to be some, and the system cannot fork.
    """
    if n_workers == 0:
        return {}
    if "fork" not in multiprocessing.get_all_start_methods():
        raise InputError("fit.n_workers: this system cannot fork processes; leave it 0.")
    return {"num_workers": n_workers, "multiprocessing_context": "fork"}


def crop_frames(clips: FeatureSet, config: TrainConfig) -> int:
    """Length of a crop in what the clips count: whole frames, at least one."""
    n_frames, hop_len = int(config.features_options.n_frames), config.features_options.hop_len
    n_kept = max(1, round(config.fit.crop_share * n_frames))
    n_less = n_frames - n_kept
    return frames_a_window(clips, config.features_options) - n_less * (
        int(hop_len) if clips.is_waveform else 1
    )


def _crops(config: TrainConfig, clips: FeatureSet) -> Crops:
    n_frames = crop_frames(clips, config)
    rate = config.features_options.sample_rate
    if not clips.is_waveform:
        return Crops(clips, n_frames=n_frames)
    change = clip_changes(config.augment, sample_rate=rate)
    spare = spare_share(config.augment)
    coded_share = config.augment.codec
    return Crops(clips, n_frames=n_frames, change=change, spare=spare, coded_share=coded_share)


def watched_loader(config: TrainConfig, valid: FeatureSet | None) -> DataLoader[Batch] | None:
    """The middle windows of the clips whose loss is followed; None if there are none.

    Raises:
        InputError: they are needed and there are none.
    """
    if valid is None or len(valid) == 0:
        if config.fit.patience > 0 or config.fit.schedule == "plateau":
            raise InputError(
                "fit.patience and fit.schedule=plateau need clips of the split `valid`; the"
                " data have none (folds of the calibration have none either: set"
                " calibration.folds=0)."
            )
        return None
    n_frames = frames_a_window(valid, config.features_options)
    return DataLoader(
        Centres(valid, n_frames=n_frames),
        batch_size=config.fit.batch_size,
        **_workers(config.fit.n_workers),
        # Its own: watching must not change what the next epoch draws.
        generator=torch.Generator().manual_seed(0),
    )
