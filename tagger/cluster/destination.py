"""`--results` -> a place of rows."""

from tagger.cluster.results import Results
from tagger.errors import MissingExtraError


def open_results(url: str, *, make: bool = True) -> Results:
    """The results that `--results` names: a folder, a bucket or PostgreSQL.

    Raises:
        InputError: it is none of them.
        MissingExtraError: what it needs is not installed.
    """
    try:
        if url.startswith(("postgresql://", "postgres://")):
            from tagger.cluster.postgres import PostgresResults  # noqa: PLC0415 (its driver)

            return PostgresResults(url)
        from tagger.cluster.parquet import ParquetResults  # noqa: PLC0415 (pyarrow)

        return ParquetResults(url, make=make)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"--results {url.partition('://')[0]} needs more packages ({error.name} is"
            " missing): pip install 'tagger-music[cluster]' brings them."
        ) from error
