"""The lines at the end of `tagger train`."""

import json
from pathlib import Path

import pytest

from tagger.cli.what_next import what_next


def lines(run, clips, *, data=Path("data"), prepared=Path("prepared")):
    """What is said of a run with so many clips."""
    run.mkdir()
    (run / "facts.json").write_text(json.dumps({"data": {"clips": clips}}))
    return what_next(run / "best.pt", data=data, prepared=prepared).splitlines()


def test_the_file_and_the_commands_that_take_it_are_named(tmp_path):
    """As they can be typed, wherever the run and its data are."""
    best = tmp_path / "my run" / "best.pt"
    done, evaluate, export = lines(
        tmp_path / "my run", {"train": 9, "test": 1}, data=tmp_path / "it's", prepared=tmp_path
    )
    assert done == f"{best} is done; next:"
    given = f"""--data '{tmp_path}/it'"'"'s' --prepared {tmp_path}"""
    assert evaluate.strip() == f"tagger evaluate '{best}' {given}"
    assert export.strip() == f"tagger export '{best}' -o MODEL.onnx"


@pytest.mark.parametrize(
    ("clips", "said"),
    [
        ({"train": 9, "valid": 1, "test": 1}, ["tagger evaluate BEST"]),
        ({"train": 9, "valid": 1}, ["tagger evaluate BEST --split valid"]),
        ({"train": 9}, []),
    ],
)
def test_only_clips_that_are_there_are_measured(tmp_path, clips, said):
    """The places that a command takes unasked are not named."""
    _, *evaluate, _ = lines(tmp_path / "run", clips)
    best = str(tmp_path / "run" / "best.pt")
    assert [line.strip().replace(best, "BEST") for line in evaluate] == said
