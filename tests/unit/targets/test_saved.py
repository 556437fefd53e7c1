"""Saved fact sheets: what is read, and what is said of files that are none."""

from __future__ import annotations

import io
import json
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values

from envcheck.errors import DataError
from envcheck.targets import choose, parse, saved
from envcheck.targets.base import AgentRequest

SHEET = {
    "schema": "envcheck.facts/1",
    "agent": {"status": "ok"},
    "target": {"kind": "python", "name": "/opt/python", "chosen_by": "--python"},
    "probes": {},
    "facts": {"interpreter.version": {"status": "known", "value": "3.11.7"}},
}


def finish(path):
    return choose(facts=str(path)).start(AgentRequest()).finish()


def test_reads_a_sheet_and_keeps_whose_it_is(tmp_path):
    file = tmp_path / "sheet.json"
    file.write_text(json.dumps(SHEET))
    sheet = finish(file)
    assert sheet["interpreter.version"] == "3.11.7"
    assert sheet.target == {**SHEET["target"], "facts": str(file)}
    assert parse(str(file)).start(AgentRequest()).finish().document == sheet.document


def test_reads_a_sheet_with_a_byte_order_mark_and_without_a_target(tmp_path):
    file = tmp_path / "sheet.json"
    sheet = {key: value for key, value in SHEET.items() if key != "target"}
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(sheet).encode())
    assert finish(file).target["kind"] == "facts"


@pytest.mark.parametrize("key", ["sheet", "facts"])
def test_reads_the_sheet_inside_a_report(tmp_path, key):
    file = tmp_path / "report.json"
    file.write_text(json.dumps({"schema": "envcheck.report/1", key: SHEET}))
    assert finish(file)["interpreter.version"] == "3.11.7"


def test_reads_standard_input(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(json.dumps(SHEET).encode()))
    monkeypatch.setattr("sys.stdin", stream)
    assert finish("-")["interpreter.version"] == "3.11.7"


def test_reads_a_pipe(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_text(json.dumps(SHEET)))
    writer.start()
    assert finish(fifo)["interpreter.version"] == "3.11.7"
    writer.join()


def test_a_fact_of_the_wrong_type_is_unknown(tmp_path):
    file = tmp_path / "sheet.json"
    facts = {"interpreter.version": {"status": "known", "value": ["3.11"]}}
    file.write_text(json.dumps({**SHEET, "facts": facts}))
    fact = finish(file).fact("interpreter.version")
    assert fact.status == "unknown"
    assert "a list, not a string" in fact.reason


BAD = {
    "empty": (b"", "is not JSON"),
    "truncated": (json.dumps(SHEET).encode()[:-20], "line 1, column"),
    "binary": (b"\x7fELF\xff\xfe", "is not UTF-8"),
    "list": (b"[1, 2]", "does not begin with a schema"),
    "no schema": (b'{"facts": {}}', "does not begin with a schema"),
    "schema of another type": (b'{"schema": 7}', "does not begin with a schema"),
    "other document": (
        b'{"schema": "envcheck.run/1"}',
        "a document of the schema 'envcheck.run/1'",
    ),
    "newer": (b'{"schema": "envcheck.facts/2"}', "of version 2 of the fact sheet; this envcheck"),
    "deep": (b'{"schema":' + b"[" * 200_000, "nested too deeply"),
    "digits": (b'{"schema": "envcheck.facts/1", "n": ' + b"9" * 9000 + b"}", "is no fact sheet"),
}


@pytest.mark.parametrize("name", BAD)
def test_says_what_is_wrong_with_a_file(tmp_path, name):
    data, expected = BAD[name]
    file = tmp_path / "bad.json"
    file.write_bytes(data)
    with pytest.raises(DataError) as caught:
        finish(file)
    assert expected in caught.value.message


def test_says_that_there_is_no_file_or_a_directory(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        finish(tmp_path / "none.json")
    with pytest.raises(DataError, match="is a directory"):
        finish(tmp_path)


def test_refuses_what_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(saved, "LIMIT", 100)
    file = tmp_path / "large.json"
    file.write_text(json.dumps(SHEET))
    with pytest.raises(DataError, match="larger than"):
        finish(file)


@given(st.binary(max_size=300))
def test_no_bytes_give_anything_but_a_sheet_or_an_error(data):
    try:
        saved.sheet_in(saved.decode(data, "it"), "it")
    except DataError:
        pass


JSON = json_values()


@given(st.fixed_dictionaries({"schema": st.sampled_from(["envcheck.facts/1", "x/1", 1])}), JSON)
def test_no_document_gives_anything_but_a_sheet_or_an_error(document, value):
    document = {**document, "facts": value, "sheet": value, "target": value}
    try:
        assert isinstance(saved.sheet_in(document, "it"), dict)
    except DataError:
        pass
