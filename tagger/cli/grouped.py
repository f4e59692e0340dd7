"""Options in groups: a command takes one object for a panel of its help.

    @grouped
    def scan(files: Files, where: Where) -> None: ...

A group is a dataclass whose fields are options: typer, and who writes the documents, see each
of them; the command gets the group. So a panel is declared once, beside what is made of it.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from inspect import Parameter
from typing import Any, get_type_hints


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the fields of its groups in the place of each group."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    spelled: list[Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name in groups:
            spelled += _options(groups[name])
        else:
            spelled.append(
                parameter.replace(annotation=hints[name], kind=Parameter.KEYWORD_ONLY)
            )

    @functools.wraps(command)
    def called(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{field.name: given.pop(field.name) for field in fields(kind)})
        command(**given)

    # typer reads the signature; whoever calls it by name still gets the groups.
    called.__signature__ = inspect.Signature(spelled)  # type: ignore[attr-defined]
    called.__annotations__ = {option.name: option.annotation for option in spelled}
    return called


def _options(group: Any) -> Iterator[Parameter]:
    types = get_type_hints(group, include_extras=True)
    for field in fields(group):
        yield Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=types[field.name],
        )
