"""What `tagger bench` prints of one model on one device."""

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tagger.diagnostics.bench import DeviceBench
from tagger.diagnostics.profile import sentence
from tagger.text import sanitise


def bench_table(bench: DeviceBench) -> RenderableType:
    """A title, who did the work, and one row a batch size; or why there is none."""
    name = f"[bold]{bench.device} {bench.precision}[/]"
    if bench.problem is not None:
        return Text.from_markup(f"{name}: {escape(sanitise(bench.problem))}", emoji=False)
    table = Table(box=None, pad_edge=False)
    for column in ("batch", "windows/s", "x real time", "ms a batch"):
        table.add_column(column, justify="right")
    for speed in bench.speeds:
        table.add_row(
            str(speed.batch),
            f"{speed.windows_per_s:.0f}",
            f"{speed.audio_s_per_s:.0f}",
            f"{speed.batch_ms:.2f}",
            style="bold" if speed == bench.best else "",
        )
    built = f", its engine built in {bench.build_s} s" if bench.build_s is not None else ""
    latency = f"one window takes {bench.latency_ms} ms (95 % under {bench.latency_p95_ms} ms)"
    title = f"{name}: loaded in {bench.load_s} s{built}; {latency}"
    rest = [Text(sentence(bench.shares)), *(Text(f"Note: {note}.") for note in bench.notes)]
    return Group(Text.from_markup(title), *rest, table, "")
