"""Choices of what follows a fit: its calibration."""

from dataclasses import dataclass

from tagger.scan.records import ListenOptions
from train.config.fields import check_range, choose

SOURCES = ("auto", "out-of-fold", "valid")

BIAS_PENALTY = 50.0
"""Some dozens of clips a label cannot tell a bias from chance. With 5, four networks of
2026-11-21 lost 1 to 3 points of GTZAN's valid clips that were left out of the fit; hundreds of
clips of many labels are worth a smaller one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationOptions:
    """Calibration on clips that the network has not seen.

    `source: out-of-fold` fits one network for each of `folds`, holding out train clips in
    turn; `source: valid` takes the valid split, which costs no fit, and cross-fits its own
    figures over `folds` (over five if there are fewer than two).
    `source: auto` takes valid where `folds` is 0, else out-of-fold; -1 folds are 5, and valid
    for recordings that have one. Only clips of `datasets` are held out and measured (all
    if it is empty). In the fit of the biases, whose size costs
    `bias_penalty` (nats of all clips), a clip whose label is n times as rare counts n to the
    power of `raise_rare`. With `coded` they are heard as lossy codecs leave them too
    (`augment.codec`). A threshold is the lowest score from which a label is right with the
    share `precision`; `music_share` lowers it until that share of unlabelled music that was not
    learned from gets one.
    """

    source: str = "auto"
    folds: int = -1
    datasets: tuple[str, ...] = ()
    n_windows: int = ListenOptions().n_windows
    raise_rare: float = 0.0
    bias_penalty: float = BIAS_PENALTY
    precision: float = 0.7
    music_share: float = 0.0
    coded: bool = False

    def __post_init__(self) -> None:
        choose("calibration.source", self.source, SOURCES)
        check_range("calibration.folds", self.folds, -1)
        check_range("calibration.n_windows", self.n_windows, 1)
        for name in ("raise_rare", "bias_penalty"):
            check_range(f"calibration.{name}", getattr(self, name), 0)
        for name in ("precision", "music_share"):
            check_range(f"calibration.{name}", getattr(self, name), 0, 1)
