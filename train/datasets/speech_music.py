"""speech-music: short speech and music clips, which teach a tagger to stay silent.

Where from: a folder `speech-music-8k/` with `speech/` and `music/`, any audio inside.
Licence: that of the recordings; they are decoded here, never copied.
Splits: by a hash of the file name (CRC-32): odd is test, a multiple of four train, the others
    valid, so that anybody can tell on which side a clip stands and adding clips moves none.
Labels: none. Speech is not music; the music is music of unknown genre.
Index: the files themselves, in sorted order; features are computed by the front end.
"""

import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tagger.errors import InputError
from train.data.decode import decode_whole
from train.datasets.audio import Where, check_variant
from train.datasets.base import MUSIC, NOT_MUSIC, FeatureSet
from train.datasets.dataset import Dataset
from train.features.frames import window_len_of
from train.features.mel import MelFrontEnd, MelOptions

FOLDER = "speech-music-8k"


SPLIT_OF = ("train", "test", "valid", "test")
"""By the hash's remainder of four."""


def split_of(name: str) -> str:
    """On which side a clip stands, by its file name."""
    return SPLIT_OF[zlib.crc32(name.encode()) % len(SPLIT_OF)]


def load(where: Where) -> FeatureSet:
    """Decode the clips below `where.root` and compute their features.

    Raises:
        InputError: the folder or one of its two sides is missing or empty.
    """
    check_variant("speech-music", where.variant, ("",))
    folder = where.root / FOLDER
    front_end = MelFrontEnd(MelOptions()).eval()
    paths = {kind: sorted((folder / kind).glob("*.*")) for kind in ("speech", "music")}
    for kind, files in paths.items():
        if not files:
            raise InputError(
                f"{folder / kind}: no clips found; the set needs speech/ and music/"
            )
    every = paths["speech"] + paths["music"]
    music = [NOT_MUSIC] * len(paths["speech"]) + [MUSIC] * len(paths["music"])
    return FeatureSet(
        name="speech-music",
        labels=(),
        features=[clip_features(path, front_end) for path in every],
        db_of_step=np.ones(len(every), dtype=np.float32),
        n_repeats=np.ones(len(every), dtype=np.intp),
        ids=np.array([path.stem for path in every]),
        targets=np.zeros((len(every), 0), dtype=np.float32),
        music=np.array(music, dtype=np.float32),
        splits=np.array([split_of(path.name) for path in every]),
        groups=np.array([path.stem for path in every]),
        kind="single",
    )


@torch.no_grad()
def clip_features(path: Path, front_end: MelFrontEnd) -> NDArray[np.float32]:
    """Features of a whole file, shape (n_mels, n_frames); a tail under one hop is left out."""
    options = front_end.options
    waveform = torch.from_numpy(decode_whole(path, sample_rate=options.sample_rate))
    shortest = window_len_of(1, n_fft=options.n_fft, hop_len=options.hop_len)
    if waveform.numel() < shortest:
        raise InputError(f"{path}: {waveform.numel()} samples are less than one frame")
    features: NDArray[np.float32] = front_end(waveform[None])[0].numpy()
    return features


DATASET = Dataset(name="speech-music", load=load, gives="features")
