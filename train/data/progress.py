"""How far a long preparation is, in lines for people."""

from collections.abc import Callable

Say = Callable[[str], None]
SAY_EVERY = 0.1


def progress_lines(say: Say, what: str) -> Callable[[int, int], None]:
    """Says every tenth how far it is."""

    def tell(done: int, n: int) -> None:
        step = max(1, int(n * SAY_EVERY))
        if done % step == 0 or done == n:
            say(f"{what}: {done} of {n}")

    return tell
