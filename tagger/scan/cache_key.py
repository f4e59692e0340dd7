"""The conditions of a scan as texts: what was found out under others does not count.

A text holds all that the finding depends on and nothing else: thresholds, policies and names of
genres are no part of what was scored, so changing them costs no listening.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tagger.model.spec import ModelSpec
from tagger.scan.options import ResolvedOptions
from tagger.scan.records import ListenOptions
from tagger.state.records import CacheKey

LISTENING = 4
"""Another number wherever the same file, model and options get other scores than before."""

READING = 3
"""Another number wherever the same tags and options are told in other words than before."""

DECIDING = 4
"""Another number wherever the same scores and options lead to other genres than before."""


def cache_key_of(options: ResolvedOptions, spec: ModelSpec, *, model: str) -> CacheKey:
    """The conditions of one scan.

    Args:
        options: of the scan.
        spec: of the model, with the owner's thresholds.
        model: sha256 of the model file, in hexadecimal.
    """
    listening = f"listening {LISTENING}, model {model}, {windowing(options.listen)}"
    reading = f"reading {READING}, {canonical([options.writing.style, options.targets.names])}"
    # Whether it is written, and on which day, decides nothing; how it is decoded stands above.
    # How a library spells a genre changes with it, and is no reason to look at files again.
    deciding = dataclasses.replace(
        options,
        write=False,
        listen=ListenOptions(),
        spelling=None,
        targets=dataclasses.replace(options.targets, provenance=None),
    )
    decision = canonical(
        [DECIDING, listening, reading, deciding, spec.thresholds, spec.parents]
    )
    digest = hashlib.sha256(decision.encode()).hexdigest()
    embedding = embedding_source(spec, model, options.listen)
    return CacheKey(listening, reading, f"decision {digest}", embedding, _decoders)


def _decoders() -> str:
    """Names and versions of the decoders; asked for where a file cannot be read."""
    from tagger.audio.decoder_versions import decoder_versions  # noqa: PLC0415 (loads both decoders)

    return decoder_versions()


def embedding_source(
    spec: ModelSpec, model: str, options: ListenOptions = ListenOptions()
) -> str:
    """Which network and which windows an embedding is of.

    Args:
        spec: of the model.
        model: sha256 of the model file, in hexadecimal.
        options: which parts of a track are scored.
    """
    network = embedding_network(spec, model)
    return f"embedding {LISTENING}, model {network}, {windowing(options)}"


def embedding_network(spec: ModelSpec, model: str) -> str:
    """The digest of the model whose embedding it is: a learned one gives that of its base.

    Args:
        spec: of the model.
        model: sha256 of the model file, in hexadecimal.
    """
    return str(spec.training.get("embedding_of", model))


def windowing(options: ListenOptions) -> str:
    """Which parts of a track are listened to."""
    if options.full or options.keep_windows:
        return "all windows"
    return f"{options.n_windows} windows"


def canonical(value: Any) -> str:
    """The same text for equal values, in every process; sets have no order of their own."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=True)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        values = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _plain(values)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(item) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"no text for {type(value).__name__}")
