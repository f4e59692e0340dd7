import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.audio.windows import (
    SHORT_WINDOWS,
    even_hop,
    is_covered,
    is_silent,
    pad_window,
    slice_windows,
    spread_starts,
    stream_windows,
)

WINDOW = 10

lengths = st.integers(1, 200)
window_lens = st.integers(1, 50)


def count_up(n_samples):
    """A waveform whose samples tell their place."""
    return np.arange(n_samples, dtype=np.float32)


@pytest.mark.parametrize("n_samples", [1, WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW])
def test_slice_edges(n_samples):
    """The last window ends with the track; only a track shorter than a window is padded."""
    windows = slice_windows(count_up(n_samples), window_len=WINDOW, hop_len=WINDOW)
    assert windows.shape == (max(1, -(-n_samples // WINDOW)), WINDOW)
    if n_samples >= WINDOW:
        assert windows[-1, -1] == n_samples - 1


@given(lengths, window_lens, st.data())
def test_slice_covers(n_samples, window_len, data):
    """Every sample of the track is in a window, in order, and nothing else is."""
    hop_len = data.draw(st.integers(1, window_len))
    windows = slice_windows(count_up(n_samples), window_len=window_len, hop_len=hop_len)
    assert set(windows.ravel().astype(int)) == set(range(n_samples))
    assert (np.diff(windows[:, 0]) > 0).all()


@given(lengths, window_lens, st.data())
def test_stream_equals_slice(n_samples, window_len, data):
    """Streamed windows are those of the whole track, however it is cut into blocks."""
    hop_len = data.draw(st.integers(1, window_len))
    cuts = sorted(data.draw(st.lists(st.integers(0, n_samples), max_size=8)))
    blocks = np.split(count_up(n_samples), cuts)
    streamed = list(stream_windows(blocks, window_len=window_len, hop_len=hop_len))
    expected = slice_windows(count_up(n_samples), window_len=window_len, hop_len=hop_len)
    assert np.array_equal([window for _, window in streamed], expected)
    assert [start for start, _ in streamed] == expected[:, 0].astype(int).tolist()


def test_stream_empty():
    """No sample gives no window."""
    assert list(stream_windows([count_up(0)], window_len=5, hop_len=5)) == []


def test_stream_bounded():
    """Streaming holds about a window, whatever the length of the track."""
    block = count_up(1000)
    windows = stream_windows((block for _ in range(2000)), window_len=1500, hop_len=1500)
    assert sum(1 for _ in windows) == -(-2_000_000 // 1500)


@given(st.integers(1, 10_000), window_lens, st.integers(1, 30))
def test_spread(n_samples, window_len, n_windows):
    """Starts ascend, windows stay inside the track and lie alike from either end."""
    starts = spread_starts(n_samples, window_len=window_len, n_windows=n_windows)
    covers = is_covered(n_samples, window_len=window_len, n_windows=n_windows)
    assert 1 <= len(starts) <= (max(n_windows, 2 * SHORT_WINDOWS) if covers else n_windows)
    assert starts == sorted(set(starts))
    assert starts[0] >= 0
    if n_samples >= window_len:
        end = n_samples - (starts[-1] + window_len)
        assert end >= 0
        assert abs(end - starts[0]) <= 1
    else:
        assert starts == [0]


@given(lengths, window_lens)
def test_spread_covers_short_tracks(n_samples, window_len):
    """When the wanted windows are longer than the track, they cover all of it."""
    starts = spread_starts(n_samples, window_len=window_len, n_windows=200)
    covered = {at for start in starts for at in range(start, start + window_len)}
    assert covered >= set(range(n_samples))


@given(n_samples=st.integers(1, 400), window_len=st.integers(1, 50))
def test_few_windows_are_those_of_the_whole_track(n_samples, window_len):
    """Where spread windows cover a track, listening to all of it cuts the very same."""
    hop_len = even_hop(n_samples, window_len=window_len)
    assert 1 <= hop_len <= window_len
    waveform = np.arange(n_samples, dtype=np.float32)
    streamed = stream_windows([waveform], window_len=window_len, hop_len=hop_len)
    starts = [start for start, _ in streamed]
    assert starts == spread_starts(n_samples, window_len=window_len, n_windows=400)


@pytest.mark.parametrize(
    ("seconds", "n_windows", "hop"),
    # half a minute; a minute; a little more than a window; more than six windows cover
    [(30, 9, 2.5), (60, 12, 50 / 11), (11, 2, 1), (59.5, 12, 4.5), (61, 7, 8.5)],
)
def test_a_short_track_gets_overlapping_windows(seconds, n_windows, hop):
    """At least a quarter of a window apart, twelve at most; longer tracks get the fewest."""
    starts = spread_starts(int(100 * seconds), window_len=1000, n_windows=10)
    assert len(starts) == n_windows
    assert np.diff(starts[:-1]) == pytest.approx(100 * hop, abs=1)


@given(window_lens, st.data())
def test_pad(window_len, data):
    """A padded window repeats the track, or ends in silence."""
    n_samples = data.draw(st.integers(1, window_len))
    track = count_up(n_samples) + 1
    repeated = pad_window(track, window_len=window_len)
    assert np.array_equal(repeated, track[np.arange(window_len) % n_samples])
    silent = pad_window(track, window_len=window_len, padding="zeros")
    assert np.array_equal(silent[:n_samples], track)
    assert not silent[n_samples:].any()


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (np.zeros(100), True),
        (np.full(100, 0.5), True),  # a constant offset is no sound
        (np.tile([1e-4, -1e-4], 50), True),  # -80 dBFS
        (np.tile([1e-2, -1e-2], 50), False),  # -40 dBFS
        (np.tile([1e-2, -1e-2], 50) + 0.5, False),
    ],
)
def test_silence(window, expected):
    """Silence is judged by the level around the mean."""
    assert is_silent(window.astype(np.float32), silence_dbfs=-60.0) is expected


@pytest.mark.parametrize(
    "call",
    [
        lambda: slice_windows(count_up(0), window_len=5, hop_len=5),
        lambda: slice_windows(count_up(6).reshape(2, 3), window_len=5, hop_len=5),
        lambda: slice_windows(count_up(9), window_len=5, hop_len=6),
        lambda: slice_windows(count_up(9), window_len=5, hop_len=0),
        lambda: list(stream_windows([count_up(4).reshape(2, 2)], window_len=5, hop_len=5)),
        lambda: spread_starts(0, window_len=5, n_windows=1),
        lambda: spread_starts(5, window_len=5, n_windows=0),
        lambda: pad_window(count_up(6), window_len=5),
    ],
)
def test_refused(call):
    """Impossible lengths and shapes are refused."""
    with pytest.raises(ValueError, match=r"."):
        call()
