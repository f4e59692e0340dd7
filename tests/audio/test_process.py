import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tagger.audio import process_client
from tagger.audio.process_client import DecodeProcess
from tagger.audio.requested_windows import RequestedWindows, listen
from tagger.audio.shared_slots import N_SLOTS
from tagger.errors import DecodeError, StartError
from tests.audio import make
from tests.processes import check_ended

RATE = 8_000
LIMIT_S = 2.0
WANTED = RequestedWindows(sample_rate=RATE, window_len=RATE, n_windows=3, silence_dbfs=-60.0)


def heard(listening):
    """All windows of a file, and its length."""
    windows = []
    while True:
        try:
            windows.append(next(listening))
        except StopIteration as end:
            return windows, end.value


@pytest.fixture
def bad_process(monkeypatch):
    """A process whose decoder crashes, hangs or eats, as the file's name says."""
    monkeypatch.setattr(process_client, "_SERVER", "tests.audio.bad_helper")
    with DecodeProcess(limit_s=LIMIT_S) as process:
        yield process


@pytest.mark.parametrize("memory", ["shared", "none"])
@pytest.mark.parametrize("n_windows", [3, None])
def test_another_process_hears_the_same(tmp_path, monkeypatch, n_windows, memory):
    """Windows, silent ones and the length are those of decoding here, file after file."""
    if memory == "none":  # as on systems where it cannot be shared
        monkeypatch.setattr(process_client, "new_memory", lambda: None)
    paths = []
    for i, name in enumerate(["a", "naïve \udcff"]):
        wave = make.sweep((4 + i) * RATE, rate=RATE)
        wave[RATE : 2 * RATE] = 0
        path = make.write(tmp_path / "made.wav", wave, rate=RATE)
        paths.append(path.rename(tmp_path / f"{name}.wav"))
    wanted = RequestedWindows(
        sample_rate=RATE, window_len=RATE, n_windows=n_windows, silence_dbfs=-60.0
    )
    with DecodeProcess() as process:
        for path in paths:
            windows, duration_s = heard(process.listen(path, wanted))
            expected, expected_s = heard(listen(path, wanted))
            assert duration_s == expected_s
            assert [one is None for one in windows] == [one is None for one in expected]
            for one, other in zip(windows, expected, strict=True):
                if one is not None:
                    np.testing.assert_array_equal(one, other)


def test_windows_of_other_lengths_and_more_of_them_than_slots(tmp_path):
    """The shared memory grows, and a window that was heard is not written over."""
    path = make.write(tmp_path / "made.wav", make.sweep(30 * RATE, rate=RATE), rate=RATE)
    with DecodeProcess() as process:
        for window_len in (RATE, 3 * RATE, RATE // 2):
            wanted = RequestedWindows(
                sample_rate=RATE, window_len=window_len, n_windows=None, silence_dbfs=-60.0
            )
            windows, _ = heard(process.listen(path, wanted))
            expected, _ = heard(listen(path, wanted))
            assert len(windows) > N_SLOTS
            for one, other in zip(windows, expected, strict=True):
                np.testing.assert_array_equal(one, other)


def test_errors_come_over_as_they_are(tmp_path):
    """A file that cannot be decoded gives the sentence that it would give here."""
    path = tmp_path / "a.mp3"
    path.write_text("no music")
    with DecodeProcess() as process:
        with pytest.raises(DecodeError) as there:
            heard(process.listen(path, WANTED))
        with pytest.raises(DecodeError) as here:
            heard(listen(path, WANTED))
        assert str(there.value) == str(here.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crashes", "crashed (SIGSEGV)"),
        ("hangs", "stopped after 2 s"),
        ("exits", "crashed (exit code 7)"),
        ("eats", "of memory"),
    ],
)
def test_native_trouble_costs_one_file(bad_process, name, reason):
    """A crash, a hang that keeps the interpreter's lock, an exit: the next file is heard."""
    path = Path(f"{name}.mp3")
    if name != "hangs":
        bad_process.limit_s = (
            120.0  # a busy machine may take its time for the death of a process
        )
    started = time.monotonic()
    with pytest.raises(DecodeError) as raised:
        heard(bad_process.listen(path, WANTED))
    assert str(raised.value).startswith(f"{path}: ")
    assert reason in str(raised.value)
    assert time.monotonic() - started < 60  # before any limit but the hang's
    windows, duration_s = heard(bad_process.listen(Path("good.mp3"), WANTED))
    assert [one is None for one in windows] == [False, True]
    assert duration_s == 2.0


def test_what_decoders_print_is_no_answer(bad_process):
    """Text that native code writes to stdout does not disturb the windows."""
    windows, _ = heard(bad_process.listen(Path("prints.mp3"), WANTED))
    assert len(windows) == 2


def test_heard_enough(bad_process):
    """A listener that leaves in the middle of a file gets the next one from its start."""
    listening = bad_process.listen(Path("good.mp3"), WANTED)
    next(listening)
    listening.close()
    windows, _ = heard(bad_process.listen(Path("good.mp3"), WANTED))
    assert len(windows) == 2


def test_slow_listeners_are_waited_for(bad_process):
    """The clock of a file does not run while the scan is busy with others."""
    listening = bad_process.listen(Path("good.mp3"), WANTED)
    assert next(listening) is not None
    time.sleep(LIMIT_S + 0.5)
    assert next(listening) is None


def test_nothing_is_imported_from_the_current_folder(tmp_path):
    """A `json.py` among the music is not run."""
    (tmp_path / "json.py").write_text("open('was-run', 'w')")
    path = make.write(tmp_path / "a.wav", make.sweep(RATE, rate=RATE), rate=RATE)
    root = Path(process_client.__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        "from pathlib import Path\n"
        "from tagger.audio.process_client import DecodeProcess\n"
        "from tagger.audio.requested_windows import RequestedWindows\n"
        "w = RequestedWindows(sample_rate=8000, window_len=8000, n_windows=1,"
        " silence_dbfs=-60.0)\n"
        f"print(len(list(DecodeProcess().listen(Path({str(path)!r}), w))))\n"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, check=True
    )
    assert run.stdout == b"1\n"
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("none", "there is no such file; check the path"),
        ("folder", "it is a folder, not an audio file"),
        ("pipe", "it is a named pipe, not an audio file"),
    ],
)
def test_what_is_no_file_is_not_taken_for_a_failing_disk(tmp_path, kind, reason):
    """And a pipe, to which nobody writes, is not waited for."""
    path = tmp_path / "a.mp3"
    {"none": lambda _path: None, "folder": os.mkdir, "pipe": os.mkfifo}[kind](path)
    with pytest.raises(DecodeError, match=reason):
        next(DecodeProcess(limit_s=60).listen(path, WANTED))


def test_no_decoding_process_outlives_the_scan(tmp_path):
    """A process whose scan is killed ends by itself, at the latest with its file's time."""
    script = (
        "import os\nfrom pathlib import Path\n"
        "from tagger.audio import process_client\n"
        "from tagger.audio.requested_windows import RequestedWindows\n"
        "process_client._SERVER = 'tests.audio.bad_helper'\n"
        "w = RequestedWindows(sample_rate=8000, window_len=8000, n_windows=1,"
        " silence_dbfs=-60.0)\n"
        "process = process_client.DecodeProcess(limit_s=1.0)\n"
        "listening = process.listen(Path('hangs.mp3'), w)\nnext(listening)\n"
        "print(process._process.pid, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    root = Path(process_client.__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, check=False
    )
    pid = int(run.stdout)
    check_ended([pid], limit_s=60)


@pytest.mark.parametrize(
    ("program", "reason"),
    [("/dev/null", "no process can be started"), ("true", "ended at once")],
)
def test_no_process_can_be_started(monkeypatch, program, reason):
    """Where none starts, that is told once, instead of as the failure of each file."""
    monkeypatch.setattr(sys, "executable", program)
    with pytest.raises(StartError, match=reason):
        next(DecodeProcess().listen(Path("a.mp3"), WANTED))
