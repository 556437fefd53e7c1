"""A TOML table as a msgspec struct: everything that is wrong in it at once, each with its place.

msgspec stops at the first thing that is wrong, so it is asked about one value at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple, NoReturn, TypeVar, get_args, get_origin

import msgspec

from envcheck.errors import DataError, did_you_mean
from envcheck.tomlfile import printable

S = TypeVar("S", bound=msgspec.Struct)
Locate = Callable[[str], int]  # key of a table -> its line
SHOWN = 50  # problems


class Problem(NamedTuple):
    """Something wrong in a file. ``where`` names table and key."""

    line: int
    where: str
    what: str


class Tables:
    """Reads tables of one file and keeps what is wrong in them.

    ``forms``: key -> what a value is when it does not match the key's pattern.
    """

    def __init__(self, forms: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._forms = forms

    def problem(self, line: int, where: str, what: str) -> None:
        """Something is wrong."""
        self.problems.append(Problem(line, where, what))

    def struct(
        self,
        struct: type[S],
        table: Mapping[str, Any],
        where: str,
        locate: Locate,
        *,
        elsewhere: Collection[str] = (),
        ready: Mapping[str, Any] | None = None,
    ) -> S | None:
        """``table`` as a struct of what is right in it; None if something required is not there.

        ``elsewhere``: fields that are not read here. ``ready``: fields that were read before.
        """
        fields = fields_of(struct)
        own = {name: part for name, part in fields.items() if name not in elsewhere}
        values = {fields[key].name: value for key, value in (ready or {}).items()}
        for key, value in table.items():
            place = place_of(where, printable(key))
            if key not in own:
                self.problem(locate(key), place, f"not known{did_you_mean(key, fields)}")
                continue
            try:
                values[own[key].name] = msgspec.convert(value, own[key].type)
            except (msgspec.ValidationError, ValueError, OverflowError, RecursionError) as error:
                what = _explain(error, value, own[key].type, self._forms.get(key, ""))
                self.problem(locate(key), place, what)
        for name, part in own.items():
            if part.required and name not in table and part.name not in values:
                self.problem(locate(""), where, f"must have the key `{name}`")
        complete = all(part.name in values for part in fields.values() if part.required)
        return struct(**values) if complete else None


@lru_cache(maxsize=64)
def fields_of(struct: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """The fields of a struct by their names in TOML."""
    return {part.encode_name: part for part in msgspec.structs.fields(struct)}


def refuse(path: str, what: str, problems: Sequence[Problem], hint: str) -> NoReturn:
    """Raise DataError: ``path`` is not a valid ``what``."""
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    shown = sorted(set(problems))[:SHOWN]
    context = [f"{path}:{p.line}: {': '.join(filter(None, (p.where, p.what)))}" for p in shown]
    if len(problems) > len(shown):
        context.append(f"… and {len(problems) - len(shown)} more")
    raise DataError(f"{path} is not a valid {what}: {count}", context=tuple(context), hint=hint)


def place_of(where: str, key: str) -> str:
    """How messages call a key of a table."""
    named = f"key `{key}`" if key else ""
    return ", ".join(part for part in (where, named) if part)


_WORDS = {
    "object": "table",
    "array": "list",
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "true or false",
}


def _explain(error: Exception, value: object, type_: object, form: str) -> str:
    """Msgspec's message in TOML's words, with the words that would do."""
    message, _, path = str(error).partition(" - at ")
    if message.startswith("Invalid enum value"):
        choices = [str(choice) for choice in _choices(type_)]
        wrong = message[len("Invalid enum value ") :].strip("'")
        return f"`{printable(wrong)}` is none of {', '.join(choices)}{did_you_mean(wrong, choices)}"
    item = path.strip("`").removeprefix("$").strip("[]")
    number = int(item) + 1 if item.isdigit() else 0
    if "matching regex" in message and form:
        if form.startswith("empty"):
            return form
        wrong_one = value[number - 1] if number and isinstance(value, list) else value
        return f"{_quoted(wrong_one)} is {form}"
    if "RFC3339" in message:
        return f"{_quoted(value)} is no day: write YYYY-MM-DD"
    message = message.replace(" | null`", "`")  # TOML has none
    for word, toml in _WORDS.items():
        message = message.replace(f"`{word}`", toml)
    message = message[:1].lower() + message[1:]
    return f"{message}{f' (item {number})' if number else ''}: {_quoted(value)}"


def _choices(type_: object) -> tuple[Any, ...]:
    """The words of the first Literal in a type."""
    if get_origin(type_) is Literal:
        return get_args(type_)
    for inner in get_args(type_):
        if found := _choices(inner):
            return found
    return ()


def _quoted(value: object) -> str:
    if isinstance(value, (dict, list)):
        return f"a {'table' if isinstance(value, dict) else 'list'} of {len(value)}"
    return f"`{printable(str(value), 60)}`"
