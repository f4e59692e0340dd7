import errno
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from PIL import Image
from rich.console import Console

from tagger.audio.windows import spread_starts
from tagger.errors import InputError
from tagger.reports.bars import count_bars
from tests.tones import write_tone
from tests.train import trees
from train.config.config import from_tree
from train.data import store as store_module
from train.data.batches import Crops, starts_of, window_of
from train.data.decode import decode_clip
from train.data.load_clips import find_recordings, load_clips, prepare_dataset
from train.data.prepare import UNREADABLE, as_features, prepare, waveform_of
from train.data.store import CLIPS, SAMPLES, PreparedStore, Recipe, pack
from train.datasets.audio import Where
from train.datasets.folder import load

ROOT = Path(__file__).parents[2]
RECIPE = Recipe(sample_rate=8000)


@pytest.fixture
def clips(tmp_path):
    """Twenty-four short tones of two genres."""
    return load(Where(root=trees.genres(tmp_path / "music", seconds=0.5)))


def test_a_prepared_clip_is_what_was_decoded(clips, tmp_path):
    """Sixteen bits keep the samples to half a step, and louder than full scale is not cut."""
    soundfile.write(clips.paths[0], np.full(4000, 1.5, np.float32), 8000, subtype="FLOAT")
    prepare(clips, tmp_path / "s", RECIPE, n_jobs=2)
    found = as_features(clips, tmp_path / "s", RECIPE)
    assert found.is_waveform
    assert len(found) == 24
    for i in range(24):
        expected, _ = decode_clip(clips.paths[i], RECIPE)
        np.testing.assert_allclose(waveform_of(found, i), expected, atol=1.6 / 32767)
    window = window_of(found, 3, start=100, n_frames=50)
    np.testing.assert_array_equal(window[0], waveform_of(found, 3)[100:150])


def test_a_second_preparation_decodes_nothing(clips, tmp_path):
    """Only what changed is decoded again."""
    assert prepare(clips, tmp_path / "s", RECIPE).n_decoded == 24
    assert prepare(clips, tmp_path / "s", RECIPE).n_decoded == 0
    write_tone(clips.paths[5], 333, seconds=0.7)
    assert prepare(clips, tmp_path / "s", RECIPE).n_decoded == 1
    assert as_features(clips, tmp_path / "s", RECIPE).n_frames(5) == 5600


def test_an_interrupted_preparation_goes_on(clips, tmp_path):
    """Samples without a line, and half a line, are cut off; the rest stays."""
    folder = tmp_path / "s"

    def stop(done, n):
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(clips, folder, RECIPE, n_jobs=2, tell=stop)
    with (folder / SAMPLES).open("ab") as file:
        file.write(b"half a clip")
    with (folder / CLIPS).open("a") as file:
        file.write('{"key": "hal')
    assert prepare(clips, folder, RECIPE).n_decoded == 14
    found = as_features(clips, folder, RECIPE)
    for i in (0, 9, 10, 23):
        expected, _ = decode_clip(clips.paths[i], RECIPE)
        np.testing.assert_allclose(waveform_of(found, i), expected, atol=1e-4)


def test_a_store_of_another_recipe_is_made_anew_or_refused(clips, tmp_path):
    """Preparing replaces it; reading it as it is not is an error that names the difference."""
    prepare(clips, tmp_path / "s", RECIPE)
    other = Recipe(sample_rate=16000)
    with pytest.raises(InputError, match="sample_rate 8000, not 16000"):
        as_features(clips, tmp_path / "s", other)
    assert prepare(clips, tmp_path / "s", other).n_decoded == 24
    assert as_features(clips, tmp_path / "s", other).n_frames(0) == 8000


def test_a_damaged_clip_is_noticed_and_decoded_again(clips, tmp_path):
    """A flipped bit fails the CRC of one clip, a file cut short those behind the cut."""
    folder = tmp_path / "s"
    prepare(clips, folder, RECIPE)
    content = bytearray((folder / SAMPLES).read_bytes())
    content[100] ^= 1
    (folder / SAMPLES).write_bytes(content)
    assert prepare(clips, folder, RECIPE).n_decoded == 1
    (folder / SAMPLES).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="shorter"):
        as_features(clips, folder, RECIPE)
    assert prepare(clips, folder, RECIPE).n_decoded == 13


def test_an_unreadable_clip_is_listed_and_left_out(clips, tmp_path):
    """One of 24 is fewer than five of a hundred; it is not tried again."""
    clips.paths[3].write_bytes(b"no sound")
    result = prepare(clips, tmp_path / "s", RECIPE)
    assert [line.count(str(clips.paths[3])) for line in result.unreadable] == [1]
    assert result.unreadable[0].startswith(f"{clips.paths[3]}: cannot be decoded")
    assert str(clips.paths[3]) in (tmp_path / "s" / UNREADABLE).read_text()
    assert as_features(clips, tmp_path / "s", RECIPE).unreadable == result.unreadable
    assert len(as_features(clips, tmp_path / "s", RECIPE)) == 23
    assert prepare(clips, tmp_path / "s", RECIPE).n_decoded == 0


def test_more_than_one_of_twenty_unreadable_stops_with_the_list(clips, tmp_path):
    """The message counts them and says where the list is."""
    for path in clips.paths[3:6]:
        path.write_bytes(b"no sound")
    with pytest.raises(InputError, match=r"2 of 24 .*unreadable\.txt"):
        prepare(clips, tmp_path / "s", RECIPE)


def test_a_disk_without_room_keeps_what_is_there(clips, tmp_path):
    """The message says how many stay valid; the next run goes on behind them."""
    folder = tmp_path / "s"
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from tagger.errors import InputError\n"
        "from train.datasets.audio import Where; from train.datasets.folder import load\n"
        "from train.data.prepare import prepare; from train.data.store import Recipe\n"
        "clips = load(Where(root=Path(sys.argv[1])))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "try: prepare(clips, Path(sys.argv[2]), Recipe(sample_rate=8000), n_jobs=2)\n"
        "except InputError as error: print(error)\n"
    )
    words = [sys.executable, "-c", code, tmp_path / "music", folder]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "after 6 clips, which stay valid" in done.stdout  # 8,000 bytes each
    with PreparedStore(folder, RECIPE) as store:
        assert len(store.entries) == 6
        assert store.damaged() == []
    assert prepare(clips, folder, RECIPE).n_decoded == 18
    assert len(as_features(clips, folder, RECIPE)) == 24


def test_a_full_disk_is_called_that(tmp_path):
    """Nothing is tried once more when the store is closed."""

    class Full:
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    with PreparedStore(tmp_path / "s", RECIPE) as store:
        store.add("a", pack(np.zeros(10, np.float32)))
        store._samples.close()
        store._samples = Full()
        with pytest.raises(InputError, match="the disk is full after 1 clips"):
            store.add("b", pack(np.zeros(10, np.float32)))
    with PreparedStore(tmp_path / "s", RECIPE) as again:
        assert list(again.entries) == ["a"]
        assert again.damaged() == []


def test_the_middle_of_a_long_recording_is_kept(tmp_path):
    """What is left over is left out on both sides alike."""
    path = write_tone(tmp_path / "x.wav", 440, seconds=4)
    short, n_pieces = decode_clip(path, Recipe(sample_rate=8000, longest_s=1.0))
    whole, _ = decode_clip(path, RECIPE)
    assert n_pieces == 1
    np.testing.assert_allclose(short, whole[12000:20000], atol=1e-4)


def test_a_long_recording_is_kept_around_where_a_scan_listens(tmp_path):
    """In pieces; a crop lies in one of them, and the windows of a scan in their middles."""
    path = tmp_path / "music" / "high" / "long.wav"
    trees.genres(tmp_path / "music", n_clips=1)
    noise = 0.3 * np.random.default_rng(0).uniform(-1, 1, 50_001).astype(np.float32)
    soundfile.write(path, noise, 8000, subtype="FLOAT")
    recipe = Recipe(sample_rate=8000, longest_s=3.0, n_pieces=6)
    kept, n_pieces = decode_clip(path, recipe)
    assert (len(kept), n_pieces) == (24_000, 6)
    starts = spread_starts(50_001, window_len=2000, n_windows=6)
    scanned = np.concatenate([noise[start : start + 2000] for start in starts])
    middles = np.concatenate([kept[4000 * k + 1000 :][:2000] for k in range(6)])
    np.testing.assert_allclose(middles, scanned, atol=1e-4)
    clips = load(Where(root=tmp_path / "music"))
    prepare(clips, tmp_path / "s", recipe)
    found = as_features(clips, tmp_path / "s", recipe)
    place = [path.name for path in clips.paths].index("long.wav")
    assert found.pieces().tolist() == [6 if i == place else 1 for i in range(len(found))]
    options = SimpleNamespace(window_len=2000, hop_len=1)
    assert starts_of(found, place, options=options, n_windows=6) == [
        4000 * k + 1000 for k in range(6)
    ]
    crops = Crops(found.take(np.array([place])), n_frames=3500)
    rng = np.random.default_rng(0)
    drawn = {crops.draw(0, rng).start for _ in range(300)}
    assert all(item % 4000 <= 500 for item in drawn)
    assert {item // 4000 for item in drawn} == set(range(6))


def test_pictures_are_a_dataset(tmp_path):
    """What prepare draws, `spectrograms` reads, with the same labels and splits."""
    root = trees.genres(tmp_path / "music", seconds=1.0)
    said = []
    prepare_dataset(
        from_tree({"datasets": ["folder"], "features_options": {"n_frames": 4}}), root,
        prepared=tmp_path / "p", pictures=tmp_path / "png", n_jobs=1, say=said.append,
    )  # fmt: skip
    config = from_tree({"datasets": ["spectrograms"]})
    pictures = load_clips(config, tmp_path / "png", prepared=tmp_path / "p", say=said.append)
    clips = find_recordings("folder", config, root)
    assert pictures.labels == clips.labels
    for split in ("train", "valid", "test"):
        assert (pictures.splits == split).sum() == (clips.splits == split).sum()
    assert any("24 pictures" in line for line in said)
    assert Image.open(next((tmp_path / "png").rglob("*.png"))).height == 128


def test_whoever_looks_on_sees_a_bar(tmp_path):
    """On a terminal a bar counts the clips; elsewhere lines do."""
    root = trees.genres(tmp_path / "music", seconds=0.3)
    shown, said = io.StringIO(), []
    with count_bars(Console(file=shown, force_terminal=True, width=80)) as follow:
        prepare_dataset(
            from_tree({"datasets": ["folder"]}), root, prepared=tmp_path / "p",
            pictures=None, n_jobs=1, say=said.append, follow=follow,
        )  # fmt: skip
    assert "preparing folder" in shown.getvalue()
    assert "24/24" in shown.getvalue()
    assert not any("of 24" in line for line in said)
    with count_bars(Console(file=io.StringIO())) as follow:
        assert follow is None


def test_recordings_join_stored_features_as_features(tmp_path):
    """A label that one of them does not know is unknown there."""
    root = tmp_path / "both"
    trees.genres(root / "x", seconds=1.0)
    np.savez(
        root / "set.npz", features=np.zeros((12, 128, 9), np.uint8),
        id=np.arange(12).astype(str), label=["high", "other"] * 6,
    )  # fmt: skip
    (root / "x" / "high").rename(root / "high")
    (root / "x" / "low").rename(root / "low")
    (root / "x").rmdir()
    tree = {"datasets": ["folder", "npz"], "features_options": {"n_frames": 4}}
    clips = load_clips(from_tree(tree), root, prepared=tmp_path / "p", say=print)
    assert not clips.is_waveform
    assert clips.labels == ("high", "low", "other")
    assert np.isnan(clips.targets[0]).tolist() == [False, False, True]
    with pytest.raises(InputError, match="npz is stored log-mel"):
        load_clips(
            from_tree({"datasets": ["npz"], "features": "chroma"}), root,
            prepared=tmp_path / "p", say=print,
        )  # fmt: skip


def test_the_index_is_one_line_a_clip(clips, tmp_path):
    """Plain JSON, so that other programs can read the store."""
    prepare(clips, tmp_path / "s", RECIPE)
    lines = (tmp_path / "s" / CLIPS).read_text().splitlines()
    first = json.loads(lines[0])
    assert len(lines) == 24
    assert set(first) == {"key", "start", "n_samples", "scale", "crc32", "error", "n_pieces"}
    assert (
        json.loads((tmp_path / "s" / "recipe.json").read_text())["format"]
        == store_module.FORMAT
    )
