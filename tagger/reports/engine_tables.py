"""What people see of TensorRT's engines: that one is being built, and which ones there are."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from rich.console import Console

from tagger.text import sanitise

PLAIN_EVERY_S = 15.0


def building_shown(console: Console) -> Callable[[Path], AbstractContextManager[None]]:
    """What `load_engine` enters while an engine is built: says so, and for how long already.

    It is shown even to who wants quiet: minutes without a word look like a hang.
    """

    @contextmanager
    def shown(folder: Path) -> Iterator[None]:
        # Every scan asks for this function; only one that builds may load ONNX Runtime for it.
        from tagger.model.tensorrt_cache import build_seconds, list_engines  # noqa: PLC0415

        others = [build_seconds(engine) for engine, _ in list_engines() if engine != folder]
        durations = [other for other in others if other is not None]
        expected = (
            f", about {_clock(max(durations))} judging by earlier builds" if durations else ""
        )
        text = f"Building TensorRT's engine, once for this model and GPU{expected}"
        with _ticking(console, text):
            yield

    return shown


@contextmanager
def _ticking(console: Console, text: str) -> Iterator[None]:
    """Show a text and the time since; the work goes on in the caller's thread."""
    done, started = threading.Event(), time.monotonic()
    console.print(sanitise(f"{text} ..."), markup=False, highlight=False)
    every = 1.0 if console.is_terminal else PLAIN_EVERY_S

    def tick() -> None:
        with console.status("") as status:  # on a terminal; elsewhere it shows nothing
            while not done.wait(every):
                elapsed = _clock(time.monotonic() - started)
                if console.is_terminal:
                    status.update(f"building for {elapsed}")
                else:
                    console.print(f"still building, for {elapsed}", highlight=False)

    # TensorRT builds in this thread without giving it back for minutes.
    ticker = threading.Thread(target=tick, name="building", daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()
    elapsed = _clock(time.monotonic() - started)
    console.print(f"The engine was built in {elapsed}.", highlight=False)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def show_engines(console: Console) -> None:
    """One line an engine: size, how long it took, what it was built for."""
    from tagger.model.tensorrt_cache import build_seconds, list_engines  # noqa: PLC0415

    engines = list(list_engines())
    for folder, size in engines:
        built = build_seconds(folder)
        note = f"built in {_clock(built)}" if built is not None else "not whole"
        console.print(
            f"{size / 1e6:8.1f} MB  {note:<16}  {sanitise(folder.name)}",
            markup=False,
            soft_wrap=True,
            highlight=False,
        )
    if not engines:
        console.print("no engines yet", highlight=False)
