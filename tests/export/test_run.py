"""The whole way of an export: nothing stands at its place before every check has passed."""

import json
import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from export import run
from export.check import check_file
from export.cost import Cost, precision_cost, sign_test
from export.precision import EIGHT_BITS_FOR
from export.run import ExportOptions, export_checkpoint
from tagger.errors import InputError, ModelError
from tagger.model.catalogue import list_models
from tagger.model.load import load_engine
from tagger.model.spec_file import spec_in
from tests.tones import write_tone
from tests.train import small
from tests.train.sets import make_set
from train.config.config import from_tree
from train.models.checkpoint import Checkpoint, save
from train.models.network import TaggerNet

LABELS = ("one", "two", "three")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A small model file in float32, made from a checkpoint, and that checkpoint."""
    folder = tmp_path_factory.mktemp("source")
    torch.manual_seed(0)
    config = from_tree(small.tree("mel", "cnn"))
    net = TaggerNet(config.network(), n_labels=len(LABELS)).eval()
    net.label_scale.fill_(10.0)  # random weights alone tell most sounds hardly apart
    facts = {"thresholds": dict.fromkeys(LABELS, 0.4)}
    save(Checkpoint(net, config, LABELS, facts), folder / "best.pt")
    return export_checkpoint(folder / "best.pt", folder / "m.onnx", say=lambda _: None)


def test_a_model_becomes_half_precision_without_its_checkpoint(source, tmp_path):
    """The file in float32 is the reference; name and labels go along, the revision changes."""
    said = []
    options = ExportOptions(precision="fp16", report=tmp_path / "r.json")
    made = export_checkpoint(source, tmp_path / "m.fp16.onnx", options, say=said.append)
    before, after = (load_engine(path, device="cpu").spec for path in (source, made))
    assert (before.precision, after.precision) == ("fp32", "fp16")
    assert replace(before, revision="", precision="fp16") == replace(after, revision="")
    assert before.revision != after.revision
    tables = [line.partition(":")[0] for line in said if " front end, " in line]
    assert tables == ["cpu, whole front end, fp16"]
    assert sum(line.startswith("pass") for line in said) == len(said) - len(tables) - 1
    assert max(map(len, "\n".join(said[:-1]).splitlines())) <= 80
    record = json.loads((tmp_path / "r.json").read_text())
    assert record["passed"]
    assert {row["batch"] for row in record["parity"]} == {1, 3, 64}
    assert {row["device"] for row in record["parity"]} == {"cpu"}
    with pytest.raises(InputError, match="is fp16 already"):
        export_checkpoint(made, tmp_path / "again.onnx", options, say=said.append)


def test_a_failed_check_leaves_what_was_there(source, tmp_path, monkeypatch):
    """Another graph's answers: the report says so, the old file stays, nothing else is left."""
    target = tmp_path / "m.onnx"
    target.write_bytes(b"what was there")
    monkeypatch.setattr(run, "to_half", spoilt)
    options = ExportOptions(precision="fp16", report=tmp_path / "r.json")
    with pytest.raises(ModelError, match="parity checks failed"):
        export_checkpoint(source, target, options, say=lambda _: None)
    assert target.read_bytes() == b"what was there"
    assert {path.name for path in tmp_path.iterdir()} == {"m.onnx", "r.json"}
    assert json.loads((tmp_path / "r.json").read_text())["passed"] is False


def test_two_exports_to_one_file_keep_apart(source, tmp_path, monkeypatch):
    """What one has checked comes to its place, whatever another wrote meanwhile.

    Until then `tagger models` does not list it.
    """
    target, parity, listed = tmp_path / "m.onnx", run._parity, []
    monkeypatch.setenv("TAGGER_MODELS", str(tmp_path))

    def meets(*args, **options):
        rows = parity(*args, **options)
        listed.extend(path for path in list_models() if path.parent == tmp_path)
        monkeypatch.setattr(run, "_parity", parity)
        half = ExportOptions(precision="fp16")
        export_checkpoint(source, target, half, say=lambda _: None)
        return rows

    monkeypatch.setattr(run, "_parity", meets)
    export_checkpoint(source, target, say=lambda _: None)
    assert spec_in(target).precision == "fp32"
    assert listed == []
    assert list(tmp_path.iterdir()) == [target]


def spoilt(model):
    """A copy in which a weight of the body is another one."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    weight = max(
        (
            tensor
            for tensor in copy.graph.initializer
            if "conv" in tensor.name and len(tensor.dims) == 4
        ),
        key=lambda one: np.prod(one.dims),
    )
    values = -3 * onnx.numpy_helper.to_array(weight)
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    return copy


@pytest.fixture
def clips(monkeypatch, tmp_path):
    """Clips whose labels the model knows, and a folder of sounds to calibrate with."""
    found = make_set("set", LABELS, n_each=140)
    monkeypatch.setattr(run, "clips_of", lambda *_, **__: found.split("valid"))
    write_tone(tmp_path / "music" / "a.wav", 440, seconds=5)
    return tmp_path / "music"


def test_eight_bits_are_shown_with_their_cost(source, clips, tmp_path):
    """The sentence and the report say on which clips how many first labels change."""
    said = []
    options = ExportOptions(precision="int8", calibration=clips, report=tmp_path / "r.json")
    made = export_checkpoint(source, tmp_path / "m.int8.onnx", options, say=said.append)
    spec = load_engine(made, device="cpu").spec
    assert spec.precision == "int8"
    assert spec.quantisation == {"for": "cpu", "from": spec_in(source).revision}
    assert any("first labels change" in line for line in said)
    cost = json.loads((tmp_path / "r.json").read_text())["cost"]
    assert cost["n_clips"] == 105
    assert 0 < cost["most_lost"] < 0.03
    assert cost["before"] <= 1.0


def test_eight_bits_are_made_for_processors_or_for_gpus(source, clips, tmp_path):
    """Of those for GPUs nothing stands in the way there; of the others nothing is said."""
    findings = {}
    for made_for in EIGHT_BITS_FOR:
        options = ExportOptions(
            precision="int8",
            made_for=made_for,
            calibration=clips,
            report=tmp_path / f"{made_for}.json",
        )
        made = export_checkpoint(source, tmp_path / f"{made_for}.onnx", options, say=print)
        assert spec_in(made).is_for_processors == (made_for == "cpu")
        assert json.loads(options.report.read_text())["readiness"] == []
        findings[made_for] = [
            finding for finding in check_file(made) if finding.target == "tensorrt"
        ]
    assert findings["gpu"] == []
    assert findings["cpu"]


def test_what_is_made_of_eight_bits_is_made_of_the_float32_file_beside_them(
    source, clips, tmp_path
):
    """`NAME.onnx` for processors stands for `NAME.fp32.onnx`; without it nothing is made."""
    shutil.copy(source, tmp_path / "m.fp32.onnx")
    options = ExportOptions(precision="int8", calibration=clips)
    small = export_checkpoint(tmp_path / "m.fp32.onnx", tmp_path / "m.onnx", options, say=print)
    halves = [
        export_checkpoint(
            path, tmp_path / "half.onnx", ExportOptions(precision="fp16"), say=print
        ).read_bytes()
        for path in (small, tmp_path / "m.fp32.onnx")
    ]
    assert halves[0] == halves[1]
    again = export_checkpoint(small, tmp_path / "again.onnx", options, say=print)
    assert again.read_bytes() == small.read_bytes()
    (tmp_path / "m.fp32.onnx").unlink()
    with pytest.raises(ModelError, match=r"no m\.fp32\.onnx beside it"):
        export_checkpoint(small, tmp_path / "again.onnx", options, say=print)


def test_eight_bits_that_lose_too_much_are_not_written(source, clips, tmp_path, monkeypatch):
    """Many more first labels to the worse than to the better: no file, exit by an error."""
    lost = Cost("set", 100, 100, 0.9, 0.7, 22, 20, 1, 21, 0.0001, 0.4)
    monkeypatch.setattr(run, "cost_of", lambda *_: lost)
    options = ExportOptions(precision="int8", calibration=clips)
    with pytest.raises(ModelError, match=r"lose too much.*21 to the worse"):
        export_checkpoint(source, tmp_path / "m.onnx", options, say=lambda _: None)
    assert not (tmp_path / "m.onnx").exists()


def test_eight_bits_need_clips_to_show_their_cost(source, tmp_path):
    """A model does not say where its data lie: a dataset must be named."""
    write_tone(tmp_path / "music" / "a.wav", 440, seconds=5)
    options = ExportOptions(precision="int8", calibration=tmp_path / "music")
    with pytest.raises(InputError, match="--dataset"):
        export_checkpoint(source, tmp_path / "m.onnx", options, say=lambda _: None)


def test_the_cost_is_counted_clip_by_clip():
    """Changes, those that were no matter of chance, to the better and to the worse."""
    whole = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.505, 0.5], [0.4, 0.6]])
    smaller = np.array([[0.9, 0.1], [0.1, 0.9], [0.7, 0.3], [0.4, 0.6], [0.4, 0.6]])
    targets = np.array([[1, 0], [1, 0], [1, 0], [0, 0], [0, 1]], np.float32)
    cost = precision_cost(whole, smaller, targets, dataset="d")
    assert (cost.changed, cost.changed_with_margin) == (3, 2)
    assert (cost.better, cost.worse) == (1, 1)
    assert (cost.n_clips, cost.n_judged) == (5, 4)
    assert (cost.before, cost.after) == (0.75, 0.75)
    assert "4 clips" in cost.objection


def cost_with(n_judged, *, better=0, worse=0):
    return Cost("set", n_judged, n_judged, 0.9, 0.9, better + worse, 0, better, worse, 1.0, 0.0)


@pytest.mark.parametrize(
    ("n_judged", "better", "worse", "is_used"),
    [
        (20, 0, 5, False),  # not significant, and a quarter is lost
        (20, 0, 0, False),  # nothing is lost, and nothing proven
        (99, 0, 0, False),
        (100, 0, 0, True),
        (200, 0, 5, False),  # p = 0.06
        (200, 3, 3, True),
        (200, 40, 40, False),  # as good on the whole, yet 80 changes may hide a loss
        (2000, 40, 40, True),
        (2000, 20, 120, False),
        (2000, 120, 20, True),
    ],
)
def test_eight_bits_must_be_shown_to_lose_little(n_judged, better, worse, is_used):
    """Enough clips, and a loss that is small with confidence: no proof of loss is no proof."""
    assert (cost_with(n_judged, better=better, worse=worse).objection is None) == is_used


@pytest.mark.parametrize(
    ("better", "worse", "chance"), [(0, 0, 1.0), (1, 1, 1.0), (0, 5, 0.0625), (2, 10, 0.0386)]
)
def test_the_sign_test_is_the_binomial_one(better, worse, chance):
    """Two-sided, exact."""
    assert sign_test(better, worse) == pytest.approx(chance, abs=1e-4)
    assert sign_test(worse, better) == sign_test(better, worse)
