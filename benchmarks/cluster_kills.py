"""Kill a worker, the driver and a node of a scan of objects: `cluster_kills.py [--objects N]`.

The same as `tests/cluster/test_kills.py` with more objects: two Ray nodes on this machine, a
real S3 server over TCP, kill -9 of each in turn, `--resume`, and at the end a comparison with
an undisturbed scan of the same objects. The last line is one JSON object.
"""

import argparse
import itertools
import os
import sys
import tempfile
import time
from pathlib import Path

from measure import emit

sys.path.insert(0, str(Path(__file__).parent.parent))

import obstore

from tagger.cluster.destination import open_results
from tagger.cluster.stores import open_place
from tests.cluster.clusters import (
    kill_node,
    kill_worker,
    start_scan,
    two_nodes,
    wait_for_parts,
)
from tests.cluster.scans import rows_at, tone_model
from tests.service import servers
from tests.tones import write_tone

PART_LEN = 16


def fill(place: object, folder: Path, n: int) -> None:
    """Put objects, of which a few have the same content."""
    sounds = [write_tone(folder / f"{i}.flac", 300 + 90 * i, seconds=20) for i in range(40)]
    for i, sound in zip(range(n), itertools.cycle(sounds), strict=False):
        obstore.put(place.store, place.key(f"{i % 13}/{i:05d} é.flac"), sound)  # type: ignore[attr-defined]


def disturbed(source: str, where: str, model: Path, n: int) -> list[str]:
    """Scan with three kills; returns what happened, with the number of rows at that moment."""
    results, happened = open_results(where), []
    args = [source, "--results", where, "--model", model, "--part-size", PART_LEN, "--full"]
    n_parts = n // PART_LEN
    with two_nodes() as (cluster, node):
        first = start_scan(*args, cluster=cluster)
        for share in (0.1, 0.2):
            wait_for_parts(results, int(share * n_parts), first)
            happened.append(f"worker killed: {kill_worker(cluster)}")
        wait_for_parts(results, int(0.35 * n_parts), first)
        first.kill()
        first.wait()
        happened.append(f"driver killed at {len(list(results.rows()))} rows")
        second = start_scan(*args, "--resume", cluster=cluster)
        wait_for_parts(results, int(0.6 * n_parts), second)
        kill_node(cluster, node)
        happened.append(f"node killed at {len(list(results.rows()))} rows")
        problems = second.communicate(timeout=3_600)[1]
        if second.returncode != 0:
            raise SystemExit(problems)
    return happened


def main() -> None:
    """Kill, resume, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--objects", type=int, default=2_000)
    given = parser.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": servers.KEY, "AWS_SECRET_ACCESS_KEY": servers.SECRET}
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as made, servers.s3(Path(made) / "s3") as url:
        bucket, _, query = url.partition("?")
        source, folder = f"{bucket}/music?{query}", Path(made)
        fill(open_place(source, option="PATH"), folder, given.objects)
        model = tone_model(folder)
        happened = disturbed(source, f"{bucket}/results?{query}", model, given.objects)
        plain = f"{bucket}/plain?{query}"
        with two_nodes() as (cluster, _):
            args = ["--results", plain, "--model", model, "--full"]
            if start_scan(source, *args, cluster=cluster).wait() != 0:
                raise SystemExit("the undisturbed scan failed")
        rows, latest = rows_at(f"{bucket}/results?{query}")
        undisturbed = rows_at(plain)[1]
        same = {key: _told(value) for key, value in latest.items()} == {
            key: _told(value) for key, value in undisturbed.items()
        }
    emit(
        {
            "objects": given.objects,
            "rows": len(rows),
            "keys": len(latest),
            "equal_to_an_undisturbed_run": same,
            "happened": happened,
            "total_s": round(time.monotonic() - started, 1),
        }
    )


def _told(row: object) -> tuple[object, ...]:
    names = ("key", "etag", "size", "status", "genres", "scores", "duration_s", "conditions")
    return tuple(getattr(row, name) for name in names)


if __name__ == "__main__":
    main()
