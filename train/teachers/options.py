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
    `datasets` are those whose recordings it hears, all if it is empty.
    """

    model: str = ""
    card: str = ""
    weight: float = 1.0
    embedding_weight: float = 0.5
    temperature: float = 1.0
    datasets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.model:
            raise InputError("teachers: each needs `model`, the path of an ONNX file.")
        for name in ("weight", "embedding_weight"):
            check_range(f"teachers.{name}", getattr(self, name), 0)
        if self.temperature <= 0:
            raise InputError(f"teachers.temperature: {self.temperature} is not above 0.")
