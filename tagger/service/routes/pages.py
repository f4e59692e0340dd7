"""The page, Swagger UI and ReDoc: all from files beside this package, none from elsewhere."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

WEB = Path(__file__).parents[1] / "web"

router = APIRouter(include_in_schema=False)

_DOCS = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
{style}</head><body><div id="{id}"></div>
<script src="/assets/vendor/{script}"></script><script src="/assets/vendor/{start}"></script>
</body></html>"""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " media-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src blob:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI and ReDoc set styles as they run; they may run no script but their own."""


@router.get("/")
def get_page() -> Response:
    """The page; the documents where there is none."""
    page = WEB / "index.html"
    return FileResponse(page) if page.is_file() else RedirectResponse("/docs")


@router.get("/docs")
def get_docs() -> HTMLResponse:
    """Swagger UI."""
    style = '<link rel="stylesheet" href="/assets/vendor/swagger-ui.css">'
    return HTMLResponse(
        _DOCS.format(
            title="tagger: the API, to try",
            style=style,
            id="swagger-ui",
            script="swagger-ui-bundle.js",
            start="swagger-start.js",
        )
    )


@router.get("/redoc")
def get_redoc() -> HTMLResponse:
    """ReDoc."""
    return HTMLResponse(
        _DOCS.format(
            title="tagger: the API, to read",
            style="",
            id="redoc",
            script="redoc.standalone.js",
            start="redoc-start.js",
        )
    )


def add_pages(app: FastAPI) -> None:
    """Let an app serve the page, the documents and their files."""
    app.include_router(router)
    app.mount("/assets", StaticFiles(directory=WEB), name="assets")


def policy_of(path: str) -> str:
    """The Content-Security-Policy of an answer."""
    return DOCS_POLICY if path in {"/docs", "/redoc"} else PAGE_POLICY
