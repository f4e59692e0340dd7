"""OpenAPI of the service: what FastAPI says of its routes, and problems that each may answer.

They are put in when the document is asked for. As `responses` of the router FastAPI would build
a dozen models for each route, before the first page is answered.
"""

from typing import Any

from fastapi import FastAPI

from tagger.service.http_problems import MEDIA_TYPE
from tagger.service.schemas.common import Problem

_STATUSES = (400, 401, 403, 404, 409, 412, 413, 415, 416, 422, 429, 503, 507)
_REF = "#/components/schemas/Problem"
_PROBLEM = {
    "description": "A problem.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": _REF}}},
}
_FASTAPI_S_OWN = ("HTTPValidationError", "ValidationError")
"""What FastAPI would answer; problems take its place."""


def document_problems(app: FastAPI, prefix: str) -> None:
    """Let an app's OpenAPI tell of the problems of addresses that begin with a prefix."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_problems(plain(), prefix)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents it


def _with_problems(document: dict[str, Any], prefix: str) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    for name in _FASTAPI_S_OWN:
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema()
    paths = document["paths"]
    for operations in (paths[path] for path in paths if path.startswith(prefix)):
        for operation in operations.values():
            operation["responses"] |= {str(status): _PROBLEM for status in _STATUSES}
    return document
