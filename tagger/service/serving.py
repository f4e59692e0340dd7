"""The service as a process: a port, uvicorn, and an orderly end."""

import gc
import logging
import socket
from collections.abc import Callable

import uvicorn

from tagger.errors import StartError
from tagger.service.app import create_app
from tagger.service.options import ServeOptions
from tagger.system.quiet import silence_native_stderr

_END_S = 5
"""Seconds that requests may take to end when the service does."""


def run_service(options: ServeOptions, *, on_ready: Callable[[str], None]) -> None:
    """Serve until a signal comes.

    Args:
        options: checked ones.
        on_ready: told the address once requests are taken.

    Raises:
        StartError: the port is taken, or something that the service needs cannot be used.
    """
    silence_native_stderr()  # before a handler takes hold of the descriptor
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    for noisy in ("httpx", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with _bound(options) as listening:
        app = create_app(options)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_END_S,
            proxy_headers=False,
            http="h11",  # bounds the head of a request; another parser may be installed
            ws="none",
        )
        server = _Server(config, options, app.state.stopping.set)
        host = f"[{options.host}]" if ":" in options.host else options.host
        server.on_ready = lambda: on_ready(f"http://{host}:{listening.getsockname()[1]}")
        server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Says when it is ready, and ends event streams when it is told to end."""

    def __init__(
        self, config: uvicorn.Config, options: ServeOptions, on_end: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.options, self.on_end = options, on_end
        self.on_ready: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen.

        Raises:
            StartError: another program has begun to listen on the port since it was bound.
        """
        try:
            await super().startup(sockets)
        except OSError as error:
            await self.lifespan.shutdown()  # ends the workers, which would hold the process
            raise _taken(self.options, error) from error
        gc.freeze()  # what is there by now stays: no collection has to look through it
        gc.enable()
        if self.started:
            self.on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End: who listens to events would otherwise be waited for."""
        self.on_end()
        await super().shutdown(sockets)


def _bound(options: ServeOptions) -> socket.socket:
    """The socket of the port, before anything else is begun.

    Raises:
        StartError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # The protocol is named, or asyncio leaves Nagle's algorithm on: 40 ms more for each answer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((options.host, options.port))
    except OSError as error:
        listening.close()
        raise _taken(options, error) from error
    return listening


def _taken(options: ServeOptions, error: OSError) -> StartError:
    return StartError(
        f"--port {options.port} of {options.host} cannot be had ({error.strerror}); give"
        " another --port, or 0 for a free one."
    )
