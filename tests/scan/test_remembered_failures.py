"""What a scan remembers of files that failed."""

from mutagen.id3 import ID3, TCON

from tagger.audio.process_client import DecodeProcess
from tagger.errors import DecodeError
from tagger.scan.lookup import AGAIN
from tagger.scan.options import RecallOptions
from tests.tones import write_tone

NOTHING = ([], [])


def test_failures_are_remembered_with_their_cause(folder, opened, run, monkeypatch):
    """Tried again when the file or the decoders change, or on request."""
    (folder / "bad.mp3").write_bytes(b"\xff\xfb\x90\x00" + b"no music" * 50)
    first = run()["bad.mp3"]
    assert first.status == "failed"
    opened.take()
    again = run()["bad.mp3"]
    assert (again.status, opened.take()) == ("failed", NOTHING)
    assert again.reason == first.reason + AGAIN
    run(recall=RecallOptions(retry_failed=True))
    assert opened.take() == (["bad.mp3"], ["bad.mp3"])
    monkeypatch.setattr("tagger.audio.decoder_versions.__version__", "next")
    run()
    assert opened.take() == (["bad.mp3"], ["bad.mp3"])
    assert run()["bad.mp3"].status == "failed"
    assert opened.take() == NOTHING
    write_tone(folder / "good.wav", 500).rename(folder / "bad.mp3")
    assert run()["bad.mp3"].status == "proposed"
    assert opened.take()[0] == ["bad.mp3"]


def test_damaged_tags_are_remembered_too(folder, opened, run):
    """A file whose tags cannot be read fails again without being opened."""
    data = (folder / "b.ogg").read_bytes()
    at = data.index(b"\x03vorbis") + 7
    (folder / "b.ogg").write_bytes(data[:at] + b"\xff" * 8 + data[at + 8 :])
    first = run()["b.ogg"]
    assert first.status == "failed"
    opened.take()
    assert run()["b.ogg"].reason.startswith(first.reason)
    assert opened.take() == NOTHING


def test_failures_of_the_disk_are_not_remembered(folder, opened, run, monkeypatch):
    """A share that was gone, or a permission, says nothing of the music."""

    def gone(_ears, path, _wanted):
        path.rename(path.with_name("away"))
        raise DecodeError(f"{path}: Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(DecodeProcess, "listen", gone)
        assert run([folder / "a.flac"])["a.flac"].status == "failed"
    (folder / "away").rename(folder / "a.flac")
    opened.take()
    assert run([folder / "a.flac"])["a.flac"].status == "proposed"
    assert opened.take()[0] == ["a.flac"]


def test_a_failure_to_decode_does_not_matter_where_nothing_is_heard(folder, run):
    """A file that keeps its genre is kept, whatever a scan of all scores said of it."""
    path = folder / "bad.mp3"
    path.write_bytes(b"no music" * 50)
    tags = ID3()
    tags.add(TCON(text=["Rock"]))
    tags.save(path)
    assert run(score_all=True)["bad.mp3"].status == "failed"
    assert run()["bad.mp3"].status == "kept"
