"""JSON without the json module: the same text, the same values, the same refusals."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values

from envcheck.agent import jsontext

VALUES = json_values(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), st.text()
)


@given(value=VALUES)
def test_both_ways_as_json_does(value):
    text = jsontext.dumps(value)
    assert text == json.dumps(value)
    assert jsontext.loads(f" \n{text}\t") == value


@given(text=st.text(alphabet='[]{}",:0123456789.eE+-truefalsn \n\\u\x00', max_size=12))
def test_what_is_no_json_is_refused_alike(text):
    assert outcome(jsontext.loads, text) == outcome(json.loads, text)


@pytest.mark.parametrize("text", ["", "[1,]", "1 2", "[NaN, -Infinity]", '"\ud800"', "[" * 100_000])
def test_edges(text):
    assert outcome(jsontext.loads, text) == outcome(json.loads, text)


@pytest.mark.parametrize("value", [{1, 2}, {"a": object()}, {(1, 2): 3}, float("inf"), (1, {2: 3})])
def test_values_at_the_edge(value):
    assert outcome(jsontext.dumps, value) == outcome(json.dumps, value)


def test_the_json_module_stays_out():
    code = (
        "import sys, runpy\n"
        f"space = runpy.run_path({jsontext.__file__!r})\n"
        "assert space['loads'](space['dumps']({'a': [1]})) == {'a': [1]}\n"
        "print('json' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"


def outcome(function, argument):
    try:
        return repr(function(argument))
    except (ValueError, TypeError, RecursionError) as error:
        return type(error), str(error)
