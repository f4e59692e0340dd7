"""A checkpoint or an exported model as one thing: windows -> calibrated scores."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from tagger.errors import InputError
from tagger.model.load import load_engine
from train.config.config import TrainConfig, from_tree
from train.data.batches import SILENCE_DBFS, cover
from train.datasets.base import FeatureSet
from train.features import FRONT_ENDS
from train.features.mel import MelOptions
from train.models import checkpoint
from train.models.network import TaggerNet

Array = NDArray[np.float32]
Score = Callable[[Array], Array]

CLIPS_AT_ONCE = 16
KEPT = ("split_seed", "longest_s")
"""Fields of a run that a model carries, so that the same clips are measured alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipScorer:
    """What listens.

    Attributes:
        name: of the file it came from.
        config: that of its run, or what is known of it; its front end's options count.
        labels: names of the scores, as its data sets call them.
        thresholds: label to the score from which it is believed.
        of_waveforms: windows (batch, window_len) -> scores (batch, n_labels).
        of_features: features (batch, n_mels, n_frames) -> scores (batch, n_labels).
        features_of: windows (batch, window_len) -> features (batch, n_mels, n_frames).
        net: the network, where it is known.
        silence_dbfs: the level below which a window has no vote.
    """

    name: str
    config: TrainConfig
    labels: tuple[str, ...]
    thresholds: dict[str, float]
    of_waveforms: Score
    of_features: Score
    features_of: Score
    net: TaggerNet | None = None
    silence_dbfs: float = SILENCE_DBFS

    def clip_scores(self, clips: FeatureSet) -> Array:
        """Mean scores of the windows that a scan hears of each clip, (n_clips, n_labels)."""
        rows: list[Array] = []
        for start in range(0, len(clips), CLIPS_AT_ONCE):
            places = range(start, min(start + CLIPS_AT_ONCE, len(clips)))
            windows = [self._windows(clips, i) for i in places]
            scores = self._score(np.concatenate(windows), is_waveform=clips.is_waveform)
            ends = np.cumsum([len(window) for window in windows])[:-1]
            rows += [part.mean(axis=0) for part in np.split(scores, ends)]
        return np.stack(rows)

    def _windows(self, clips: FeatureSet, i: int) -> Array:
        options, n_windows = self.config.features_options, self.config.calibration.n_windows
        return cover(
            clips, i, options=options, n_windows=n_windows, silence_dbfs=self.silence_dbfs
        )

    def _score(self, batch: Array, *, is_waveform: bool) -> Array:
        return self.of_waveforms(batch[:, 0]) if is_waveform else self.of_features(batch)


def open_scorer(path: Path) -> ClipScorer:
    """Load `best.pt` of a run or an exported model.

    Raises:
        InputError: the checkpoint cannot be read.
        ModelError: the model cannot be read.
    """
    return _from_model(path) if path.suffix == ".onnx" else _from_checkpoint(path)


def _from_checkpoint(path: Path) -> ClipScorer:
    loaded = checkpoint.load(path, taken=checkpoint.OR_MODEL)
    net = loaded.net.eval()

    def of(part: Callable[[torch.Tensor], torch.Tensor]) -> Score:
        @torch.no_grad()
        def score(batch: Array) -> Array:
            return np.asarray(part(torch.from_numpy(np.ascontiguousarray(batch))).numpy())

        return score

    thresholds = loaded.facts.get("thresholds", dict.fromkeys(loaded.labels, 0.5))
    return ClipScorer(
        name=str(path),
        config=loaded.config,
        labels=loaded.labels,
        thresholds=dict(thresholds),
        of_waveforms=of(net),
        of_features=of(net.from_features),
        features_of=of(net.front_end),
        net=net,
    )


def _from_model(path: Path) -> ClipScorer:
    engine = load_engine(path, device="cpu")
    spec = engine.spec
    features = str(spec.training.get("features", "mel"))
    if features not in FRONT_ENDS:
        raise InputError(
            f"{path}: its front end {features!r} is none of {', '.join(FRONT_ENDS)}."
        )
    # Only its lengths and rate are used: the graph has its own front end inside.
    lengths = MelOptions(
        sample_rate=spec.sample_rate,
        n_fft=spec.n_fft,
        hop_len=spec.hop_len,
        n_mels=spec.n_mels,
        f_max_hz=spec.sample_rate / 2,
        n_frames=spec.n_frames,
        compression=spec.training.get("compression", "db"),
    )
    was_called = {new: old for old, new in spec.training.get("names", {}).items()}
    labels = tuple(was_called.get(label, label) for label in spec.labels)
    fields = {name: spec.training[name] for name in KEPT if name in spec.training}
    n_windows = spec.training.get("n_windows")
    if n_windows is not None:
        fields["calibration"] = {"n_windows": n_windows}
    fields["parents"] = {
        was_called.get(label, label): was_called.get(up, up)
        for label, up in spec.parents.items()
    }
    config = from_tree(fields | {"kind": spec.kind})
    config = replace(config, features=features, features_options=lengths)
    return ClipScorer(
        name=str(path),
        config=config,
        labels=labels,
        thresholds={
            was_called.get(name, name): threshold for name, threshold in spec.thresholds.items()
        },
        of_waveforms=lambda batch: engine.run(np.ascontiguousarray(batch)),
        of_features=_part(path, "features", "scores"),
        features_of=_part(path, "waveform", "features"),
        silence_dbfs=spec.silence_dbfs,
    )


def _part(path: Path, start: str, end: str) -> Score:
    """The part of a model's graph between two of its tensors; loaded when it is needed."""
    session: list[Any] = []

    def run(batch: Array) -> Array:
        if not session:
            model = onnx.shape_inference.infer_shapes(onnx.load(path))
            cut = onnx.utils.Extractor(model).extract_model([start], [end])
            providers = ["CPUExecutionProvider"]
            session.append(
                onnxruntime.InferenceSession(cut.SerializeToString(), providers=providers)
            )
        answers: Array = session[0].run([end], {start: np.ascontiguousarray(batch)})[0]
        return answers

    return run
