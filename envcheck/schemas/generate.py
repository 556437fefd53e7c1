"""Writes the files of this package: ``python -m envcheck.schemas.generate``."""

from __future__ import annotations

import json
import os
from typing import Any

import msgspec

from envcheck.model.agreement import SCHEMA as AGREEMENT
from envcheck.model.cell import CAUSES, CellResult, Run
from envcheck.model.cell import SCHEMA as CELL
from envcheck.model.dated import SCHEMA as DATED
from envcheck.model.facts import SCHEMA as FACTS
from envcheck.model.finding import SCHEMA as REPORT
from envcheck.model.finding import SEVERITIES, STATUSES, Counts
from envcheck.model.matrix import SCHEMA as MATRIX
from envcheck.model.matrix import MatrixDocument
from envcheck.model.prediction import CLASSES
from envcheck.model.profile import SCHEMA as PROFILE
from envcheck.model.profile import ProfileDocument
from envcheck.model.smoke import SCHEMA as SMOKE
from envcheck.model.smoke import STATUSES as SMOKE_STATUSES
from envcheck.model.wheels import SCHEMA as WHEELS
from envcheck.model.wheels import WheelsDocument
from envcheck.model.why import SCHEMA as WHY
from envcheck.model.why import Why
from envcheck.targets.fields import declared

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NOTE = "Made by `python -m envcheck.schemas.generate`; not to be edited."

Schema = dict[str, Any]


def documents() -> dict[str, str]:
    """File name -> content."""
    probes = declared()
    return {
        "agreement.schema.json": _text(agreement_schema()),
        "cell.schema.json": _text(cell_schema()),
        "dated.schema.json": _text(dated_schema()),
        "facts.schema.json": _text(facts_schema(probes)),
        "matrix.schema.json": _text(matrix_schema()),
        "profile.schema.json": _text(profile_schema()),
        "report.schema.json": _text(report_schema()),
        "run.schema.json": _text(run_schema()),
        "smoke.schema.json": _text(smoke_schema(probes)),
        "wheels.schema.json": _text(wheels_schema()),
        "why.schema.json": _text(why_schema()),
        "fields.json": _lines(field_types(probes)),
    }


def field_types(probes: list[dict[str, Any]]) -> Schema:
    """What ``schemas.fields`` returns."""
    return {field["key"]: _declared(field) for probe in probes for field in probe["fields"]}


def _declared(field: dict[str, Any]) -> Any:
    if field["type"] not in ("record", "records") or not field.get("item"):
        return {"records": ["map"], "record": "map"}.get(field["type"], field["type"])
    record = {item["key"]: _declared(item) for item in field["item"]}
    return [record] if field["type"] == "records" else record


def facts_schema(probes: list[dict[str, Any]]) -> Schema:
    """Of a fact sheet. Facts and members that are not declared are allowed: newer envchecks add."""
    facts = {
        field["key"]: {
            "description": _description(field),
            "$ref": "#/$defs/fact",
            "properties": {"value": _value(field)},
        }
        for probe in probes
        for field in probe["fields"]
    }
    known = {"properties": {"status": {"const": "known"}}, "required": ["status"]}
    fact = {
        "type": "object",
        "properties": {
            "status": {"enum": ["known", "absent", "unknown"]},
            "value": True,
            "reason": {"type": "string", "description": "Why it is unknown"},
            "source": {"type": "string", "description": "Where it was read"},
        },
        "required": ["status"],
        "if": known,
        "then": {"required": ["value"]},
        "else": {"properties": {"value": False}},
    }
    status = {
        "type": "object",
        "properties": {
            "status": {"type": "string"},
            "reason": {"type": "string"},
            "seconds": {"type": "number"},
        },
        "required": ["status"],
    }
    properties = {
        "schema": {"const": FACTS},
        "agent": {**status, "description": "How the agent fared in the target"},
        "probes": {"type": "object", "additionalProperties": status},
        "target": {"type": "object", "description": "What was examined and how it was chosen"},
        "facts": {
            "type": "object",
            "properties": facts,
            "additionalProperties": {"$ref": "#/$defs/fact"},
        },
    }
    return _document(
        "Fact sheet: all facts of one target at one time",
        {
            "properties": properties,
            "required": ["schema", "agent", "probes", "facts"],
            "$defs": {"fact": fact},
        },
    )


def _description(field: dict[str, Any]) -> str:
    unit = f" [{field['unit']}]" if field.get("unit") else ""
    return f"{field['doc']}{unit}"


def _value(field: dict[str, Any]) -> Schema:
    kind = field["type"]
    if kind == "strings":
        return {"type": "array", "items": {"type": "string"}}
    if kind == "map":
        return {"type": "object"}
    if kind not in ("record", "records"):
        return {"type": kind}
    members = {
        item["key"]: {
            "description": _description(item),
            "anyOf": [_value(item), {"type": "null"}],
        }
        for item in field.get("item", ())
    }
    record: Schema = {"type": "object", "properties": members}
    return record if kind == "record" else {"type": "array", "items": record}


def profile_schema() -> Schema:
    """Of a profile, for editors of TOML."""
    schema = msgspec.json.schema(ProfileDocument)
    definitions = schema["$defs"]
    document = definitions.pop(ProfileDocument.__name__)
    for table in (document, *definitions.values()):
        for key, part in table["properties"].items():
            table["properties"][key] = _without_null(part)
    for kind in document["properties"].values():  # an array says what its tables are
        if reference := kind.get("items", {}).get("$ref"):
            kind["description"] = definitions[reference.rpartition("/")[2]]["description"]
    return _document(
        f"Requirement profile, {PROFILE}",
        {
            "properties": document["properties"],
            "additionalProperties": False,
            "$defs": dict(sorted(definitions.items())),
        },
    )


def matrix_schema() -> Schema:
    """Of a matrix file, for editors of TOML."""
    return _of_struct(f"Compatibility matrix, {MATRIX}", MatrixDocument)


def cell_schema() -> Schema:
    """Of what a cell did."""
    schema = _of_struct(f"A cell of a compatibility matrix, {CELL}", CellResult)
    cause = schema["properties"]["cause"]
    schema["properties"]["cause"] = {**cause, "enum": ["", *CAUSES]}
    return schema


def run_schema() -> Schema:
    """Of a run: header and cells."""
    schema = _of_struct("A run of a compatibility matrix, envcheck.run/1", Run)
    properties = schema["$defs"]["CellResult"]["properties"]
    properties["cause"] = {**properties["cause"], "enum": ["", *CAUSES]}
    return schema


def wheels_schema() -> Schema:
    """Of what releases have for targets."""
    return _of_struct(f"What an index has for targets, {WHEELS}", WheelsDocument)


def why_schema() -> Schema:
    """Of what a requirement does on targets, and why."""
    schema = _of_struct(f"Why a requirement does or does not install, {WHY}", Why)
    properties = schema["$defs"]["Prediction"]["properties"]
    properties["class"] = {**properties["class"], "enum": list(CLASSES)}
    return schema


def agreement_schema() -> Schema:
    """Of predictions beside observations."""
    string, count = {"type": "string"}, {"type": "integer", "minimum": 0}
    size = _or_null(count)
    cell = {
        "cell": {**string, "description": "Its id, as in the run"},
        "predicted": {**string, "description": "Status and cause, as `fail (no-wheel)`"},
        "observed": string,
        "agrees": _or_null({"type": "boolean"}),
        "predicted_disk": size,
        "observed_disk": size,
        "predicted_download": size,
        "observed_download": size,
        "pins": {
            "type": "array",
            "items": string,
            "description": "Versions that are not those that were predicted",
        },
        "why": {**string, "description": "What the run said, where they disagree"},
        "disk_error": {
            **_or_null({"type": "number"}),
            "description": "Predicted less observed, as a part of what was observed",
        },
    }
    properties = {
        "schema": {"const": AGREEMENT},
        "predicted": {**string, "description": "Where the predictions are from"},
        "observed": {**string, "description": "The run"},
        "right": {**count, "description": "Cells that are as predicted"},
        "judged": {**count, "description": "Cells of which that is known"},
        "cells": {"type": "array", "items": _object(cell)},
        "notes": {"type": "array", "items": string},
    }
    return _document(
        "Predictions beside a run", {"properties": properties, "required": list(properties)}
    )


def dated_schema() -> Schema:
    """Of what changed between two days."""
    string, strings = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    more = {**_or_null({"type": "integer"}), "description": "Bytes more, null if not known"}
    moved = {
        "name": string,
        "before": {**string, "description": "Its version, empty if it was not there"},
        "after": string,
        "download": more,
        "disk": more,
    }
    group = {
        "cells": {**strings, "description": "Cells in which the same changed"},
        "before": {**string, "description": "Status and cause, as `fail (no-wheel)`"},
        "after": string,
        "moved": {"type": "array", "items": _object(moved)},
        "download": more,
        "disk": more,
        "why": {**string, "description": "Why the status is another one"},
    }
    properties = {
        "schema": {"const": DATED},
        "subject": {**string, "description": "The matrix"},
        "before": {**string, "description": "The day, as 2026-11-20"},
        "after": string,
        "groups": {"type": "array", "items": _object(group)},
        "same": {**strings, "description": "Cells in which nothing changed"},
    }
    return _document(
        "What an installer gets on two days",
        {"properties": properties, "required": list(properties)},
    )


def _of_struct(title: str, struct: type[msgspec.Struct]) -> Schema:
    """The schema that msgspec makes; readers of a newer minor version find more members."""
    schema = msgspec.json.schema(struct)
    definitions = schema["$defs"]
    document = definitions.pop(struct.__name__)
    rest = {key: value for key, value in document.items() if key not in ("title", "type")}
    return _document(title, {**rest, "$defs": dict(sorted(definitions.items()))})


def _without_null(part: Schema) -> Schema:
    """TOML has no null: what may be null may be left out."""
    if "anyOf" not in part or {"type": "null"} not in part["anyOf"]:
        return part
    rest = [choice for choice in part["anyOf"] if choice != {"type": "null"}]
    said = {key: value for key, value in part.items() if key not in ("anyOf", "default")}
    return {**said, **(rest[0] if len(rest) == 1 else {"anyOf": rest})}


def report_schema() -> Schema:
    """Of a report as JSON."""
    string, strings = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    count = {"type": "integer", "minimum": 0}
    evidence = _object({"fact": string, "value": string, "source": string})
    finding = {
        "code": {**string, "description": "Stable; `envcheck explain CODE` shows its page"},
        "status": {"enum": list(STATUSES)},
        "severity": {"enum": list(SEVERITIES)},
        "title": string,
        "detail": {**string, "description": "Why, in one or two sentences"},
        "subject": {**string, "description": "Tells findings of one code apart"},
        "cause": {**string, "description": "Code of the finding that explains this one, or empty"},
        "required": {"type": "boolean", "description": "Without an answer the verdict is open"},
        "evidence": {"type": "array", "items": evidence},
        "remedy": _or_null(_object({"text": string, "commands": strings})),
        "anchor": _or_null(_object({"path": string, "line": {**count, "minimum": 1}})),
        "waiver": _or_null(_object({"reason": string, "expires": string})),
        "source": {**string, "description": "Where the requirement comes from"},
    }
    fact = {"type": "object", "required": ["status"]}
    properties = {
        "schema": {"const": REPORT},
        "tool": _object({"name": {"const": "envcheck"}, "version": string}),
        "created": {**string, "description": "UTC, as in RFC 3339"},
        "seconds": {"type": "number", "minimum": 0},
        "target": {"type": "object", "description": "What was examined and how it was chosen"},
        "agent": {"type": "object", "description": "How the agent fared in the target"},
        "profiles": strings,
        "verdict": {"enum": ["pass", "warn", "fail", "inconclusive"]},
        "counts": _object(dict.fromkeys(Counts._fields, count)),
        "findings": {"type": "array", "items": _object(finding)},
        "notes": strings,
        "facts": {
            "description": "The facts, where they were asked for, as in a fact sheet",
            "type": "object",
            "additionalProperties": fact,
        },
    }
    required = [name for name in properties if name != "facts"]
    return _document("Report of envcheck", {"properties": properties, "required": required})


def smoke_schema(probes: list[dict[str, Any]]) -> Schema:
    """Of the document of ``envcheck smoke``; its parts are as in the fact ``smoke.parts``."""
    (field,) = [f for probe in probes for f in probe["fields"] if f["key"] == "smoke.parts"]
    parts = _value(field)
    members = parts["items"]["properties"]
    for name in ("part", "status"):
        members[name] = {**members[name]["anyOf"][0], "description": members[name]["description"]}
    members["status"]["enum"] = list(SMOKE_STATUSES)
    parts["items"]["required"] = list(members)
    string, seconds = {"type": "string"}, _or_null({"type": "number", "minimum": 0})
    properties = {
        "schema": {"const": SMOKE},
        "tool": _object({"name": {"const": "envcheck"}, "version": string}),
        "created": {**string, "description": "UTC, as in RFC 3339"},
        "target": {"type": "object", "description": "What was examined and how it was chosen"},
        "python": {**_or_null(string), "description": "Version of the target's interpreter"},
        "torch": {**_or_null(string), "description": "`torch.__version__` as imported"},
        "verdict": {"enum": ["pass", "fail", "inconclusive"]},
        "status": {"enum": list(SMOKE_STATUSES), "description": "Of all parts together"},
        "reason": {**string, "description": "Why it is not `pass`; else empty"},
        "seconds": {**seconds, "description": "Wall time, imports included"},
        "import_seconds": {**seconds, "description": "Wall time of `import torch`"},
        "parts": parts,
    }
    return _document(
        "Smoke training of envcheck", {"properties": properties, "required": list(properties)}
    )


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _document(title: str, rest: Schema) -> Schema:
    return {"$schema": DIALECT, "$comment": NOTE, "title": title, "type": "object", **rest}


def _text(schema: Schema) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _lines(table: Schema) -> str:
    """One entry a line: a change of one fact changes one line."""
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in table.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write(folder: str) -> None:
    """Write the files that differ."""
    for name, content in documents().items():
        with open(os.path.join(folder, name), "w", encoding="utf-8", newline="\n") as file:
            file.write(content)


if __name__ == "__main__":
    write(os.path.dirname(os.path.abspath(__file__)))
