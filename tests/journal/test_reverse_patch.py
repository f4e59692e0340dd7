"""What the journal keeps of a change is little, and leads back to the byte."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.journal.reverse_patch import pack, unpack
from tagger.tags.base import Patch, open_source
from tagger.tags.patched import patched, reversed_patches


@settings(deadline=None)
@given(st.data())
def test_the_record_leads_back_from_any_change(tmp_path_factory, data):
    """Any patches of any bytes, moved, repeated or replaced."""
    blocks = st.lists(
        st.sampled_from([os.urandom(40), b"a" * 50, b"xyz"] * 2 + [b""]), max_size=8
    )
    old, other = (b"".join(data.draw(blocks)) for _ in range(2))
    path = tmp_path_factory.mktemp("r") / "f"
    path.write_bytes(old)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(old)), min_size=4, max_size=4)))
    patches = [
        Patch(cuts[0], cuts[1] - cuts[0], other),
        Patch(cuts[2], cuts[3] - cuts[2], old[: data.draw(st.integers(0, 200))]),
    ]
    with open_source(path) as source:
        undo = reversed_patches(source, patches)
        view = patched(source, patches)
        new = view.read(0, 1 << 20)
        packed = pack(patches, undo)
        assert unpack(packed, view) == undo
        assert patched(view, undo).read(0, 1 << 20) == old
    assert new == _applied(old, patches)
    with open_source(path) as source, pytest.raises(ValueError, match="record"):
        unpack(packed[:-3], source)


def _applied(data, patches):
    for patch in reversed(patches):
        data = data[: patch.offset] + patch.data + data[patch.offset + patch.length :]
    return data
