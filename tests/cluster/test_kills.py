"""A scan on two nodes whose worker, driver and node are killed: every object has one row."""

import itertools

import obstore
import pytest

pytest.importorskip("ray")
pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from tagger.api import Tagger
from tagger.cluster.destination import open_results
from tagger.cluster.stores import open_place
from tagger.scan.options import ScanOptions
from tagger.scan.records import ListenOptions
from tests.cluster.clusters import (
    kill_node,
    kill_worker,
    start_scan,
    two_nodes,
    wait_for_parts,
)
from tests.cluster.scans import rows_at, tone_model
from tests.tones import write_tone

N_OBJECTS, N_SOUNDS, PART_LEN = 304, 16, 8
pytestmark = [pytest.mark.service, pytest.mark.slow]


@pytest.fixture
def sounds(tmp_path):
    """Tones, long enough that a part takes a moment."""
    return [
        write_tone(tmp_path / "sounds" / f"{i}.flac", 300 + 150 * i, seconds=20)
        for i in range(N_SOUNDS)
    ]


@pytest.fixture
def bucket(s3_url, sounds, tmp_path):
    """Several hundred objects in a real S3 server."""
    url, _, query = s3_url.partition("?")
    place = open_place(f"{url}/{tmp_path.name}/music?{query}", option="PATH")
    for i, sound in zip(range(N_OBJECTS), itertools.cycle(sounds)):
        obstore.put(place.store, place.key(f"{i % 7}/{i:03d} é.flac"), sound)
    return place


def test_a_worker_a_driver_and_a_node_are_killed(bucket, sounds, tmp_path):
    """After --resume each object has exactly one row, that of an undisturbed scan."""
    model = tone_model(tmp_path)
    where = bucket.url.replace("/music?", "/results?")
    results = open_results(where)
    args = [
        bucket.url, "--results", where, "--model", model, "--part-size", PART_LEN,
        "--full",
    ]  # fmt: skip
    with two_nodes() as (cluster, node):
        first = start_scan(*args, cluster=cluster)
        wait_for_parts(results, 2, first)
        kill_worker(cluster)
        wait_for_parts(results, 8, first)
        first.kill()
        first.wait()
        before = len(list(results.rows()))
        assert before < N_OBJECTS
        second = start_scan(*args, "--resume", cluster=cluster)
        wait_for_parts(results, before // PART_LEN + 2, second)
        kill_worker(cluster)
        wait_for_parts(results, before // PART_LEN + 6, second)
        assert len(list(results.rows())) < N_OBJECTS
        kill_node(cluster, node)
        problems = second.communicate(timeout=240)[1]
        assert second.returncode == 0, problems
    rows, latest = rows_at(where)
    assert len(rows) == len(latest) == N_OBJECTS
    listen = ListenOptions(full=True)
    with Tagger(model, state=False, settings={}, device="cpu") as tagger:
        undisturbed = {
            item.path: item for item in tagger.scan_each(sounds, ScanOptions(listen=listen))
        }
    for row in rows:
        one = undisturbed[sounds[int(row.key.rpartition("/")[2][:3]) % N_SOUNDS]]
        assert (row.status, row.genres) == (one.status, one.genres), row.reason
        assert row.scores == pytest.approx(one.scores, rel=1e-6)
