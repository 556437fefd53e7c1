"""The JSON Schemas: current, valid, and true of real documents."""

import json
import sys
from pathlib import Path

import msgspec
import pytest
import runs
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from strategies import json_values

from envcheck import checks, profiles, schemas
from envcheck.evaluate import evaluate
from envcheck.model.condition import CONDITIONS
from envcheck.model.facts import FactSheet
from envcheck.model.profile import KINDS
from envcheck.report import json as json_report
from envcheck.report import matrix_json
from envcheck.report.base import Options
from envcheck.report.matrix import View
from envcheck.schemas import generate
from envcheck.schemas.conform import conform, mismatch
from envcheck.targets.base import AgentRequest
from envcheck.targets.interpreter import this_interpreter

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture(scope="module")
def sheet():
    return this_interpreter().start(AgentRequest()).finish()


def problems(name, document):
    validator = Draft202012Validator(json.loads(schemas.text(name)))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def test_the_files_are_what_their_generator_makes():
    folder = Path(schemas.__file__).parent
    for name, content in generate.documents().items():
        current = (folder / name).read_text(encoding="utf-8")
        assert current == content, f"{name}: run python -m envcheck.schemas.generate"


@pytest.mark.parametrize("name", schemas.NAMES)
def test_they_are_schemas(name):
    Draft202012Validator.check_schema(json.loads(schemas.text(name)))


def test_a_real_sheet_is_valid_and_conforms(sheet):
    assert problems("facts", dict(sheet.document)) == []
    assert conform(dict(sheet.document)) == sheet.document


def test_a_sheet_of_the_wrong_type_is_not_valid(sheet):
    document = json.loads(json.dumps(sheet.document))
    document["facts"]["host.os"] = {"status": "known", "value": 3}
    document["facts"]["host.arch"] = {"status": "known"}
    document["facts"]["host.kernel"] = {"status": "absent", "value": "x"}
    document["facts"]["host.new"] = {"status": "maybe"}
    assert len(problems("facts", document)) == 4


def test_a_real_report_is_valid(sheet):
    profile = profiles.loads(
        '[[waiver]]\ncode = "PKG"\nreason = "r"\n[[memory]]\nminimum_gib = 9e6\n'
    )
    report = evaluate(sheet, checks.load(), profile=profile)
    for verbose in (0, 2):
        document = json.loads(json_report.render(report, Options(verbose=verbose)))
        assert problems("report", document) == []
    del document["findings"][0]["code"]
    assert len(problems("report", document)) == 1


def test_the_report_s_schema_knows_every_key_of_a_report(sheet):
    document = json_report.document(evaluate(sheet, checks.load()), facts=True)
    schema = json.loads(schemas.text("report"))
    assert document.keys() == schema["properties"].keys()
    finding = schema["properties"]["findings"]["items"]["properties"]
    assert document["findings"][0].keys() == finding.keys()


@pytest.mark.parametrize("name", profiles.names())
def test_shipped_profiles_are_valid_for_editors_too(name):
    with open(f"{profiles.FOLDER}/{name}.toml", "rb") as file:
        assert problems("profile", tomllib.load(file)) == []


def test_editors_are_told_about_unknown_keys_and_conditions():
    assert problems("profile", {"naem": "x"})
    assert problems("profile", {"memory": [{"minimum_gib": 1, "anchor": {}}]})
    assert problems("profile", {"memory": [{"minimum_gib": 1, "when": ["cudaa"]}]})
    assert not problems("profile", {"memory": [{"minimum_gib": 1, "when": list(CONDITIONS)}]})


def test_every_kind_and_key_of_a_profile_has_a_description():
    schema = json.loads(schemas.text("profile"))
    tables = [schema, *(schema["$defs"][struct.__name__] for struct in KINDS.values())]
    for table in tables:
        for key, part in table["properties"].items():
            assert part.get("description"), key
    assert "anchor" not in schemas.text("profile")
    assert "null" not in schemas.text("profile")


def test_every_fact_is_described_and_named_once():
    declared = [
        field["key"] for probe in generate.declared() for field in probe["fields"] if field["doc"]
    ]
    assert len(declared) == len(set(declared)) == len(schemas.fields())


@pytest.mark.parametrize(
    ("value", "declared", "wrong"),
    [
        ("x", "string", ""),
        (3, "string", "an integer, not a string"),
        (True, "integer", "a boolean, not an integer"),
        (3, "number", ""),
        (3.5, "integer", "a number, not an integer"),
        (float("nan"), "number", "an infinite number, not a number"),
        (["a", 1], "strings", "item 2 of 2: an integer, not a string"),
        ("ab", "strings", "a string, not a list"),
        ({}, "map", ""),
        ([{"name": "x", "more": 1}], [{"name": "string"}], ""),
        ([{"name": None}], [{"name": "string"}], ""),
        ([{"name": 1}], [{"name": "string"}], "item 1 of 1: its name is an integer, not a string"),
        ([3], [{"name": "string"}], "item 1 of 1: an integer, not a record"),
        (
            [{"inner": [{"file": 1}]}],
            [{"inner": [{"file": "string"}]}],
            "item 1 of 1: its inner is item 1 of 1: its file is an integer, not a string",
        ),
    ],
)
def test_types_are_told_apart(value, declared, wrong):
    assert mismatch(value, declared) == wrong


def test_what_is_of_the_wrong_type_becomes_unknown_and_says_what_was_there():
    facts = {
        "host.os": {"status": "known", "value": 3, "source": "somebody"},
        "host.arch": {"status": "known", "value": "x86_64"},
        "future.fact": {"status": "known", "value": 3},
        "host.kernel": "nonsense",
        "interpreter.version": {"status": "absent"},
    }
    document = {"schema": "envcheck.facts/1", "facts": facts}
    held = FactSheet(conform(document))
    assert held.fact("host.os").reason.endswith("an integer, not a string")
    assert held.fact("host.os").source == "somebody"
    assert held["host.arch"] == "x86_64"
    assert held["future.fact"] == 3
    assert facts["host.os"]["status"] == "known", "the original is not changed"


JSON = json_values(depth=2)


@given(
    st.dictionaries(
        st.sampled_from(sorted(schemas.fields())),
        JSON | st.fixed_dictionaries({"status": st.just("known"), "value": JSON}),
    )
)
@settings(deadline=None)
def test_what_conforms_is_valid(facts):
    document = {"schema": "envcheck.facts/1", "agent": {"status": "ok"}, "probes": {}}
    held = conform({**document, "facts": facts})["facts"]
    known = {k: e for k, e in held.items() if isinstance(e, dict) and e.get("status") == "known"}
    assert problems("facts", {**document, "facts": known}) == []


def test_a_document_without_facts_is_left_alone():
    assert conform({"facts": 3}) == {"facts": 3}


@pytest.mark.parametrize("name", runs.cases())
def test_runs_of_matrices_and_their_cells_are_valid(name):
    run = runs.cases()[name]
    document = json.loads(matrix_json.render(run, View()))
    assert problems("run", document) == []
    for result in document["results"]:
        assert problems("cell", result) == []


def test_what_is_no_cell_is_not_valid():
    document = msgspec.to_builtins(runs.passed())
    assert problems("cell", document) == []
    wrong = {"status": "good", "cause": "bad-luck", "seconds": "1", "schema": "envcheck.cell/2"}
    assert len(problems("cell", {**document, **wrong})) == len(wrong)
    del document["backend"]
    assert len(problems("cell", document)) == 1
