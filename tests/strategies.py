"""What several property tests draw from: values that JSON can hold, nested a little."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

DEPTH = 3  # of lists and objects in each other

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)


def json_values(
    scalars: st.SearchStrategy[Any] = SCALARS,
    keys: st.SearchStrategy[str] | None = None,
    *,
    size: int = 3,
    depth: int = DEPTH,
) -> st.SearchStrategy[Any]:
    """``scalars``, and lists and objects of them; ``size``: of each at the most.

    Bounded by hand: ``st.recursive`` now and then warns about a function that does not use its
    argument, when it cannot read that function's source.
    """
    keys = st.text(max_size=8) if keys is None else keys
    values = scalars
    for _ in range(depth):
        lists = st.lists(values, max_size=size)
        values = scalars | lists | st.dictionaries(keys, values, max_size=size)
    return values
