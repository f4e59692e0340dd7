"""Names by which teachers and the probe are chosen: looked up before any teacher is asked."""

from pathlib import Path

from tagger.errors import InputError
from train.config.config import TrainConfig
from train.config.fields import choose


def check_teachers(config: TrainConfig) -> None:
    """Make sure that teachers and the probe name what the run has.

    Raises:
        InputError: a data set is none of the run's, `probe.model` is none of its teachers
            (both with the nearest name), or the probe has nobody to learn from or no weight.
    """
    for teacher in config.teachers:
        for name in teacher.datasets:
            choose(f"teachers.datasets of {teacher.model}", name, config.datasets)
    probe = config.probe
    for name in probe.datasets:
        choose("probe.datasets", name, config.datasets)
    if probe.weight > 0 and not config.teachers:
        raise InputError(
            "probe.weight: there is no teacher whose answers it could turn into labels; name"
            " some in `teachers`, or leave probe.weight 0."
        )
    if not probe.model:
        return
    if probe.weight == 0:
        raise InputError(
            f"probe.model: {probe.model} teaches beside a regression, and probe.weight 0 is"
            " none: set probe.weight above 0, or leave probe.model out."
        )
    names = [Path(teacher.model).stem for teacher in config.teachers]
    choose("probe.model", probe.model, names)
