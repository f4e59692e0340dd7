"""The scan against the usual way: `usual_way.py [--files N] [--rounds N]`.

The usual way is a loop over the files: `librosa.load`, librosa's mel spectrogram of all of it,
the same network in PyTorch over all windows of a file at once. It listens to whole tracks and
nothing is decoded in parallel; torch uses all cores. Both jobs listen to the same songs. The
network has random weights, which are not slower or faster than learned ones.

Three more jobs say what can be expected: `load_s` is `librosa.load` alone, `decode_s` and
`decode_full_s` are what the scan decodes, on all cores, and nothing else. Both ways have
libsndfile decode: `most_default` and `most_full` are the times that a scan would be faster if
all but decoding cost nothing.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import librosa
import numpy as np
import torch
from measure import alternate, emit, songs
from scan import decode_only

from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import Engine, load_engine
from tagger.scan.pipeline import ListenOptions, analyse
from train.config.config import load_config
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


def load_alone(paths: Sequence[Path], sample_rate: int) -> None:
    """The part of the usual way that decodes and resamples."""
    for path in paths:
        librosa.load(path, sr=sample_rate)


def scan_all(paths: Sequence[Path], engine: Engine, options: ListenOptions) -> None:
    """The scan's own way."""
    failed = [
        track.error for track in analyse(paths, engine, options) if track.error is not None
    ]
    if failed:
        raise SystemExit(f"{len(failed)} files failed, the first: {failed[0]}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    paths = songs(n_files=given.files)
    net, engine = network(), load_engine(find_model(DEFAULT), device="cpu")
    usual_way(paths[:1], net)  # librosa compiles and caches at its first call
    part, full = ListenOptions(), ListenOptions(full=True)
    times = alternate(
        {
            "usual_s": lambda: usual_way(paths, net),
            "load_s": lambda: load_alone(paths, engine.spec.sample_rate),
            "default_s": lambda: scan_all(paths, engine, part),
            "decode_s": lambda: decode_only(paths, engine, part),
            "full_s": lambda: scan_all(paths, engine, full),
            "decode_full_s": lambda: decode_only(paths, engine, full),
        },
        n_rounds=given.rounds,
    )
    emit(
        {
            "n_files": len(paths),
            **times,
            "times_faster_default": round(times["usual_s"] / times["default_s"], 2),
            "times_faster_full": round(times["usual_s"] / times["full_s"], 2),
            "most_default": round(times["usual_s"] / times["decode_s"], 2),
            "most_full": round(times["usual_s"] / times["decode_full_s"], 2),
        }
    )


if __name__ == "__main__":
    main()
