import json
import shlex

import pytest

from tests.cli.test_cli import tagger
from tests.tones import write_tone
from tests.train import small, trees
from train.datasets.mtat import TAGS

pytestmark = pytest.mark.slow

RATE = ["sample_rate=8000", "n_fft=512", "hop_len=400", "f_max_hz=4000", "n_frames=16"]
QUICK = [f"--set=features_options.{item}" for item in [*RATE, "n_mels=32"]] + [
    f"--set=body_options={json.dumps(small.BODIES['cnn-lstm'])}",
    "--set=fit.clips_an_epoch=16",
    "--set=fit.batch_size=8",
]


@pytest.fixture(scope="module")
def mtat(tmp_path_factory):
    """The real layout with short tones; each tag is in train, some are not in test."""
    n_made = 0

    def tone(path):
        nonlocal n_made
        n_made += 1
        write_tone(path.with_suffix(".wav"), 100 * n_made, seconds=2).rename(path)

    root = tmp_path_factory.mktemp("data") / "mtat"
    trees.mtat(root, make=tone)
    table = root / "annotations_final.csv"
    lines = table.read_text().splitlines()
    first = lines[1].split("\t")
    lines[1] = "\t".join([first[0], *['"1"'] * len(TAGS), *first[1 + len(TAGS) :]])
    table.write_text("\n".join(lines) + "\n")
    return root


def test_mtat_runs_whole_from_tables_to_figures(mtat, tmp_path):
    """prepare, train, resume, evaluate as JSON: the commands as they are documented."""
    places = ["--data", mtat, "--prepared", tmp_path / "p"]
    done = tagger(
        "prepare", "--dataset", "mtat", *places, "--set=features_options.sample_rate=8000"
    )
    assert done.returncode == 0, done.stderr
    assert "35644" in done.stderr
    run = ["--dataset", "mtat", *places, "--features", "mel", "--body", "cnn-lstm"]
    done = tagger("train", *run, "--epochs", "2", "--out", tmp_path / "run", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "kind=multi" in done.stderr
    done = tagger("train", "--resume", tmp_path / "run", "--epochs", "3")
    assert done.returncode == 0, done.stderr
    assert "epoch 3 of 3" in done.stderr
    *_, figures, named, evaluate, export = done.stderr.splitlines()
    assert json.loads(figures)["valid"]
    assert named == f"{tmp_path / 'run' / 'best.pt'} is done; next:"
    for command in (evaluate, export):
        done = tagger(*shlex.split(command)[1:], cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "MODEL.onnx").is_file()
    arguments = ["--dataset", "mtat", *places, "--split", "test", "--json"]
    done = tagger("evaluate", tmp_path / "run" / "best.pt", *arguments)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["n_clips"] == 2
    assert len(record["per_label"]) == 50
    assert record["absent_labels"]
    assert {"roc_auc", "pr_auc", "precision_at_1"} <= set(record)


def test_missing_data_is_one_sentence_and_exit_code_2(tmp_path):
    """What to get from where; no traceback."""
    for command in (["train", "--out", tmp_path / "run"], ["prepare"]):
        done = tagger(*command, "--dataset", "mtat", "--data", tmp_path)
        assert done.returncode == 2
        assert "annotations_final.csv" in done.stderr
        assert "mirg.city.ac.uk" in done.stderr
        assert "Traceback" not in done.stderr
