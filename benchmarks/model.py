"""How good the shipped model is: `model.py [--model NAME]`, real recordings in $TAGGER_DATA.

Measured on the model file itself, through the scan's own decoder and pipeline:

- stated: what its training measured before the last fit, on valid clips that the network had
  not heard (`tagger train` prints it, and the model carries it);
- valid: the same figures of the file on GTZAN's and FMA-small's stored valid clips, named
  `learned` where a last fit has learned them, so that nobody takes them for a measurement;
- agreement: how many whole recordings get the same first label as their stored features;
- no genre for speech, some genre for music: clips whose names hash odd, and `genres-8k`, whole
  and cut to 3 s.

The last line is one JSON object.
"""

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import soundfile
from measure import data_folder
from numpy.typing import NDArray

from tagger.library.walk import find_tracks
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import Engine, load_engine
from tagger.scan.options import ScanOptions
from tagger.scan.pipeline import ListenOptions, analyse
from tagger.scan.scan import scan_files
from train.data.batches import cover
from train.datasets import fma_small, gtzan
from train.datasets.audio import Where
from train.datasets.base import FeatureSet
from train.datasets.speech_music import split_of
from train.evaluation.metrics import (
    among_known,
    bootstrap,
    brier,
    calibration_error,
    first_right,
)

N_WINDOWS = ListenOptions().n_windows


def network_of(path: Path) -> onnxruntime.InferenceSession:
    """What follows the features, as a session of its own."""
    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    cut = onnx.utils.Extractor(model).extract_model(["features"], ["scores"])
    return onnxruntime.InferenceSession(
        cut.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def in_labels_of(engine: Engine, clips: FeatureSet) -> FeatureSet:
    """The clips with targets in the order of the model's labels, NaN for what they lack."""
    targets = np.full((len(clips), len(engine.spec.labels)), np.nan, np.float32)
    for column, label in enumerate(engine.spec.labels):
        if label in clips.labels:
            targets[:, column] = clips.targets[:, clips.labels.index(label)]
    return replace(clips, labels=engine.spec.labels, targets=targets)


def stored_scores(
    load: Callable[[Where], FeatureSet], data: Path, engine: Engine
) -> tuple[FeatureSet, NDArray[np.float32]]:
    """The stored clips and their scores, shape (n_clips, n_labels)."""
    clips, network = in_labels_of(engine, load(Where(root=data))), network_of(engine.path)
    rows = []
    for i in range(len(clips)):
        windows = cover(clips, i, options=engine.spec, n_windows=N_WINDOWS)
        rows.append(network.run(None, {"features": windows})[0].mean(axis=0))
    return clips, np.stack(rows)


def split_figures(
    clips: FeatureSet, scores: NDArray[np.float32], engine: Engine
) -> dict[str, Any]:
    """Figures of the valid clips; what gets a genre may get one that its set does not know."""
    chosen = (clips.splits == "valid") & (np.nansum(clips.targets, axis=1) > 0)
    s, t = among_known(scores[chosen], clips.targets[chosen])
    needed = np.array([engine.spec.thresholds[label] for label in engine.spec.labels])
    written = np.where(scores[chosen] >= needed, scores[chosen], -1)
    believed = (written > 0).any(axis=1)
    return {
        "n_clips": int(chosen.sum()),
        "accuracy": round(float(first_right(s, t).mean()), 4),
        "ece_5_bins": bootstrap(calibration_error, s, t).to_list(),
        "brier": bootstrap(brier, s, t).to_list(),
        "get_a_genre": round(float(believed.mean()), 4),
        "right_when_they_do": round(float(first_right(written, t)[believed].mean()), 4),
    }


def agreement(data: Path, clips: Any, scores: NDArray[np.float32], engine: Engine) -> float:
    """Share of the whole recordings whose first label is that of their stored features."""
    folder = data / "gtzan-audio"
    with (folder / "index.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["extent"].startswith("whole")]
    paths = {folder / row["path"]: row["id"] for row in rows}
    index = {name: i for i, name in enumerate(clips.ids.tolist())}
    same = [
        track.scores is not None
        and track.scores.argmax() == scores[index[paths[track.path]]].argmax()
        for track in analyse(list(paths), engine, ListenOptions())
    ]
    return round(float(np.mean(same)), 4)


def share_with_genre(paths: Sequence[Path], engine: Engine) -> float:
    """Share of the files that a scan gives at least one genre."""
    options = ScanOptions(policy="replace", score_all=True)
    statuses = [file.status for file in scan_files(paths, engine, options)]
    if "failed" in statuses:
        raise SystemExit("a clip could not be read")
    return round(float(np.mean([status != "abstained" for status in statuses])), 4)


def cut_to(paths: Sequence[Path], seconds: float, folder: Path) -> list[Path]:
    """The middle of each file, as a file of its own."""
    cut = []
    for i, path in enumerate(paths):
        audio, rate = soundfile.read(path, dtype="float32")
        spare = max(len(audio) - int(seconds * rate), 0) // 2
        target = folder / f"{i:04d}.wav"
        soundfile.write(target, audio[spare : spare + int(seconds * rate)], rate)
        cut.append(target)
    return cut


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", default=DEFAULT)
    given = parser.parse_args()
    data = data_folder()
    engine = load_engine(find_model(given.model), device="cpu")
    learned = engine.spec.training.get("last_fit", ())
    valid = {}
    for name, load in (("fma-small", fma_small.load), ("gtzan", gtzan.load)):
        clips, scores = stored_scores(load, data, engine)
        named = f"{name} valid, learned" if name in learned else f"{name} valid"
        valid[named] = split_figures(clips, scores, engine)
    speech = [
        path
        for path in sorted((data / "speech-music-8k" / "speech").iterdir())
        if split_of(path.name) == "test"
    ]
    music = [
        path
        for path in sorted((data / "speech-music-8k" / "music").iterdir())
        if split_of(path.name) == "test"
    ]
    genres = list(find_tracks([data / "genres-8k"]))
    with tempfile.TemporaryDirectory() as folder:
        short = share_with_genre(cut_to(genres, 3.0, Path(folder)), engine)
    result = {
        "date": time.strftime("%Y-%m-%d"),
        "model": engine.spec.revision,
        "stated": dict(engine.spec.metrics),
        **valid,
        "agreement_whole_recordings": agreement(data, clips, scores, engine),
        "speech_without_genre": round(1 - share_with_genre(speech, engine), 4),
        "short_music_with_genre": share_with_genre(music, engine),
        "genres_8k_with_genre": share_with_genre(genres, engine),
        "genres_8k_cut_to_3s_with_genre": short,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
