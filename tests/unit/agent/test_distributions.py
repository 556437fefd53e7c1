"""The readers of METADATA, RECORD, WHEEL and .pth: they never raise, and read what is there."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envcheck.agent import archives, metadata, origins, pth, record, record_all
from envcheck.agent.installed import Scan
from envcheck.agent.protocol import command

SLOW = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
values = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"),
    min_size=1,
    max_size=20,
)
keys = st.sampled_from(["Name", "Version", "Requires-Dist", "Requires-Python", "Summary"])


@given(st.lists(st.tuples(keys, values), max_size=12))
@SLOW
def test_headers_as_the_email_package_reads_them(
    tmp_path: Path, pairs: list[tuple[str, str]]
) -> None:
    text = "Metadata-Version: 2.1\n" + "".join(f"{key}: {value}\n" for key, value in pairs)
    file = tmp_path / "METADATA"
    file.write_text(text + "\nRequires-Dist: not in the header\nName: neither\n")
    header, problems, size = metadata.header(str(file))
    expected = message_from_string(text)
    assert problems == []
    assert size == file.stat().st_size
    assert metadata.values(header, "Requires-Dist") == (expected.get_all("Requires-Dist") or [])
    assert metadata.value(header, "Name") == expected["Name"]
    assert metadata.value(header, "Requires-Python") == expected["Requires-Python"]


def test_a_header_longer_than_the_first_read(tmp_path: Path) -> None:
    lines = "".join(f"Requires-Dist: d{number}\n" for number in range(2000))
    (tmp_path / "METADATA").write_text(f"Name: a\nVersion: 1\n{lines}\n" + "x" * 100000)
    header, problems, _ = metadata.header(str(tmp_path / "METADATA"))
    assert problems == []
    assert len(metadata.values(header, "Requires-Dist")) == 2000


def test_a_continued_line_and_windows_lines(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("Name: a\nRequires-Dist: b\n  (>=1)\nVersion: 1\n\n")
    (tmp_path / "b").write_bytes(b"Name: a\r\nVersion: 1\r\nRequires-Dist: c\r\n\r\nbody")
    assert metadata.values(metadata.header(str(tmp_path / "a"))[0], "Requires-Dist") == ["b (>=1)"]
    header = metadata.header(str(tmp_path / "b"))[0]
    assert metadata.values(header, "Requires-Dist") == ["c"]
    assert metadata.value(header, "Version") == "1"


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        # line ends of Windows before a body that has others
        (b"Name: a\r\nVersion: 1\r\n\r\nbody\nRequires-Dist: not in the header\n\nbody", []),
        (b"name: a\nVERSION: 1\nrequires-dist: c\n\n", []),
        (b"\xef\xbb\xbfName: a\nVersion: 1\n\n", ["metadata-bom"]),
        (b"Name: a\nVersion: 1\nAuthor: J\xf6rg\n\n", ["metadata-not-utf-8"]),
        ("Name: a\nVersion: 1\nAuthor: Jörg\n\nJ".encode() + b"\xf6rg", []),
    ],
)
def test_how_a_header_may_be_written(tmp_path: Path, data: bytes, problems: list[str]) -> None:
    (tmp_path / "METADATA").write_bytes(data)
    header, found, _ = metadata.header(str(tmp_path / "METADATA"))
    assert found == problems
    assert (metadata.value(header, "Name"), metadata.value(header, "Version")) == ("a", "1")
    wanted = ["c"] if b"VERSION" in data else []
    assert metadata.values(header, "Requires-Dist") == wanted


@pytest.mark.parametrize(("recorded", "problems"), [(27, []), (40, ["truncated", "shortened"])])
def test_no_newline_at_the_end_is_as_it_was_built_if_record_says_so(
    tmp_path: Path, recorded: int, problems: list[str]
) -> None:
    info = tmp_path / "a-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: a\nVersion: 1\nAuthor: ")
    rows = "".join(f"a/data/{number}.txt,,\n" for number in range(1000))
    (info / "RECORD").write_text(f"{rows}a-1.dist-info/METADATA,sha256=x,{recorded}\n")
    item = metadata.dist_info(str(tmp_path), info.name)
    record.quick(item)
    assert [text.partition(":")[0].rpartition("-")[2] for text in item["problems"]] == problems


@pytest.mark.parametrize(
    ("last", "recorded", "problems"),
    [
        ("Version: 1", "", []),
        ("Version: 1", "18", []),
        ("Version: 1", "400", ["shortened"]),
        ("Version: 1\nRequi", "", ["truncated"]),
        ("Version: 1\nAuthor:", "", ["truncated"]),
    ],
)
def test_a_last_field_without_a_newline_is_whole_unless_record_says_otherwise(
    tmp_path: Path, last: str, recorded: str, problems: list[str]
) -> None:
    info = tmp_path / "a-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: a\n" + last)
    (info / "RECORD").write_text(f"a-1.dist-info/METADATA,,{recorded}\na-1.dist-info/RECORD,,\n")
    item = metadata.dist_info(str(tmp_path), info.name)
    record.quick(item)
    assert [text.partition(":")[0].rpartition("-")[2] for text in item["problems"]] == problems
    (info / "RECORD").unlink()
    item = metadata.dist_info(str(tmp_path), info.name)
    record.quick(item)
    found = [text.rpartition("-")[2] for text in item["problems"]]
    assert found == [problem for problem in problems if problem != "shortened"]


def test_modules_shipped_as_bytecode_are_not_missing(tmp_path: Path) -> None:
    info = tmp_path / "a-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: a\nVersion: 1\n\n")
    (info / "RECORD").write_text("a/__init__.py,,\nb/__init__.py,,\na-1.dist-info/RECORD,,\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "__init__.pyc").write_bytes(b"")
    item = metadata.dist_info(str(tmp_path), info.name)
    record.quick(item)
    assert item["missing"] == ["b/__init__.py"]


def packed(path: Path, files: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def test_distributions_in_archives(tmp_path: Path) -> None:
    header = "Metadata-Version: 2.1\nName: a\nVersion: 1\n"
    files = {"a/__init__.py": "", "vendored/c-1.dist-info/METADATA": header}
    packed(tmp_path / "app.zip", {**files, "a-1.dist-info/METADATA": header})
    egg = {"EGG-INFO/PKG-INFO": header, "EGG-INFO/requires.txt": "b>=1\n\n[x]\nc\n"}
    packed(tmp_path / "a-1-py3.11.egg", egg)
    (tmp_path / "no.zip").write_text("PK")
    scan = Scan()
    for name in ("app.zip", "a-1-py3.11.egg", "no.zip"):
        scan.directory(str(tmp_path / name), "pth")
    scan.read()
    found = [(r["name"], r["version"], r["format"], r["shadowed"]) for r in scan.records]
    assert found == [("a", "1", "archive", False), ("a", "1", "archive", True)]
    assert [r["requires"] for r in scan.records] == [[], ["b>=1"]]
    assert [r["problems"] for r in scan.records] == [[], []]


@given(st.binary(max_size=200), st.integers(0, 300), st.binary(max_size=8))
@SLOW
def test_no_bytes_make_the_reader_of_archives_raise(
    tmp_path: Path, text: bytes, at: int, junk: bytes
) -> None:
    file = tmp_path / "a.zip"
    packed(file, {"a-1.dist-info/METADATA": "Name: a\nVersion: 1\n\n"})
    data = bytearray(file.read_bytes())
    data[at : at + len(junk)] = junk
    file.write_bytes(bytes(data))
    archives.distributions(str(file))
    file.write_bytes(text)
    assert archives.distributions(str(file)) == []


@pytest.mark.parametrize("how", ["project", "pth", "link"])
@pytest.mark.parametrize("there", [True, False])
def test_editable_installations_lead_to_their_source(tmp_path: Path, how: str, there: bool) -> None:
    site, source = tmp_path / "site", tmp_path / "my source" / "src"
    info = site / "a-1.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "my source").mkdir()
    if there:
        source.mkdir()
        (source / "a.egg-info").mkdir()
        (source / "a.egg-info" / "PKG-INFO").write_text("Name: a\nVersion: 1\n\n")
    if how == "link":
        info.rmdir()
        (site / "a.egg-link").write_text(f"{source}\n.\n")
    else:
        place = source if how == "project" else source.parent
        url = {"url": place.as_uri(), "dir_info": {"editable": True}}
        (info / "direct_url.json").write_text(json.dumps(url))
        (info / "METADATA").write_text("Name: a\nVersion: 1\n\n")
        (info / "RECORD").write_text("_a.pth,,\na-1.dist-info/METADATA,,\n")
        (site / "_a.pth").write_text(f"{source}\n" if how == "pth" else "import os\n")
    scan = Scan()
    scan.directory(str(site), "site")
    scan.read()
    (item,) = scan.records
    missing = f"source-missing: {source}"
    assert [p for p in item["problems"] if p.startswith("source")] == ([] if there else [missing])


@given(
    st.binary(max_size=300),
    st.binary(max_size=300),
    st.binary(max_size=300),
    st.binary(max_size=100),
)
@SLOW
def test_no_bytes_make_a_reader_raise(
    tmp_path: Path, meta: bytes, rec: bytes, wheel: bytes, url: bytes
) -> None:
    info = tmp_path / "a-1.dist-info"
    info.mkdir(exist_ok=True)
    for name, data in (("METADATA", meta), ("RECORD", rec), ("WHEEL", wheel), ("INSTALLER", url)):
        (info / name).write_bytes(data)
    (info / "direct_url.json").write_bytes(url)
    item = metadata.dist_info(str(tmp_path), info.name)
    item["pure"] = False
    record.quick(item)
    record_all.everything([item], float("inf"), lambda: 0.0)
    record_all.ballot(item)
    record_all.clobbered(record_all.all_claims([item]))
    record_all.orphans([item], {str(tmp_path): {"a": "a"}})
    repr(item).encode("utf-8")


@pytest.mark.parametrize(
    ("folder", "problems"), [("a/_vendor/b-2", []), ("b-2", ["record-of-another: b-2.dist-info"])]
)
def test_a_record_of_another(tmp_path: Path, folder: str, problems: list[str]) -> None:
    info = tmp_path / "a-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: a\nVersion: 1\n\n")
    rows = [f"{folder}.dist-info/METADATA,sha256=x,9", *("a/b.py,sha256=x,1" for _ in range(3))]
    (info / "RECORD").write_text("\n".join(rows))
    item = metadata.dist_info(str(tmp_path), info.name)
    record.quick(item)
    assert item["problems"] == problems


cells = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12)


@given(st.lists(st.tuples(cells, st.just("sha256=x"), st.integers(0, 9999)), max_size=8))
@SLOW
def test_rows_as_the_csv_module_reads_them(lines: list[tuple[str, str, int]]) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(lines)
    rows = record.rows(stream.getvalue().encode())
    assert [(row.path.decode(), row.hash.decode(), row.size) for row in rows] == lines


@pytest.mark.parametrize(
    ("line", "path", "size"),
    [
        (b"a.py,sha256=x,12", b"a.py", 12),
        (b"a.py,,", b"a.py", None),
        (b"a.py,x,-5", b"a.py", None),
        (b"a.py,x," + b"9" * 30, b"a.py", None),
        (b"no commas", b"", None),
    ],
)
def test_a_row(line: bytes, path: bytes, size: int | None) -> None:
    row = record.Row(line)
    assert (row.path, row.size) == (path, size)


@given(data=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_of_another_size_is_called_something(tmp_path: Path, data: bytes) -> None:
    for head in (b"", b"\x7fELF\x02\x01", b"\x7fELF\x01\x02"):
        file = os.fsencode(tmp_path / "x.so")
        (tmp_path / "x.so").write_bytes(head + data)
        assert record.difference(file, os.stat(file), 1000)


@pytest.mark.parametrize("expected", ["truncated", "changed"])
def test_a_library_of_another_size(tmp_path: Path, expected: str) -> None:
    import _ctypes

    source = getattr(_ctypes, "__file__", None)
    if not source or not Path(source).read_bytes().startswith(b"\x7fELF"):
        pytest.skip("only on systems with ELF libraries")
    data = Path(source).read_bytes()
    file = tmp_path / "x.so"
    file.write_bytes(data[:5000] if expected == "truncated" else data + b"more")
    assert record.difference(os.fsencode(file), os.stat(file), len(data)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torch", "torch"),
        ("torch.py", "torch"),
        ("_C.cpython-311-x86_64-linux-gnu.so", "_C"),
        ("torch.txt", ""),
        ("torch-2.0.dist-info", ""),
        ("__pycache__", ""),
        ("my-file.py", ""),
    ],
)
def test_import_names(name: str, expected: str) -> None:
    assert origins.import_name(name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("__version__ = '2.13.0+cpu'", "2.13.0+cpu"),
        ('__version__: str = "1.0"  # comment', "1.0"),
        ("version = '3'", "3"),
        ("__version__ = get()", None),
        ("other = '1'", None),
        ("__version__ = 'unknown'", None),
    ],
)
def test_versions_in_sources(tmp_path: Path, text: str, expected: str | None) -> None:
    (tmp_path / "version.py").write_text(text + "\n")
    assert record_all.literal_version(str(tmp_path / "version.py")) == expected


@pytest.mark.parametrize(
    ("data", "generation"),
    [
        (b"..numpy.core._multiarray_umath..", "1"),
        (b"..numpy._core._multiarray_umath..numpy.core._multiarray_umath..", "2"),
        (b"x" * ((4 << 20) - 10) + b"numpy._core._multiarray_umath", "2"),
        (b"nothing", None),
    ],
)
def test_numpy_generation(tmp_path: Path, data: bytes, generation: str | None) -> None:
    (tmp_path / "a.so").write_bytes(data)
    found, reason = record_all.numpy_generation(str(tmp_path / "a.so"))
    assert found == generation
    assert bool(reason) == (generation is None)


@given(st.binary(max_size=200))
@SLOW
def test_start_up_files_of_any_content(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.pth").write_bytes(data)
    pth.examine(str(tmp_path), "a.pth")


def test_a_start_up_file(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_text("# comment\nimport os; x = 1\n/elsewhere\nimport\tsys\n")
    found = pth.examine(str(tmp_path), "a.pth")
    assert (found["lines"], found["code"], found["problem"]) == (2, "import os; x = 1", None)
    assert "cannot be read" in pth.examine(str(tmp_path), "b.pth")["problem"]


def test_names_that_are_not_utf_8() -> None:
    assert metadata.clean(os.fsdecode(b"a\xff")) == "a\\xff"
    assert metadata.clean("é") == "é"


def test_the_cost_of_a_pth_file_that_looks_at_its_caller(tmp_path: Path) -> None:
    """As setuptools wrote them for namespace packages: `sitedir` is a variable of ``site``."""
    (tmp_path / "a-nspkg.pth").write_text(
        "import sys; p = sys._getframe(1).f_locals['sitedir']; assert p.endswith('"
        f"{tmp_path.name}')\n"
    )
    (tmp_path / "broken.pth").write_text("import sys; raise ValueError\n")
    records = [pth.examine(str(tmp_path), name) for name in ("a-nspkg.pth", "broken.pth")]
    pth.cost(records, 20.0, command)
    assert [bool(item["problem"]) for item in records] == [False, True]
    assert records[0]["seconds"] >= 0
