"""What most scans on a cluster are tried with."""

import pytest


@pytest.fixture
def model(tmp_path):
    """A small model file."""
    from tests.cluster.scans import tone_model  # noqa: PLC0415 (needs the extra)

    return tone_model(tmp_path)


@pytest.fixture
def music(tmp_path):
    """A folder of tones."""
    from tests.cluster.scans import tones  # noqa: PLC0415 (likewise)

    return tones(tmp_path / "music")
