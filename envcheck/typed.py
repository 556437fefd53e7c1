"""What the quick path uses of ``typing``, without importing it.

``typing`` brings ``re``, ``enum`` and ``contextlib`` with it: 7 ms of processor time, nearly as
much as starting Python, a tenth of a whole ``envcheck doctor``. A type checker sees the real names.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, NamedTuple, Protocol
else:
    from collections import namedtuple

    Any = object
    Protocol = object

    class _NamedTupleMeta(type):
        """Makes of a class with annotations what ``typing.NamedTuple`` makes of it."""

        def __new__(cls, name, bases, namespace):
            if not bases:  # NamedTuple itself
                return super().__new__(cls, name, bases, namespace)
            fields = namespace.pop("__annotations__", {})
            defaults = [namespace.pop(field) for field in fields if field in namespace]
            made = namedtuple(name, fields, defaults=defaults, module=namespace["__module__"])
            made.__annotations__ = fields
            for key, value in namespace.items():
                if key not in ("__module__", "__qualname__"):
                    setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_NamedTupleMeta):
        """The base of classes whose instances are tuples with named fields."""


__all__ = ["TYPE_CHECKING", "Any", "NamedTuple", "Protocol"]
