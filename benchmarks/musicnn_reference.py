"""Ask the original musicnn about the golden windows; writes `export/public/references/`.

    python benchmarks/musicnn_reference.py [--songs FOLDER]

It runs where the original runs, not where `tagger` does: an environment with TensorFlow,
tf-keras, librosa and `pip install --no-deps musicnn==0.1.0`. `tagger models add musicnn` holds
what it makes to these answers. With `--songs` nothing is written: what the added models say of
eight windows of each mp3 is compared with the original's answers (ONNX Runtime is needed, too).
The spectrogram is the package's own recipe in float32: its float16 overflows for loud music.
Frames begin with the window, so that one window is one patch.
"""

import argparse
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # tf.compat.v1.layers went with Keras 3

import librosa
import musicnn
import numpy as np
import tensorflow as tf
from musicnn import configuration
from musicnn.models import define_model

from export.public.vocabulary import read_vocabulary
from tagger.audio.track import open_track
from tagger.model.catalogue import find_model
from tagger.model.load import load_engine
from tagger.model.self_test import golden_windows

N_FRAMES = 187
OUT = Path(__file__).parent.parent / "export" / "public" / "references"
NAMES = {
    "msd-musicnn": "MSD_musicnn",
    "mtt-musicnn": "MTT_musicnn",
    "msd-vgg": "MSD_vgg",
    "mtt-vgg": "MTT_vgg",
}


N_WINDOWS = 8


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=Path)
    songs = parser.parse_args().songs
    if songs is None:
        write_references()
    else:
        compare(sorted(songs.rglob("*.mp3")))


def compare(songs: list[Path]) -> None:
    """Print the largest difference of a label's score over all windows of all songs."""
    differences = {}
    for name, checkpoint in NAMES.items():
        engine = load_engine(find_model(name), device="cpu")
        columns = [
            label.columns for label in read_vocabulary(name[:3].replace("mtt", "mtat")).labels
        ]
        most = 0.0
        for song in songs:
            with open_track(song, sample_rate=engine.spec.sample_rate) as track:
                cut = track.windows(window_len=engine.spec.window_len, n_windows=N_WINDOWS)
                windows = np.stack(list(cut))
            tags = answers(checkpoint, np.stack([patch(window) for window in windows]))
            theirs = np.stack([tags[:, list(column)].max(axis=1) for column in columns], axis=1)
            most = max(most, float(np.abs(engine.run(windows) - theirs).max()))
        differences[name] = float(f"{most:.2g}")
    print(json.dumps({"songs": len(songs), "largest_difference": differences}))


def write_references() -> None:
    """Write the answers, print where they went."""
    window_len = (N_FRAMES - 1) * configuration.FFT_HOP + configuration.FFT_SIZE
    spec: Any = SimpleNamespace(sample_rate=configuration.SR, window_len=window_len)
    patches = np.stack([patch(window) for window in golden_windows(spec)])
    made_by = f"musicnn 0.1.0, TensorFlow {tf.__version__}, librosa {librosa.__version__}"
    for name, checkpoint in NAMES.items():
        scores = answers(checkpoint, patches)
        file = OUT / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        record = {"made_by": made_by, "tags": scores.astype(float).round(7).tolist()}
        file.write_text(json.dumps(record) + "\n", encoding="utf-8")
        print(json.dumps({"file": file.name, "n_windows": len(scores), "made_by": made_by}))


def patch(window: np.ndarray) -> np.ndarray:
    """The package's log-mel of one window, shape (187, 96)."""
    power = librosa.feature.melspectrogram(
        y=window,
        sr=configuration.SR,
        hop_length=configuration.FFT_HOP,
        n_fft=configuration.FFT_SIZE,
        n_mels=configuration.N_MELS,
        center=False,
    )
    return np.log10(10_000 * power.T + 1).astype(np.float32)


def answers(checkpoint: str, patches: np.ndarray) -> np.ndarray:
    """Scores of the package's own network and weights, shape (n_windows, 50)."""
    tf.compat.v1.disable_eager_execution()
    tf.compat.v1.reset_default_graph()
    with tf.name_scope("model"):
        x = tf.compat.v1.placeholder(tf.float32, [None, N_FRAMES, configuration.N_MELS])
        is_training = tf.compat.v1.placeholder(tf.bool)
        logits = define_model(x, is_training, checkpoint, 50)[0]
        scores = tf.nn.sigmoid(logits)
    with tf.compat.v1.Session() as session:
        session.run(tf.compat.v1.global_variables_initializer())
        folder = Path(musicnn.__file__).parent / checkpoint
        tf.compat.v1.train.Saver().restore(session, f"{folder}/")
        scored = session.run(scores, {x: patches, is_training: False})
    return np.asarray(scored)


if __name__ == "__main__":
    main()
