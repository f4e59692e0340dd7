"""Choices of a fit itself: how long, how fast, by what."""

from dataclasses import dataclass

from tagger.errors import InputError
from train.config.fields import check_range, choose

PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true")
DRAWS = ("labels", "windows")
SCHEDULES = ("one-cycle", "cosine", "plateau", "constant")


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """The optimisation. One epoch is `clips_an_epoch` random crops; 0 epochs keep the start.

    `precision` is Lightning's word, or auto: bf16-mixed where the hardware multiplies bfloat16
    itself, since emulating it is 20 times slower than float32.
    With `devices` over 1 as many processes learn together, one a GPU (or on the CPU);
    `batch_size` is that of each. `n_workers` processes read and change the crops for each; the
    crops are the same with any number.
    `teacher_weight` is that of regressing a dataset's embeddings.
    `schedule` is one-cycle, cosine, plateau (halved when the valid loss has not fallen for
    `plateau_epochs`) or constant. With `patience` > 0 the fit stops when the valid loss has
    not fallen for so many epochs, and the best epoch is kept. `accumulate` batches make one
    step. For multi-label,
    `label_weights` lets rare labels count more and `focal_gamma` > 0 takes the focal loss.
    `average_decay` is that of the running mean of the weights, reached when the fit is long
    enough for it.
    `freeze` epochs long only the head learns, after `--from`. A crop is `crop_share` of a
    window. `draw: labels` draws each label equally often, `draw: windows` each window of sound,
    rare labels somewhat more often: where teachers say most, most clips need no label.
    With `branches` over 1 the fit goes on in so many ways after the share `branch_from` of its
    epochs, and the network is the mean of their weights. With `stop_epoch` over 0 it ends after
    so many epochs, in the midst of its schedule.
    """

    epochs: int = 60
    batch_size: int = 32
    clips_an_epoch: int = 640
    crop_share: float = 1.0
    draw: str = "labels"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    average_decay: float = 0.995
    gradient_clip: float = 1.0
    share_not_genre: float = 0.15
    shares: tuple[float, ...] = ()
    label_weight: float = 1.0
    music_weight: float = 0.5
    teacher_weight: float = 0.0
    precision: str = "auto"
    schedule: str = "one-cycle"
    plateau_epochs: int = 3
    patience: int = 0
    accumulate: int = 1
    label_weights: bool = False
    focal_gamma: float = 0.0
    freeze: int = 0
    deterministic: bool = False
    gpu_memory_fraction: float = 1.0
    devices: int = 1
    n_workers: int = 0
    branches: int = 1
    branch_from: float = 0.4
    stop_epoch: int = 0

    def __post_init__(self) -> None:
        for name in ("batch_size", "clips_an_epoch", "accumulate", "devices", "branches"):
            check_range(f"fit.{name}", getattr(self, name), 1)
        for name in (
            "epochs",
            "patience",
            "freeze",
            "n_workers",
            "stop_epoch",
            "focal_gamma",
            "weight_decay",
        ):
            check_range(f"fit.{name}", getattr(self, name), 0)
        for name in (
            "label_smoothing",
            "average_decay",
            "share_not_genre",
            "crop_share",
            "branch_from",
        ):
            check_range(f"fit.{name}", getattr(self, name), 0, 1)
        for share in self.shares:
            check_range("fit.shares", share, 0, 1)
        if not self.learning_rate > 0:
            raise InputError(f"fit.learning_rate: {self.learning_rate} is not above 0.")
        choose("fit.schedule", self.schedule, SCHEDULES)
        choose("fit.draw", self.draw, DRAWS)
        choose("fit.precision", self.precision, PRECISIONS)
