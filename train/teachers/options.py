"""What a configuration says of a teacher."""

from dataclasses import dataclass

from tagger.errors import InputError
from train.config.fields import check_range


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherOptions:
    """One model that the network learns from beside the labels.

    `model` is an ONNX file, `card` the JSON that describes it; both are absolute, or lie below
    the folder that --data names. Without `card` it is the model's own metadata, NAME.json
    beside NAME.onnx, or the entry NAME of teachers.json beside it. `weight` is that of the mean
    binary cross-entropy of its scores, `embedding_weight` that of the smooth L1 distance from
    its standardised embedding. `temperature` above 1 softens the scores of both sides.
    `datasets` are those whose recordings it hears, all if it is empty. Its windows cover about
    the share `coverage` of a recording: less is enough of a slow one with short windows.
    """

    model: str = ""
    card: str = ""
    weight: float = 1.0
    embedding_weight: float = 0.5
    temperature: float = 1.0
    datasets: tuple[str, ...] = ()
    coverage: float = 1.0

    def __post_init__(self) -> None:
        if not self.model:
            raise InputError("teachers: each needs `model`, the path of an ONNX file.")
        for name in ("weight", "embedding_weight"):
            check_range(f"teachers.{name}", getattr(self, name), 0)
        if self.temperature <= 0:
            raise InputError(f"teachers.temperature: {self.temperature} is not above 0.")
        check_range("teachers.coverage", self.coverage, 0.1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeOptions:
    """A regression from the teachers' answers to the labels, which teaches them everywhere.

    `weight` is that of the cross-entropy between what the network and the regression say, 0
    for no regression. It is fitted on the train clips of `datasets` that have a label (all
    datasets if it is empty), with `penalty` on its weights and labels that are n times as rare
    weighing n to the power of `balance`; a clip that it is fitted on learns from one of `folds`
    that were fitted without its group. Of what a stretch is taught the share `whole` is the
    mean over its recording: what a song is, its quiet bridge is too.
    `model` names one of the teachers that gives the labels itself, as an earlier model does
    (the name of its file without the suffix): what is taught lies between what it and the
    regression on the others say, `model_share` of it being its own, in logarithms.
    """

    weight: float = 0.0
    datasets: tuple[str, ...] = ()
    penalty: float = 0.05
    balance: float = 0.5
    whole: float = 0.5
    folds: int = 4
    model: str = ""
    model_share: float = 0.5

    def __post_init__(self) -> None:
        for name in ("weight", "penalty"):
            check_range(f"probe.{name}", getattr(self, name), 0)
        for name in ("balance", "whole", "model_share"):
            check_range(f"probe.{name}", getattr(self, name), 0, 1)
        check_range("probe.folds", self.folds, 2)
