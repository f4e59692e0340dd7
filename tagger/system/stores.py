"""URLs -> stores of objects: S3 and what speaks like it, Google's, Azure's.

Credentials come from the usual variables (`AWS_ACCESS_KEY_ID`, ...) or from the machine itself,
never from a URL.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from obstore.store import from_url

if TYPE_CHECKING:
    from obstore.store import ObjectStore

RETRY: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=15)}
"""What somebody who waits for an answer puts up with."""

_SCHEMES = frozenset({"s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss"})

CLIENT: Any = {"timeout": "60s", "connect_timeout": "5s"}


def folder_of(place: str) -> Path | None:
    """The folder that a place names; None for what is on the network."""
    parts = urlsplit(place)
    if parts.scheme in {"", "file"} or len(parts.scheme) == 1:  # a drive's letter
        return Path(parts.path if parts.scheme == "file" else place).absolute()
    return None


def remote_store(place: str, *, retry: Any = RETRY, client: Any = CLIENT) -> "ObjectStore":
    """The store of a URL: `s3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=us-east-1`.

    Args:
        place: the URL; `gs://` and `az://` are likewise, without a query.
        retry: of obstore: how often and how long a request is repeated.
        client: of obstore: time limits.

    Raises:
        BaseError, ValueError, TypeError: it is none that can be opened.
    """
    parts = urlsplit(place)
    url = place.partition("?")[0]
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"{parts.scheme}:// is no store of objects")
    if parts.scheme not in {"s3", "s3a"}:
        if parts.query:
            raise ValueError(f"{parts.scheme}:// takes nothing behind a question mark")
        return from_url(url, client_options=client, retry_config=retry)
    asked = _asked(parts)
    endpoint = asked.get("endpoint")
    client = {**client, "allow_http": bool(endpoint and endpoint.startswith("http://"))}
    config: Any = {"region": asked.get("region", os.environ.get("AWS_REGION", "us-east-1"))}
    if endpoint:
        config["endpoint"] = endpoint
    given = {"config": config, "client_options": client, "retry_config": retry}
    if (provider := _profile()) is not None:
        given["credential_provider"] = provider
    return from_url(url, **given)


def _profile() -> Any:
    """What gives the credentials of a profile, which boto3 reads and obstore does not.

    Keys in the environment come first, as everywhere; None leaves all to obstore, which asks
    the environment and the machine's own role.

    Raises:
        ValueError: the profile that AWS_PROFILE names is not there.
    """
    asked = os.environ.get("AWS_PROFILE")
    named = {"AWS_SHARED_CREDENTIALS_FILE": "credentials", "AWS_CONFIG_FILE": "config"}
    files = [os.environ.get(key) or f"~/.aws/{name}" for key, name in named.items()]
    if os.environ.get("AWS_ACCESS_KEY_ID") or not (
        asked or any(Path(file).expanduser().is_file() for file in files)
    ):
        return None
    try:
        from botocore.exceptions import ProfileNotFound  # noqa: PLC0415 (an extra)
        from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415
    except ImportError as error:
        if asked:
            raise ValueError("a profile needs boto3: pip install boto3") from error
        return None
    try:
        return Boto3CredentialProvider()
    except ProfileNotFound as error:
        raise ValueError(f"AWS_PROFILE: {error}") from error
    except ValueError:  # the files hold settings and no credentials
        return None


def _asked(parts: SplitResult) -> dict[str, str]:
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := set(asked) - {"endpoint", "region"}:
        raise ValueError(f"{', '.join(sorted(unknown))} is neither endpoint nor region")
    return asked
