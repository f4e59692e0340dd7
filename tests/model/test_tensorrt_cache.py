"""TensorRT's engines: a folder each, never shared, refused when they are not as kept."""

import errno
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext

import pytest
from rich.console import Console

from tagger.errors import DeviceError
from tagger.model import load, one_builder, providers, tensorrt_cache
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.device_options import DeviceOptions
from tagger.model.load import load_engine
from tagger.model.providers import cuda_options, tensorrt_options
from tagger.reports.engine_tables import building_shown
from tests.engines import make_spec
from tests.gpus import Claims, pretend

MODEL = find_model(DEFAULT)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """No test touches the user's cache."""
    monkeypatch.setenv("TAGGER_CACHE", str(tmp_path / "cache"))


class Builds(Claims):
    """A TensorRT session that leaves an engine in its folder, as ONNX Runtime does."""

    def __init__(self, inner, device, **claims):
        super().__init__(inner, device, **claims)
        for folder, _ in tensorrt_cache.list_engines():
            (folder / "graph_sm90.engine").write_bytes(b"engine")
            (folder / "TensorrtExecutionProvider_cache_sm90.timing").write_bytes(b"timing")


def kept_folder():
    """The folder of the only engine."""
    ((folder, _),) = tensorrt_cache.list_engines()
    return folder


def test_an_engine_is_built_once_and_then_loaded(monkeypatch):
    """Building is announced; the second start finds the engine as it was kept."""
    pretend(monkeypatch, make=Builds)
    announced = []

    def building(folder):
        announced.append(folder)
        return load.nullcontext()

    first = load_engine(MODEL, device="tensorrt", building=building)
    assert (first.device, announced) == ("tensorrt", [kept_folder()])
    assert first.build_s is not None
    record = json.loads((kept_folder() / tensorrt_cache.MANIFEST).read_text())
    assert list(record["files"]) == ["graph_sm90.engine"]
    second = load_engine(MODEL, device="tensorrt", building=building)
    assert (second.build_s, len(announced)) == (None, 1)


def test_a_corrupt_engine_is_refused_with_its_remedy(monkeypatch):
    """A changed or missing file is a sentence that names it; nothing else runs instead."""
    pretend(monkeypatch, make=Builds)
    load_engine(MODEL, device="tensorrt")
    engine = kept_folder() / "graph_sm90.engine"
    engine.write_bytes(b"engime")
    with pytest.raises(DeviceError, match=r"graph_sm90\.engine.*corrupt.*engine clear"):
        load_engine(MODEL, device="tensorrt")
    engine.unlink()
    with pytest.raises(DeviceError, match=r"graph_sm90\.engine.*corrupt"):
        load_engine(MODEL, device="tensorrt")
    (kept_folder() / tensorrt_cache.MANIFEST).write_text("{")
    with pytest.raises(DeviceError, match=tensorrt_cache.MANIFEST):
        load_engine(MODEL, device="tensorrt")
    tensorrt_cache.clear_engines()
    assert load_engine(MODEL, device="tensorrt").device == "tensorrt"


def test_what_an_interrupted_build_left_is_built_again(monkeypatch):
    """Files without a manifest were never checked: they are removed first."""
    pretend(monkeypatch, make=Builds)
    load_engine(MODEL, device="tensorrt")
    folder = kept_folder()
    (folder / tensorrt_cache.MANIFEST).unlink()
    (folder / "half.engine").write_bytes(b"half")
    assert load_engine(MODEL, device="tensorrt").build_s is not None
    assert not (folder / "half.engine").exists()


def test_two_processes_build_an_engine_one_after_the_other(monkeypatch):
    """The second waits, which looks like building, and loads what the first has kept."""
    waiting, announced = threading.Event(), []
    monkeypatch.setattr(one_builder, "LOOK_EVERY_S", 0.01)

    @contextmanager
    def building(folder):
        announced.append(folder)
        waiting.set()
        yield

    with ThreadPoolExecutor(1) as pool:
        seconds = []

        class Meets(Builds):
            """The first engine is written, and another process starts before it is kept."""

            def __init__(self, inner, device, **claims):
                super().__init__(inner, device, **claims)
                if not seconds:
                    asked = {"device": "tensorrt", "building": building}
                    seconds.append(pool.submit(load_engine, MODEL, **asked))
                    assert waiting.wait(30)

        pretend(monkeypatch, make=Meets)
        assert load_engine(MODEL, device="tensorrt").build_s is not None
        assert seconds[0].result().build_s is None
    assert announced == [kept_folder()]
    assert tensorrt_cache.check_engine(kept_folder())


def test_an_engine_that_is_being_built_is_not_cleared():
    """Its builder would keep what is no longer there; with the lock gone it is removed."""
    folder = tensorrt_cache.cache_folder() / "model"
    folder.mkdir(parents=True)
    with one_builder.one_builder(folder, waiting=nullcontext):
        assert tensorrt_cache.clear_engines() == 0
        assert folder.is_dir()
    assert tensorrt_cache.clear_engines() == 1
    assert not folder.exists()


def test_an_engine_is_built_where_nothing_can_be_locked(tmp_path, monkeypatch):
    """A file system without locks, or a lock of another user's, keeps nobody from building."""

    def refuses(_file):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(one_builder, "lock", refuses)
    with one_builder.one_builder(tmp_path, waiting=pytest.fail):
        assert (tmp_path / one_builder.LOCK).is_file()
    (tmp_path / "other" / one_builder.LOCK).mkdir(parents=True)  # cannot be opened
    with one_builder.one_builder(tmp_path / "other", waiting=pytest.fail):
        assert not one_builder.is_being_built(tmp_path / "other")


def test_a_build_that_left_no_file_is_not_kept(monkeypatch):
    """Nothing of it could be checked; what earlier versions kept so is built again."""
    pretend(monkeypatch)
    assert load_engine(MODEL, device="tensorrt").build_s is not None
    manifest = kept_folder() / tensorrt_cache.MANIFEST
    assert not manifest.exists()
    manifest.write_text('{"files": {}, "build_s": 1}')
    (kept_folder() / "never_checked.engine").write_bytes(b"engine")
    pretend(monkeypatch, make=Builds)
    assert load_engine(MODEL, device="tensorrt").build_s is not None
    assert list(json.loads(manifest.read_text())["files"]) == ["graph_sm90.engine"]


def test_what_is_tried_beside_an_engine_is_none_of_its_files(monkeypatch):
    """Another process that starts looks whether the folder can be written to."""
    pretend(monkeypatch, make=Builds)
    load_engine(MODEL, device="tensorrt")
    (kept_folder() / ".writable").touch()
    tensorrt_cache.keep_engine(kept_folder(), model="model.onnx", build_s=1)
    record = json.loads((kept_folder() / tensorrt_cache.MANIFEST).read_text())
    assert list(record["files"]) == ["graph_sm90.engine"]


def test_an_engine_with_other_answers_is_not_kept(monkeypatch):
    """The golden vectors refuse it, so the next start builds instead of trusting it."""

    class Wrong(Builds):
        def run(self, outputs, feed):
            return [1 - self.inner.run(outputs, feed)[0]]

    pretend(monkeypatch, make=Wrong)
    with pytest.raises(DeviceError, match=r"differ.*engine clear"):
        load_engine(MODEL, device="tensorrt")
    assert not (kept_folder() / tensorrt_cache.MANIFEST).exists()


def test_building_is_shown_with_the_time_it_may_take(monkeypatch):
    """What is said goes to stderr, also when nobody looks on, and names earlier builds."""
    pretend(monkeypatch, make=Builds)
    console = Console(record=True, width=200, force_terminal=False)
    load_engine(MODEL, device="tensorrt", building=building_shown(console))
    said = console.export_text()
    assert "Building TensorRT's engine, once for this model and GPU ..." in said
    assert "The engine was built in 0:0" in said
    options = DeviceOptions(batch_size=8)
    load_engine(MODEL, device="tensorrt", options=options, building=building_shown(console))
    assert "judging by earlier builds" in console.export_text()


def test_auto_batch_has_one_engine_for_every_size(monkeypatch):
    """The profile covers all sizes that may be chosen, so that no other one is ever built."""
    asked = pretend(monkeypatch, make=Builds)
    monkeypatch.setattr(
        load, "choose_batch", lambda engine, _: setattr(engine, "fixed_batch", 4) or []
    )
    engine = load_engine(MODEL, device="tensorrt", options=DeviceOptions(auto_batch=True))
    assert asked[-1][0][1]["trt_profile_max_shapes"].startswith("waveform:64x")
    assert engine.fixed_batch == 4


def test_tensorrt_gets_a_cache_of_its_own_and_one_profile(tmp_path, monkeypatch):
    """Engines of two models, precisions or profiles never share a folder."""
    monkeypatch.setenv("TAGGER_CACHE", str(tmp_path))
    other = tmp_path / "other.onnx"
    shutil.copy(MODEL, other)
    with other.open("ab") as file:
        file.write(b"\x00")
    spec = make_spec()
    folders = {
        tensorrt_options(DeviceOptions(batch_size=size), path=path, spec=name)[
            "trt_engine_cache_path"
        ]
        for size in (8, 16)
        for path in (MODEL, other)
        for name in (spec, make_spec(precision="fp16"))
    }
    assert len(folders) == 8
    assert len(list(tensorrt_cache.list_engines())) == 8
    options = tensorrt_options(
        DeviceOptions(batch_size=8, exclude_ops=("LSTM",)), path=MODEL, spec=spec
    )
    assert options["trt_profile_min_shapes"] == "waveform:1x4000"
    assert options["trt_profile_max_shapes"] == "waveform:8x4000"
    assert options["trt_op_types_to_exclude"] == "LSTM"
    assert options["trt_engine_cache_path"] not in folders
    assert not {"trt_fp16_enable", "trt_int8_enable"} & set(options)
    assert tensorrt_cache.clear_engines() == 9
    assert list(tensorrt_cache.list_engines()) == []


def test_engines_are_counted_while_another_process_takes_them_away(monkeypatch):
    """Files and whole engines go between two looks at them."""
    pretend(monkeypatch, make=Builds)
    load_engine(MODEL, device="tensorrt")
    folder = kept_folder()
    (folder / "gone.engine").symlink_to("nowhere")  # listed, and not there
    ((_, n_bytes),) = tensorrt_cache.list_engines()
    kept = [file for file in folder.iterdir() if not file.is_symlink()]
    assert n_bytes == sum(file.stat().st_size for file in kept) > 0
    remove = shutil.rmtree

    def removed_twice(folder):
        remove(folder)
        remove(folder)

    monkeypatch.setattr(tensorrt_cache.shutil, "rmtree", removed_twice)
    assert tensorrt_cache.clear_engines() == 1


def test_a_cache_that_cannot_be_written_is_a_sentence(tmp_path, monkeypatch):
    """A read-only cache folder names itself and the variable that moves it."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TAGGER_CACHE", str(tmp_path / "file"))
    with pytest.raises(DeviceError, match="TAGGER_CACHE"):
        tensorrt_options(DeviceOptions(), path=MODEL, spec=make_spec())


def test_cuda_searches_no_convolutions_and_honours_a_memory_limit():
    """The options that a user's wishes become."""
    options = cuda_options(DeviceOptions(index=1, memory_limit_mb=512))
    assert options["device_id"] == 1
    assert options["cudnn_conv_algo_search"] == "HEURISTIC"
    assert options["gpu_mem_limit"] == 512 * 2**20
    assert "gpu_mem_limit" not in cuda_options(DeviceOptions())


def test_the_order_of_providers_starts_with_the_asked_one():
    """What may take over, comes after."""
    cuda = providers.provider_list("cuda", DeviceOptions(), path=MODEL, spec=None)
    assert [item if isinstance(item, str) else item[0] for item in cuda] == [
        "CUDAExecutionProvider",
        "CPUExecutionProvider",
    ]
