"""What is typed about devices becomes the runtime's options, or one sentence."""

import json

import onnx
import pytest

from tagger.cli.device import Where, device_options, model_file
from tagger.errors import InputError, ModelError
from tagger.model.catalogue import DEFAULT, find_model, find_variant, variants_of, whole_of
from tests.cli.test_cli import tagger

MODEL = find_model(DEFAULT)


@pytest.mark.parametrize(
    ("typed", "device", "index"),
    [("auto", "auto", 0), ("cpu", "cpu", 0), ("cuda", "cuda", 0), ("cuda:1", "cuda", 1)],
)
def test_a_device_may_have_a_number(typed, device, index):
    """cuda:1 is the second GPU."""
    kind, options = device_options(Where(device=typed))
    assert (kind, options.index) == (device, index)


@pytest.mark.parametrize("typed", ["cpu:1", "auto:0", "cuda:", "cuda:x", "cuda:-1", "gpu"])
def test_a_device_that_means_nothing_is_refused(typed):
    """The message shows what was typed."""
    with pytest.raises(InputError, match=f"--device {typed.partition(':')[0]}"):
        device_options(Where(device=typed))


def test_choices_become_options():
    """Batch size, memory and operators arrive where the providers read them."""
    where = Where(
        device="tensorrt:2", batch_size="8", gpu_memory=512, exclude_ops="LSTM, Softmax"
    )
    options = device_options(where)[1]
    assert (options.index, options.batch_size, options.memory_limit_mb) == (2, 8, 512)
    assert options.exclude_ops == ("LSTM", "Softmax")
    assert device_options(Where(device="cpu", batch_size="auto"))[1].auto_batch
    assert device_options(Where(device="cpu"))[1].batch_size is None


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"device": "cpu", "batch_size": "many"}, "--batch-size many"),
        ({"device": "cpu", "batch_size": "0"}, "--batch-size 0"),
        ({"device": "cpu", "batch_size": "1025"}, "--batch-size 1025"),
        ({"device": "tensorrt", "exclude_ops": "LSTM;"}, "--exclude-ops"),
        ({"device": "cuda", "exclude_ops": "LSTM"}, "for --device tensorrt"),
    ],
)
def test_a_choice_that_means_nothing_is_refused(typed, message):
    """Each names its option."""
    with pytest.raises(InputError, match=message):
        device_options(Where(**typed))


@pytest.fixture
def half(tmp_path):
    """A model in float32 and a variant beside it that says it is of half precision."""
    model = onnx.load(whole_of(MODEL))
    onnx.save(model, tmp_path / "m.onnx")
    for entry in model.metadata_props:
        if entry.key == "tagger.spec":
            entry.value = json.dumps(json.loads(entry.value) | {"precision": "fp16"})
    onnx.save(model, tmp_path / "m.fp16.onnx")
    return tmp_path / "m.onnx"


def test_a_precision_chooses_the_variant_beside_the_model(half):
    """fp32 is the model itself, fp16 the file next to it."""
    assert model_file(str(half), "fp32") == half
    assert model_file(str(half), "fp16") == half.with_name("m.fp16.onnx")
    assert variants_of(half) == [half, half.with_name("m.fp16.onnx")]


def test_a_variant_in_the_users_folder_counts_too(half, tmp_path, monkeypatch):
    """The package's own folder may not be writable."""
    monkeypatch.setenv("TAGGER_MODELS", str(tmp_path))
    half.with_name("m.fp16.onnx").rename(tmp_path / "default.fp16.onnx")
    assert find_variant(MODEL, "fp16") == tmp_path / "default.fp16.onnx"


def test_a_precision_that_is_not_there_says_how_to_make_it(half):
    """Never another precision instead; the command is complete."""
    with pytest.raises(ModelError, match=r"m\.onnx is fp32.*tagger export .*--precision int8"):
        model_file(str(half), "int8")
    with pytest.raises(InputError, match="--precision fp8"):
        model_file(str(half), "fp8")


def test_a_name_that_lies_is_not_believed(half):
    """A file that is called fp16 and is not, is refused."""
    half.with_name("m.int8.onnx").write_bytes(half.read_bytes())
    with pytest.raises(ModelError, match="is fp32"):
        model_file(str(half), "int8")


def test_the_command_line_stops_before_any_file_is_read(tmp_path):
    """Exit code 2 and one sentence for a device, a precision and a size that cannot be had."""
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    for options, said in (
        (("--device", "cuda:x"), "--device cuda:x"),
        (("--precision", "fp16"), "tagger export"),
        (("--precision", "int8", "--device", "cuda"), "is for processors"),
        (("--batch-size", "0"), "--batch-size 0"),
    ):
        done = tagger("scan", str(tmp_path), *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
