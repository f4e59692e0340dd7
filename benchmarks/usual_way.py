"""The scan against the usual way: `usual_way.py [--files N] [--rounds N]`.

The usual way is a loop over the files: `librosa.load`, librosa's mel spectrogram of all of it,
the same network in PyTorch over all windows of a file at once. It listens to whole tracks and
nothing is decoded in parallel; torch uses all cores. Both jobs listen to the same songs. The
network has random weights, which are not slower or faster than learned ones.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import librosa
import numpy as np
import torch
from measure import alternate, emit, songs

from tagger.catalogue import DEFAULT, find_model
from tagger.pipeline import ListenOptions, analyse
from tagger.runtime import Engine, load_engine
from train.config import load_config
from train.models.network import TaggerNet

CONFIG = Path(__file__).parent.parent / "train" / "configs" / "default.yaml"


def network() -> TaggerNet:
    """The network of the model that ships, untrained."""
    config = load_config(CONFIG, {})
    return TaggerNet(config.network(), n_labels=len(config.labels)).eval()


@torch.no_grad()
def usual_way(paths: Sequence[Path], net: TaggerNet) -> int:
    """Scores of all files; returns the number of windows."""
    recipe = net.options.features_options
    n_windows = 0
    for path in paths:
        waveform, _ = librosa.load(path, sr=recipe.sample_rate)
        mel = librosa.feature.melspectrogram(
            y=waveform,
            sr=recipe.sample_rate,
            n_fft=recipe.n_fft,
            hop_length=recipe.hop_len,
            n_mels=recipe.n_mels,
            center=False,
        )
        db = librosa.power_to_db(mel, top_db=None).astype(np.float32)
        count = db.shape[1] // recipe.n_frames
        windows = np.stack(np.split(db[:, : count * recipe.n_frames], count, axis=1))
        net.from_features(torch.from_numpy(windows)).mean(dim=0)
        n_windows += count
    return n_windows


def scan_all(paths: Sequence[Path], engine: Engine, options: ListenOptions) -> None:
    """The scan's own way."""
    failed = [one.error for one in analyse(paths, engine, options) if one.error is not None]
    if failed:
        raise SystemExit(f"{len(failed)} files failed, the first: {failed[0]}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    paths = songs(n_files=given.files)
    net, engine = network(), load_engine(find_model(DEFAULT), device="cpu")
    usual_way(paths[:1], net)  # librosa compiles and caches at its first call
    times = alternate(
        {
            "usual_s": lambda: usual_way(paths, net),
            "default_s": lambda: scan_all(paths, engine, ListenOptions()),
            "full_s": lambda: scan_all(paths, engine, ListenOptions(full=True)),
        },
        n_rounds=given.rounds,
    )
    emit(
        {
            "n_files": len(paths),
            **times,
            "times_faster_default": round(times["usual_s"] / times["default_s"], 2),
            "times_faster_full": round(times["usual_s"] / times["full_s"], 2),
        }
    )


if __name__ == "__main__":
    main()
