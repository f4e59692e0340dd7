"""What a store of objects answers when it does not do what it was asked, in sentences.

The answers of obstore and boto3 are pages of text: with the request, its headers' names and,
of S3, the identifier of the key that was refused. Of all that only the status and the store's
own code for the cause are taken, so that nothing of a credential reaches a log or a result.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tagger.errors import ChangedError, TaggerError, TrackError, WriteError
from tagger.text import sanitise

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>\s*(\w+)\s*</Code>")
_NO_KEYS = ("no credentials", "unable to locate credentials", "instance metadata", "169.254.1")
_ERRNOS = {
    errno.ENOSPC: "room", errno.EDQUOT: "room",
    errno.EACCES: "denied", errno.EPERM: "denied", errno.EROFS: "denied",
    errno.ENOENT: "gone", errno.ENOTDIR: "gone",
    errno.EIO: "disk", errno.ESTALE: "disk", errno.EFBIG: "disk",
}  # fmt: skip

_CODES = {
    "NoSuchBucket": "bucket",
    "NoSuchKey": "gone",
    "NotFound": "gone",
    "PreconditionFailed": "changed",
    "ConditionalRequestConflict": "changed",
    "AccessDenied": "denied",
    "InvalidAccessKeyId": "keys",
    "SignatureDoesNotMatch": "keys",
    "ExpiredToken": "keys",
    "InvalidToken": "keys",
    "RequestTimeTooSkewed": "clock",
    "SlowDown": "busy",
    "ServiceUnavailable": "busy",
    "InternalError": "busy",
    "InvalidObjectState": "archived",
    "EntityTooLarge": "large",
}
_STATUSES = {
    401: "keys", 403: "denied", 404: "gone", 409: "changed", 412: "changed", 413: "large",
    429: "busy", 500: "busy", 502: "busy", 503: "busy", 504: "busy",
}  # fmt: skip
_NAMES = {
    "NoCredentialsError": "none",
    "PartialCredentialsError": "none",
    "ProfileNotFound": "none",
    "CredentialRetrievalError": "keys",
    "UnauthenticatedError": "keys",
    "PermissionDeniedError": "denied",
    "FileNotFoundError": "gone",
    "NotFoundError": "gone",
    "PreconditionError": "changed",
    "AlreadyExistsError": "changed",
    "InvalidPathError": "key",
    "ParamValidationError": "key",
}
_SENTENCES = {
    "bucket": "there is no such bucket. Check its name, its region and the endpoint.",
    "gone": "it is not there any more. Nothing is to be done if it was deleted on purpose.",
    "changed": "it was changed since it was read, and is left as it is. Scan it again.",
    "denied": "the store denied access. Give the credentials the right to list, to read and,"
    " for --write-tags, to write there.",
    "keys": "the store does not accept the credentials. Renew those of the environment, the"
    " profile or the instance.",
    "none": "there are no credentials. Set those of the store in the environment"
    " (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for S3), in a profile or for the instance.",
    "clock": "the clock of this machine differs too much from that of the store. Set it.",
    "busy": "the store was overloaded or out of order, and stayed so when asked again. Try"
    " later with --resume --retry-failed.",
    "large": "the store takes no object of this size in one piece. It is left as it is.",
    "archived": "it lies in an archive class of the store. Restore it there first.",
    "disk": "the disk cannot be read or written. Check it, and the share if it is one.",
    "key": "its key has an empty part, a control character or a dot in place of a name, which"
    " cannot be asked for. Rename the object.",
    "room": "there is no room for it on the disk. Free some; TMPDIR names the folder of"
    " temporary copies.",
    "silent": "the store does not answer. Check the endpoint and the network, then go on with"
    " --resume --retry-failed.",
}


def cause_of(error: BaseException) -> str:
    """One word for what went wrong; 'silent' where the store has not answered at all."""
    name, text = type(error).__name__, str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return _ERRNOS.get(error.errno, "silent")
    code, status = _code_of(error, text), _status_of(error, text)
    if code in _CODES:
        return _CODES[code]
    if any(key in text.lower() for key in _NO_KEYS):
        return "none"
    if name == "ValueError" and "path" in text:
        return "key"
    return _NAMES.get(name) or _STATUSES.get(status, "silent")


def sentence_of(error: BaseException, url: str) -> str:
    """Which object (or bucket), what is wrong, and what to do.

    Args:
        error: of obstore, of boto3 or of the system.
        url: of the object, without credentials.
    """
    text = str(error)
    status, code = _status_of(error, text), _code_of(error, text)
    detail = " ".join([*([str(status)] if status else []), *([code] if code else [])])
    sentence = _SENTENCES[cause_of(error)]
    if detail:
        head, stop, rest = sentence.partition(". ")
        sentence = f"{head.removesuffix('.')} ({detail}){stop or '.'}{rest}"
    return f"{sanitise(url)}: {sentence}"


def problem_of(error: Exception, url: str) -> WriteError:
    """The error of one object that could not be replaced.

    Raises:
        Exception: the same one, if it comes neither from a store nor from the system.
    """
    if not _is_asked(error):
        raise error
    kind = ChangedError if cause_of(error) == "changed" else WriteError
    return kind(sentence_of(error, url))


def room_sentence(url: str, folder: Path, n_bytes: int) -> str:
    """That the temporary copy of an object has no room.

    Args:
        url: of the object.
        folder: where copies lie.
        n_bytes: what it needs.
    """
    return (
        f"{sanitise(url)}: there is no room for its temporary copies in {folder}"
        f" ({n_bytes:,} bytes); it is left as it is. Free some, or let TMPDIR name a larger"
        " folder."
    )


@contextmanager
def objects_asked(url: str, error_type: type[TaggerError] = TrackError) -> Iterator[None]:
    """Turn what a store or the disk raises into one of our errors.

    Args:
        url: of the object, for the message.
        error_type: which of our errors; what was changed meanwhile is a `ChangedError`.

    Raises:
        TaggerError: with `sentence_of` the error. It has no cause: a traceback would show all
            of the store's answer.
    """
    try:
        yield
    except TaggerError:
        raise
    except Exception as error:
        if not _is_asked(error):
            raise
        is_changed = cause_of(error) == "changed" and issubclass(error_type, TrackError)
        kind = ChangedError if is_changed else error_type
        raise kind(sentence_of(error, url)) from None


def _is_asked(error: Exception) -> bool:
    """Whether an error comes from a store's client or from the system, and is none of ours."""
    module = type(error).__module__.partition(".")[0]
    if module in {"obstore", "botocore", "boto3", "urllib3"} or isinstance(error, OSError):
        return True
    return isinstance(error, ValueError) and "path" in str(error)  # obstore, of a key


def _status_of(error: BaseException, text: str) -> int:
    """The HTTP status; 0 where there was none."""
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):
        return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    match = _STATUS.search(text)
    return int(match[1]) if match else 0


def _code_of(error: BaseException, text: str) -> str:
    """The store's own word for the cause, which is no free text; empty where it has none."""
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):
        code = str(answer.get("Error", {}).get("Code", ""))
        return code if code.isalpha() else ""
    match = _CODE.search(text)
    return match[1] if match else ""
