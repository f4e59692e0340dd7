"""Ray: on this machine or a cluster that is there; one actor a core, wherever nodes are."""

import contextlib
import hashlib
import logging
import os
import platform
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tagger.cluster.actor import ScanActor, Work
from tagger.errors import InputError, MissingExtraError, StartError
from tagger.model.lazy import replaced
from tagger.system.cores import usable_cores
from tagger.system.version import __version__

OBJECT_STORE_LEN = 128 << 20
"""Bytes of shared memory that a Ray of our own takes: batches of names and model files."""


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@contextmanager
def connected(cluster: str) -> Iterator[None]:
    """Ray, started here or found; let go of at the end.

    Args:
        cluster: `local`, `auto` (RAY_ADDRESS, or one that runs here) or an address.

    Raises:
        InputError: there is no such cluster, or it is one of other versions.
    """
    # Asked of Ray's own processes too: none of them reports to anybody.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # As a scan of files: Ray's workers would stand back behind everything else (nice 15).
    os.environ.setdefault("RAY_worker_niceness", "0")
    logging.getLogger("ray").setLevel(logging.ERROR)
    import ray  # noqa: PLC0415 (takes a second)

    if ray.is_initialized():  # by who called us
        yield
        return
    _connect(ray, cluster)
    try:
        yield
    finally:
        ray.shutdown()


def require_ray() -> None:
    """Make sure that Ray is installed, without the second that its import takes.

    Raises:
        MissingExtraError: it is not.
    """
    try:
        is_there = find_spec("ray") is not None
    except ValueError:  # somebody keeps it from being imported
        is_there = False
    if not is_there:
        raise MissingExtraError(
            "a scan of objects needs more packages (ray is missing): pip install"
            " 'tagger-music[cluster]' brings them."
        )


def _connect(ray: Any, cluster: str) -> None:
    given: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if cluster == "local":
        given |= {
            "address": "local",
            "num_cpus": usable_cores(),
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_LEN,
        }
    else:
        given |= {"address": cluster}
    try:
        ray.init(**given)
    except (ConnectionError, TimeoutError, ValueError) as error:
        raise InputError(
            f"--cluster {cluster}: no Ray answers there ({_line(error)}). Start one (ray start"
            " --head), check the address and its token, or use --cluster local."
        ) from error
    except RuntimeError as error:  # Ray compares its own version and that of Python
        raise InputError(f"--cluster {cluster}: {_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(_COLOURS.sub("", str(error)).split())[:400]


def check_nodes(cluster: str) -> list[str]:
    """The nodes that live, by Ray's names, once for each of their cores.

    Raises:
        InputError: on one of them Python or tagger are of other versions, or there is none.
    """
    import ray  # noqa: PLC0415

    every: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    nodes = [node for node in every if node["Alive"] and node["Resources"].get("CPU")]
    if not nodes:
        raise InputError(f"--cluster {cluster}: none of its nodes has a CPU to work with.")
    probe = ray.remote(num_cpus=0, max_retries=1)(_probe())
    asked = [probe.options(scheduling_strategy=_on(node["NodeID"])).remote() for node in nodes]
    own = (platform.python_version(), __version__)
    for node, versions in zip(nodes, ray.get(asked, timeout=300), strict=True):
        check_versions(own, versions, node=node["NodeManagerHostname"])
    # In turns, so that few actors are on many nodes.
    cores = [(core, node["NodeID"]) for node in nodes for core in range(_n_cores(node))]
    return [name for _, name in sorted(cores, key=lambda pair: pair[0])]


def _n_cores(node: dict[str, Any]) -> int:
    return max(1, int(node["Resources"]["CPU"]))


def check_versions(own: tuple[str, str], other: tuple[str, str], *, node: str) -> None:
    """Compare Python (major and minor) and tagger here and on a node.

    Raises:
        InputError: they differ.
    """
    remedy = "Install the same on all machines."
    if own[0].split(".")[:2] != other[0].split(".")[:2]:
        raise InputError(f"{node} runs Python {other[0]}, this machine {own[0]}. {remedy}")
    if own[1] != other[1]:
        there = f"has tagger {other[1]}" if other[1] else "has no tagger"
        raise InputError(f"{node} {there}, this machine {own[1]}. {remedy}")


def _probe() -> Any:
    """A function that travels as a whole: a node without tagger could not import it."""

    def versions() -> tuple[str, str]:
        import platform  # noqa: PLC0415

        try:
            from tagger.system.version import __version__  # noqa: PLC0415
        except ImportError:
            return platform.python_version(), ""
        return platform.python_version(), __version__

    return versions


def _on(node: str, *, soft: bool = False) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

    return NodeAffinitySchedulingStrategy(node, soft=soft)


def spread(nodes: Sequence[str], n_actors: int | None) -> list[str]:
    """A node for each actor: one a core, or as many as are asked for, in turns."""
    n = n_actors or len(nodes)
    return [nodes[i % len(nodes)] for i in range(n)]


def model_bytes(path: Path, sha: str) -> bytes:
    """What the actors are sent of the model file: just what the rows will say that it was.

    Args:
        path: the file.
        sha: its sha256, as the run has it.

    Raises:
        ModelError: it is another file by now, or gone.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise replaced(path) from error
    if hashlib.sha256(data).hexdigest() != sha:
        raise replaced(path)
    return data


def hold(data: bytes) -> Any:
    """Put data where all actors find it, as long as what is returned is kept."""
    import ray  # noqa: PLC0415

    return ray.put(data)


def start_actors(work: Work, model: Any, nodes: list[str]) -> list[Any]:
    """One actor for each name of a node; where it dies, Ray starts it again on any node.

    They ask for no CPU: after a node is lost, its actors find a place on those that are left,
    and a batch never waits for a machine that does not come back.

    Args:
        work: what every actor is told.
        model: the model file, as `hold` gives it; an actor that starts again asks for it again.
        nodes: one for each actor.

    Raises:
        StartError: an actor cannot be started.
    """
    import ray  # noqa: PLC0415
    from ray.exceptions import RayError  # noqa: PLC0415

    kind: Any = ray.remote(ScanActor)
    # Whatever dies is begun again elsewhere; `tagger.cluster.attempts` ends it.
    options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1}
    actors = [
        kind.options(scheduling_strategy=_on(node, soft=True), **options).remote(
            work, model, node
        )
        for node in nodes
    ]
    try:
        ray.get([actor.presence_of.remote() for actor in actors])
    except RayError as error:
        raise StartError(f"an actor cannot be started: {cause_of(error)}") from error
    return actors


def stop_actors(actors: list[Any]) -> None:
    """End them, whatever they are doing."""
    import ray  # noqa: PLC0415

    for actor in actors:
        with contextlib.suppress(Exception):  # it is gone already
            ray.kill(actor)


def cause_of(error: Exception) -> str:
    """What went wrong in another process, in a line."""
    cause = getattr(error, "cause", None) or error
    return _line(cause) if str(cause) else type(cause).__name__
