"""What every stage of a scan needs: the model, what is asked for, and what is stored."""

from dataclasses import dataclass, field

from tagger.model.lazy import Scorer
from tagger.scan.options import RecallOptions, ResolvedOptions
from tagger.state.null_cache import NullCache
from tagger.state.scan_cache import ScanCache

Cache = ScanCache | NullCache


@dataclass(frozen=True, slots=True)
class ScanContext:
    """One scan.

    Attributes:
        engine: the model.
        options: what decides about a file.
        cache: what earlier scans have stored.
        recall: what of it counts.
    """

    engine: Scorer
    options: ResolvedOptions
    cache: Cache = field(default_factory=NullCache)
    recall: RecallOptions = field(default_factory=RecallOptions)
