"""The stand-ins for ``typing`` and ``json`` do what these do."""

import json
from typing import NamedTuple as Theirs

import pytest
from hypothesis import given
from strategies import json_values

from envcheck.jsontext import value_at
from envcheck.typed import NamedTuple


class Ours(NamedTuple):
    """A point."""

    x: int
    y: int = 2

    @property
    def sum(self) -> int:
        return self.x + self.y

    def moved(self, by: int = 1):
        return self._replace(x=self.x + by)


class Reference(Theirs):
    """A point."""

    x: int
    y: int = 2


def test_named_tuples():
    assert Ours(1) == (1, 2) == Reference(1)
    assert Ours._fields == Reference._fields
    assert Ours._field_defaults == Reference._field_defaults
    assert (Ours.__name__, Ours.__module__, Ours.__doc__) == ("Ours", __name__, "A point.")
    assert Ours(1).sum == 3
    assert Ours(1).moved() == Ours(2)
    assert repr(Ours(1)) == "Ours(x=1, y=2)"
    with pytest.raises(TypeError):
        Ours()
    with pytest.raises(AttributeError):
        Ours(1).x = 5


@given(json_values())
def test_value_at_is_raw_decode(value):
    text = json.dumps(value)
    expected, end = json.JSONDecoder().raw_decode(text + " and more")
    found = value_at(text + " and more")
    assert found[1] == end
    assert json.dumps(found[0]) == json.dumps(expected)


@pytest.mark.parametrize(
    "text", ["", " ", "nul", '{"a": }', '{"a": 1', '["\\x"]', "[1,", '{"a" 1}']
)
def test_value_at_refuses_what_is_no_json(text):
    with pytest.raises(ValueError):
        json.JSONDecoder().raw_decode(text)
    with pytest.raises(ValueError):
        value_at(text)
