"""The documents are valid against the public schemas of their formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from lxml import etree

from envcheck import schemas
from envcheck.report import json as json_report
from envcheck.report import junit, sarif
from envcheck.report.base import Options

if TYPE_CHECKING:
    from envcheck.model.finding import Report

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module")
def sarif_schema() -> jsonschema.Draft4Validator:
    schema = json.loads((DATA / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())


@pytest.fixture(scope="module")
def junit_schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(DATA / "junit-10.xsd")))


def test_sarif(report_case: Report, sarif_schema: jsonschema.Draft4Validator) -> None:
    document = json.loads(sarif.render(report_case, Options(root="/home/ann/proj")))
    sarif_schema.validate(document)
    (run,) = document["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        for location in result["locations"]:
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert not uri.startswith(("/", "file:", ".."))
            assert location["physicalLocation"]["region"]["startLine"] >= 1
    failing = [f for f in report_case.findings if f.status == "fail"]
    assert len(run["results"]) == len(failing)
    suppressed = [result for result in run["results"] if result.get("suppressions")]
    assert len(suppressed) == report_case.counts.waived


def test_the_sarif_schema_can_say_no(sarif_schema: jsonschema.Draft4Validator) -> None:
    with pytest.raises(jsonschema.ValidationError):
        sarif_schema.validate({"version": "2.1.0", "runs": [{"results": []}]})


def test_junit(report_case: Report, junit_schema: etree.XMLSchema) -> None:
    written = junit.render(report_case, Options())
    junit_schema.assertValid(etree.fromstring(written.encode()))
    suites = JUnitXml.fromstring(written.encode())
    cases = [case for suite in suites for case in suite]
    assert len(cases) == len(report_case.findings)
    assert suites.tests == len(cases)
    kinds = [type(outcome) for case in cases for outcome in case.result]
    assert suites.failures == kinds.count(Failure) == report_case.counts.error
    assert suites.errors == kinds.count(Error)
    assert sum(suite.skipped for suite in suites) == kinds.count(Skipped)
    names = [(case.classname, case.name) for case in cases]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("fail_on", "failures"), [("error", 3), ("warning", 4), ("never", 0)])
def test_junit_fails_where_the_exit_status_does(reports, fail_on: str, failures: int) -> None:
    written = junit.render(reports.cases()["broken"], Options(fail_on=fail_on))
    assert JUnitXml.fromstring(written.encode()).failures == failures


def test_json(report_case: Report) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schemas.text("report")))
    for verbose in (0, 2):
        document = json.loads(json_report.render(report_case, Options(verbose=verbose)))
        validator.validate(document)
        assert ("facts" in document) == (verbose == 2)
        assert len(document["findings"]) == len(report_case.findings)
