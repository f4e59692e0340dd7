"""Prepared recordings -> a tree of pictures, as the dataset `spectrograms` reads it."""

import re
from collections.abc import Callable
from pathlib import Path

import torch

from tagger.errors import InputError
from train.data.prepare import waveform_of
from train.datasets.base import FeatureSet
from train.datasets.spectrograms import write_picture
from train.features.frames import window_len_of
from train.features.mel import MelFrontEnd, MelOptions

FOLDERS = {"train": "train", "valid": "val", "test": "test"}


@torch.no_grad()
def write_pictures(
    clips: FeatureSet,
    folder: Path,
    *,
    options: MelOptions,
    tell: Callable[[int, int], None] | None = None,
) -> int:
    """Write SPLIT/GENRE/ID.png for every clip with one label; returns how many.

    Raises:
        InputError: clips have several labels, so that no folder is theirs.
    """
    if clips.kind != "single":
        raise InputError(f"--pictures: {clips.name} has several labels a clip; no folder fits.")
    front_end = MelFrontEnd(options).eval()
    shortest = window_len_of(1, n_fft=options.n_fft, hop_len=options.hop_len)
    written = 0
    for i in range(len(clips)):
        waveform = torch.from_numpy(waveform_of(clips, i))
        if waveform.numel() < shortest:
            continue
        genre = clips.labels[int(clips.targets[i].argmax())]
        name = re.sub(r"[^\w.-]+", "_", str(clips.ids[i])) + ".png"
        place = folder / FOLDERS[str(clips.splits[i])] / genre / name
        write_picture(place, front_end(waveform[None])[0].numpy())
        written += 1
        if tell is not None:
            tell(i + 1, len(clips))
    return written
