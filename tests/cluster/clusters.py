"""Ray of our own for tests: two nodes on this machine, and processes that can be killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = [sys.executable, "-c", "from tagger.cli.app import main; main()"]
STORE_LEN = 80 << 20


@contextlib.contextmanager
def two_nodes():
    """Two nodes of a core each; yields the cluster and the node that may be killed."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    from ray.cluster_utils import Cluster  # noqa: PLC0415 (takes a second)

    head = {"num_cpus": 1, "object_store_memory": STORE_LEN, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield cluster, cluster.add_node(num_cpus=1, object_store_memory=STORE_LEN)
    finally:
        cluster.shutdown()


def start_scan(*args, cluster):
    """`tagger scan` in a process of its own, on that cluster."""
    command = [*RUN, "scan", *map(str, args), "--cluster", cluster.address]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def kill_node(cluster, node):
    """All processes of a node at once, as when its machine loses power."""
    cluster.remove_node(node, allow_graceful=False)


def kill_worker(cluster, *, at_most_s=120.0):
    """Kill one process of this cluster that scans a batch, as soon as one does."""
    until = time.monotonic() + at_most_s
    while not _kill_if_any(cluster):
        assert time.monotonic() < until, f"no worker has scanned within {at_most_s:g} s"
        time.sleep(0.01)


def _kill_if_any(cluster):
    session = cluster.head_node.get_session_dir_path().encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cmdline").read_bytes().startswith(b"ray::ScanActor.scan"):
                parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
                if session in Path(f"/proc/{parent}/cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
                    return True
    return False


def wait_for_parts(results, n, process, *, at_most_s=240.0):
    """Until so many parts are there, of all runs together."""
    until = time.monotonic() + at_most_s
    while time.monotonic() < until:
        if sum(len(results.parts(run)) for run in range(1, 5)) >= n:
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    raise TimeoutError(f"there are no {n} parts after {at_most_s:g} s")
