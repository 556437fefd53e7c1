"""A command without words after it: all arguments are defaults, argparse (3 ms) is not needed."""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` costs a tenth of a start of Python
if TYPE_CHECKING:
    from typing import Any


def without_words(command: Any) -> Any:
    """What the command's parser makes of no words; None if it needs some, which argparse says."""
    defaults = Defaults()
    command.add_arguments(defaults)
    return None if defaults.needs_words else defaults


class Defaults:
    """Takes arguments as an argparse parser or group does, and is the namespace without words."""

    def __init__(self) -> None:
        self.needs_words = False

    def add_argument(self, *names: str, **options: Any) -> None:
        """Set the attribute that the argument has when it is not given."""
        if options.get("required") or not names[0].startswith("-"):
            self.needs_words = True
        name = options.get("dest") or next((n for n in names if n.startswith("--")), names[0])
        absent = {"store_true": False, "store_false": True}.get(options.get("action", ""))
        setattr(self, name.lstrip("-").replace("-", "_"), options.get("default", absent))

    def add_argument_group(self, *_: object, **__: object) -> Defaults:
        """Groups are for the help."""
        return self

    def add_mutually_exclusive_group(self, *, required: bool = False) -> Defaults:
        """Without words nothing excludes anything."""
        self.needs_words = self.needs_words or required
        return self

    def add_subparsers(self, **_: object) -> Defaults:
        """Which one is a word."""
        self.needs_words = True
        return self

    def add_parser(self, *_: object, **__: object) -> Defaults:
        """Of ``add_subparsers``."""
        return self
