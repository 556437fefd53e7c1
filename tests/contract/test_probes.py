"""Every probe: it declares what it reports, and reports what it declared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module

import pytest

from envcheck.agent import protocol
from envcheck.agent.registry import PROBES
from envcheck.targets.base import AgentRequest
from envcheck.targets.interpreter import Interpreter

NAMES = [name for name, _, _ in PROBES]
TYPES = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "strings": list,
    "map": dict,
    "record": dict,
    "records": list,
}


def fields_of(name):
    module = next(module for entry, module, _ in PROBES if entry == name)
    return import_module(f"envcheck.agent.probes.{module}").FIELDS


def fits(value, field):
    """Whether a value is of its field's type; in a record anything may be null."""
    if isinstance(value, bool) and field.type != "boolean":
        return False
    if not isinstance(value, TYPES[field.type]):
        return False
    if field.type == "strings":
        return all(isinstance(item, str) for item in value)
    records = value if field.type == "records" else [value] if field.type == "record" else []
    items = {item.name: item for item in field.item}
    return all(
        key in items and (part is None or fits(part, items[key]))
        for record in records
        for key, part in record.items()
    )


#: An interpreter whose environment has torch; by default the one that runs the tests.
TORCH = os.environ.get("ENVCHECK_TEST_TORCH_PYTHON", sys.executable)


@pytest.fixture(
    scope="module", params=["default", "deep", pytest.param("torch", marks=pytest.mark.torch)]
)
def document(request):
    asked = AgentRequest(
        deep=request.param != "default",
        smoke=request.param != "default",
        parts=("mlp",),
        timeout=120.0,
        modules=("json",),
        variables=("HOME",),
    )
    executable = TORCH if request.param == "torch" else sys.executable
    target = Interpreter(executable, chosen_by="the test")
    return target.start(asked).finish().document


def test_names_and_deadlines():
    assert len(set(NAMES)) == len(NAMES)
    assert all(deadline > 0 for _, _, deadline in PROBES)


@pytest.mark.parametrize("name", NAMES)
def test_declarations(name):
    fields = fields_of(name)
    assert fields
    assert len({field.name for field in fields}) == len(fields)
    for field in fields:
        assert isinstance(field, protocol.Field)
        assert field.type in TYPES, field.name
        assert field.doc, field.name
        assert not field.doc.endswith("."), field.name
        assert bool(field.item) == (field.type in ("record", "records")), field.name


@pytest.mark.parametrize("name", NAMES)
def test_reports_what_it_declared(document, name):
    assert document["probes"][name]["status"] == "ok"
    found = {
        key.partition(".")[2]: entry
        for key, entry in document["facts"].items()
        if key.partition(".")[0] == name
    }
    declared = {field.name: field for field in fields_of(name)}
    assert found.keys() == declared.keys()
    for key, entry in found.items():
        assert entry["status"] in ("known", "absent", "unknown"), key
        if entry["status"] == "known":
            assert fits(entry["value"], declared[key]), (key, entry["value"])
        if entry["status"] == "unknown":
            assert entry["reason"], key
            assert entry["reason"] != "the probe did not report it", key


@pytest.mark.parametrize("name", NAMES)
def test_its_module_is_no_standard_one(name):
    module = next(module for entry, module, _ in PROBES if entry == name)
    assert module not in sys.stdlib_module_names


def test_one_object_with_an_empty_environment(tmp_path):
    """No HOME, no PATH, nothing."""
    from envcheck.targets import bundle

    done = subprocess.run(
        [sys.executable, "-I", "-B", bundle.path(sys.executable)],
        env={},
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    document = json.loads(done.stdout)
    assert {probe["status"] for probe in document["probes"].values()} == {"ok"}
    assert os.listdir(tmp_path) == []
