"""What the model says of a track over time: made when it is asked for, and kept."""

import tempfile
import zlib
from pathlib import Path

from tagger import TrackResult
from tagger.errors import DecodeError
from tagger.model.spec import ModelSpec
from tagger.scan.timeline import Timeline, segments
from tagger.service.db.engine import put_row
from tagger.service.db.models import TimelineRow, Track
from tagger.service.listing import about
from tagger.service.problems import ProblemError
from tagger.service.schemas.tracks import SegmentRow, Taggram, Waveform
from tagger.service.service import Service
from tagger.service.spool import passing

LONGEST_S = 3 * 3600.0
"""A longer file is not decoded for a picture: its bytes may be few, its silence for days."""


def taggram_of(service: Service, track: Track) -> tuple[bytes, str]:
    """A track's taggram as JSON, and its ETag.

    Raises:
        ProblemError: the file is not there, too long, or cannot be decoded.
    """
    spec = service.tagger().spec
    state = f"{track.object_key or track.mtime_ns}-{track.size}-{spec.revision[:16]}"
    etag = f'"taggram-{track.id}-{state.rpartition("/")[2]}"'
    with service.database.reading() as session:
        row = session.get(TimelineRow, track.id)
        if row is not None and row.state_key == state:
            return zlib.decompress(row.data), etag
    with service.file_of(track) as path:
        timeline = _timeline(service, track, path)
        body = _taggram(timeline, spec, path)
    data = body.model_dump_json().encode()
    with service.database.writing() as session:
        if session.get(Track, track.id) is not None:
            new = {"track_id": track.id, "state_key": state, "data": zlib.compress(data)}
            put_row(session, TimelineRow, new, replaces=True)
    return data, etag


def picture_of(service: Service, track: Track) -> bytes:
    """A track's taggram as PNG.

    Raises:
        ProblemError: as for `taggram_of`.
        MissingExtraError: matplotlib is not installed.
    """
    from tagger.reports.taggram import check_plot, save_taggram  # noqa: PLC0415, matplotlib

    place = passing(service.options.spool, "read", suffix="-")
    with (
        service.file_of(track) as path,
        tempfile.TemporaryDirectory(prefix=place.name, dir=place.parent) as folder,
    ):
        out = Path(folder) / "taggram.png"
        check_plot(out)
        timeline = _timeline(service, track, path)
        save_taggram(path, timeline, service.tagger().spec, out, threshold=None)
        return out.read_bytes()


def _timeline(service: Service, track: Track, path: Path) -> Timeline:
    length_s = about(path).duration_s
    if length_s is not None and length_s > LONGEST_S:
        raise _no_taggram(track, f"it lasts {length_s / 3600:.1f} hours, more than 3")
    with service.listener() as tagger:
        result = tagger.predict(path, windows=True)
    if result.timeline is None:
        raise _no_taggram(track, _reason(result))
    return result.timeline


def _reason(result: TrackResult) -> str:
    return result.reason or "all of it is silent"


def _no_taggram(track: Track, reason: str) -> ProblemError:
    return ProblemError(
        422,
        "no-taggram",
        "There is nothing to draw",
        detail=f"{track.name}: {reason}",
        remedy="Choose another track; the scan says more of this one.",
    )


def _taggram(timeline: Timeline, spec: ModelSpec, path: Path) -> Taggram:
    ranked = timeline.ranked()
    labels = [timeline.labels[i] for i in ranked]
    low, high = _waveform(path, timeline.duration_s)
    return Taggram(
        labels=labels,
        thresholds=[round(spec.thresholds[label], 4) for label in labels],
        starts_s=[round(start, 3) for start in timeline.starts_s.tolist()],
        window_s=round(timeline.window_s, 3),
        duration_s=round(timeline.duration_s, 3),
        scores=timeline.scores[:, ranked].round(4).tolist(),
        segments=[
            SegmentRow(**segment.to_record())
            for segment in segments(timeline, spec, threshold=None)
        ],
        waveform=Waveform(low=low, high=high),
    )


def _waveform(path: Path, duration_s: float) -> tuple[list[float], list[float]]:
    from tagger.reports.taggram import envelope  # noqa: PLC0415 - brings the decoders

    try:
        _, low, high = envelope(path, duration_s)
    except DecodeError:
        return [], []
    return low.round(3).tolist(), high.round(3).tolist()
