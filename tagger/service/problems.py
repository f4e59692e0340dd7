"""What goes wrong, each with a remedy; `http_problems` makes HTTP of them."""

from collections.abc import Mapping


class ProblemError(Exception):
    """An answer that is a problem.

    Attributes:
        status: HTTP's number.
        kind: a short name, the last part of the problem's `type`.
        title: what sort of problem it is.
        detail: what happened here.
        remedy: what to do about it.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        *,
        detail: str,
        remedy: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.title = status, kind, title
        self.detail, self.remedy = detail, remedy
        self.headers = dict(headers or {})


def not_there(what: str) -> ProblemError:
    """The answer to a name that leads nowhere."""
    return ProblemError(
        404,
        "not-found",
        "There is no such thing",
        detail=f"There is no {what}.",
        remedy="List what there is, and ask for one of these.",
    )


def conflict(detail: str, *, remedy: str) -> ProblemError:
    """The answer to what cannot be done to a thing in its state."""
    return ProblemError(
        409, "conflict", "That cannot be done now", detail=detail, remedy=remedy
    )


def wrong(detail: str, *, remedy: str) -> ProblemError:
    """The answer to a request whose values make no sense together."""
    return ProblemError(
        422, "invalid", "The request cannot be followed", detail=detail, remedy=remedy
    )
