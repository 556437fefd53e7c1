"""`envcheck why` as a command, on indexes of the test's own."""

from __future__ import annotations

import json
import lzma
from typing import TYPE_CHECKING, Any

import pytest
from index_faults import instead, status
from index_server import IndexServer
from jsonschema import Draft202012Validator
from rich.cells import cell_len
from sdists import SETUPTOOLS, packed
from wheels import File, sdist, wheel

from envcheck import schemas
from envcheck.cli import emit
from envcheck.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Command = Callable[..., tuple[int, str, str]]

LINUX = "cp312-cp312-manylinux_2_28_x86_64"
MUSL = "cp312-cp312-musllinux_1_2_x86_64"
OLD = "2024-01-10T00:00:00Z"

COMPILED = {
    "PKG-INFO": "Metadata-Version: 2.2\nName: compiled\nVersion: 1.0\n",
    "pyproject.toml": SETUPTOOLS,
    "setup.py": "from setuptools import Extension, setup\n"
    "setup(name='compiled', ext_modules=[Extension('_one', ['one.c'])])\n",
    "one.c": "#include <Python.h>\n",
}


def binary(version: str, tag: str = LINUX, **said: Any) -> File:
    return wheel("binary", version, tag=tag, **said)


FILES = (
    wheel("good", "2.0", requires=["dep>=1", "extra-part; extra == 'more'"], extras=["more"]),
    wheel("dep", "1.5"), wheel("extra-part", "1.0"),
    binary("1.0", MUSL, uploaded=OLD), binary("2.0"), binary("2.0", "cp312-cp312-win_amd64"),
    wheel("needs-binary", "1.0", requires=["binary>=2", "other"]), wheel("other", tag=LINUX),
    wheel("withdrawn", "1.0", yanked="it was wrong"),
    sdist("source", "1.0", standard="2.2"),
    packed(COMPILED, name="compiled-1.0"),
)  # fmt: skip


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer(*FILES) as server:
        yield server


@pytest.fixture
def width(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def set_to(columns: int) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(emit, "_width", lambda stream: columns)

    return set_to


@pytest.fixture
def why(capsys, monkeypatch, tmp_path, index, width) -> Command:
    """Runs ``envcheck why WORDS…`` with this index as if nothing were configured here."""
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ENVCHECK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    width(80)

    def run(*words: str) -> tuple[int, str, str]:
        done = main(["why", *words])
        said = capsys.readouterr()
        return done, said.out, said.err

    return run


SLIM, ALPINE = ("--target", "3.12-slim"), ("--target", "3.12-alpine")


def document(why: Command, *words: str) -> dict[str, Any]:
    _, out, err = why(*words, "--json")
    assert err == ""
    found: dict[str, Any] = json.loads(out)
    validator = Draft202012Validator(json.loads(schemas.text("why")))
    assert [error.message for error in validator.iter_errors(found)] == []
    return found


def predictions(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [answer["prediction"] for answer in found["answers"]]


def test_what_installs(why: Command, index: IndexServer) -> None:
    done, out, err = why("good", *SLIM)
    assert (done, err) == (0, "")
    first, second, *_ = out.splitlines()
    assert first.startswith("good 2.0 on 3.12-slim: installs from wheels")
    assert "2 distributions" in first
    assert "good-2.0-py3-none-any.whl" in second
    assert index.count() > 0


def test_what_does_not(why: Command) -> None:
    done, out, err = why("needs-binary", *ALPINE)
    assert (done, err) == (1, "")
    first, *rest = out.splitlines()
    assert first.startswith("needs-binary 1.0 on 3.12-alpine: blocked by binary 2.0")
    assert any("musllinux_1_2_x86_64" in line for line in rest[:3])
    assert any("manylinux_2_28" in line for line in rest[:4])
    assert "blocked by 2" in out
    assert "other" in out
    assert "python:3.12-slim" in out


@pytest.mark.parametrize("columns", [80, 120])
def test_it_fits(why: Command, width: Callable[[int], None], columns: int) -> None:
    width(columns)
    for name in ("good", "needs-binary", "binary", "nowhere", "withdrawn==1.0", "source"):
        _, out, _ = why(name, *ALPINE, "--files")
        assert out
        assert max(map(cell_len, out.splitlines())) <= columns, name
        assert "\x1b" not in out  # it goes into a pipe


def test_exit_statuses(why: Command, index: IndexServer) -> None:
    assert why("good", *SLIM, *ALPINE)[0] == 0
    assert why("binary==2.0", *SLIM)[0] == 0
    assert why("binary==2.0", *SLIM, *ALPINE)[0] == 1
    assert why("nowhere", *SLIM)[0] == 1
    assert why("source", *SLIM)[0] in (0, 1)
    index.add(wheel("fragile", "1.0", requires=["hidden"]))
    index.fault("/simple/hidden/", status(403))
    done, out, err = why("fragile", *SLIM, "--no-ways")
    assert (done, err) == (3, "")
    assert out
    assert why("good", "binary==2.0", *ALPINE)[0] == 1  # what is certain is said


def test_the_document(why: Command, index: IndexServer, tmp_path: Path) -> None:
    found = document(why, "needs-binary", "--target", "3.12-slim,3.12-alpine", "--files")
    assert found["schema"] == "envcheck.why/1"
    slim, alpine = predictions(found)
    assert (slim["class"], alpine["class"]) == ("wheel", "blocked")
    assert [one["name"] for one in alpine["blockers"]] == ["binary", "other"]
    assert {way["kind"] for way in found["answers"][1]["ways"]} >= {"image"}
    assert all(one["reason"] or one["taken"] for one in found["answers"][1]["files"])
    text = json.dumps(found)
    assert index.root not in text
    assert str(tmp_path) not in text


def test_every_file_has_its_reason(why: Command) -> None:
    found = document(why, "binary", *ALPINE, "--files")
    assert predictions(found)[0]["class"] == "older-release"
    files = {one["file"]: one["reason"] for one in found["answers"][0]["files"]}
    assert set(files) == {f"binary-2.0-{LINUX}.whl", "binary-2.0-cp312-cp312-win_amd64.whl"}
    assert "glibc" in files[f"binary-2.0-{LINUX}.whl"]
    assert "Windows" in files["binary-2.0-cp312-cp312-win_amd64.whl"]
    _, out, _ = why("binary", *ALPINE, "--files")
    assert all(name in out.replace("\n    ", "") for name in files)


def test_ways_are_only_what_was_tried(why: Command) -> None:
    ways = document(why, "binary", *ALPINE)["answers"][0]["ways"]
    assert {"older", "image"} <= {way["kind"] for way in ways}
    assert "binary==1.0" in {way["what"] for way in ways}
    assert document(why, "binary", *ALPINE, "--no-ways")["answers"][0]["ways"] == []
    assert document(why, "nowhere", *ALPINE)["answers"][0]["ways"] == []


def test_options_of_the_index(why: Command, tmp_path: Path) -> None:
    def class_(*words: str) -> str:
        said: str = predictions(document(why, *words))[0]["class"]
        return said

    assert class_("source", *SLIM, "--only-binary", ":all:") == "no-file"
    assert class_("source", *SLIM, "--only-binary", "Source") == "no-file"
    assert class_("binary", *SLIM, "--constraint", "binary<2") == "no-file"
    assert class_("binary", *SLIM, "--exclude-newer", "2025-01-01") == "no-file"
    assert class_("withdrawn==1.0", *SLIM) == "yanked"
    folder = tmp_path / "links"
    folder.mkdir()
    binary("3.0", MUSL).write(folder)
    assert class_("binary", *ALPINE, "--find-links", str(folder)) == "wheel"


def test_here_is_the_default(why: Command) -> None:
    (one,) = predictions(document(why, "good"))
    assert one["class"] == "wheel"


def test_a_name_that_is_misspelled(why: Command) -> None:
    done, out, _ = why("numpyy", *SLIM)
    assert done == 1
    assert "did you mean `numpy`?" in out
    why("needs-binary", *SLIM)
    done, out, _ = why("need-binary", *SLIM)
    assert done == 1
    assert "did you mean `needs-binary`?" in out.replace("\n  ", " ")
    _, out, _ = why("zzqqxxyy", *SLIM)
    assert "did you mean" not in out


def test_a_recording(why: Command, index: IndexServer, tmp_path: Path) -> None:
    file = tmp_path / "seen"
    words = ("needs-binary", *SLIM, *ALPINE, "--files")
    first = document(why, *words, "--record", str(file))
    held = lzma.decompress(file.read_bytes())
    assert b"127.0.0.1" not in held
    assert str(index.port).encode() not in held
    index.forget()
    again = document(why, *words, "--replay", str(file))
    assert index.count() == 0
    assert again["answers"] == first["answers"]


def test_a_recording_as_of_a_day(why: Command, tmp_path: Path) -> None:
    file = str(tmp_path / "seen")
    words = ("binary", *ALPINE, "--exclude-newer", "2025-01-01", "--no-ways")
    first = document(why, *words, "--record", file)
    assert predictions(first)[0]["release"] == "1.0"
    assert document(why, *words, "--replay", file)["answers"] == first["answers"]


def test_a_recording_that_is_none(why: Command, tmp_path: Path) -> None:
    file = tmp_path / "none"
    for content in (
        b"",
        b"nonsense",
        lzma.compress(b"nonsense"),
        lzma.compress(b"\x81\xa6schema\xa1x"),
    ):
        file.write_bytes(content)
        done, out, err = why("good", *SLIM, "--replay", str(file))
        assert (done, out) == (2, "")
        assert "no recording of an index" in err


def test_offline(why: Command, index: IndexServer) -> None:
    done, out, _ = why("good", *SLIM, "--offline")
    assert done == 3
    assert "nothing is asked of an index" in out.replace("\n  ", " ")
    assert index.count() == 0
    first = document(why, "good", *SLIM)
    index.forget()
    assert document(why, "good", *SLIM, "--offline")["answers"] == first["answers"]
    assert index.count() == 0


def test_no_network(why: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with IndexServer() as gone:
        monkeypatch.setenv("PIP_INDEX_URL", gone.url)
    done, out, err = why("good", *SLIM)
    assert (done, err) == (3, "")
    assert "refused" in out


def test_an_index_that_lies(why: Command, index: IndexServer) -> None:
    """Another distribution's metadata in a wheel: nothing is concluded from it."""
    index.add(File("good-2.0-py3-none-any.whl", *wheel("evil", "2.0", requires=["dep"])[1:]))
    done, out, _ = why("good", *SLIM)
    assert done == 3
    assert "evil" in out


def test_a_wheel_whose_directory_is_broken(why: Command, index: IndexServer) -> None:
    index.metadata = False
    index.ranges = False
    index.add(File("good-2.0-py3-none-any.whl", b"PK\x03\x04" + bytes(5000), b""))
    done, out, _ = why("good", *SLIM)
    assert done == 3
    assert "good 2.0" in out


HOSTILE = "\x1b]0;owned\x07\u202e"


def test_texts_of_an_index_are_shown_not_obeyed(why: Command, index: IndexServer) -> None:
    index.add(
        wheel("hostile", "1.0", requires=[f"two =>{HOSTILE}"], requires_python=f">=3{HOSTILE}"),
        wheel("gone", "1.0", yanked=f"because{HOSTILE}"),
    )
    for words in (["hostile"], ["gone==1.0"], [f"no{HOSTILE}"], ["gone", "--constraint", HOSTILE]):
        _, out, err = why(*words, *SLIM, "--files")
        assert "\x1b" not in out + err
        assert "\x07" not in out + err
        assert "\u202e" not in out + err
        assert out + err


def test_what_is_no_page(why: Command, index: IndexServer) -> None:
    index.fault("/simple/good/", instead(b"<html><body><form>log in</form></body></html>"))
    done, out, _ = why("good", *SLIM)
    assert done == 1
    assert "without a file" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["one["], "`one[` is no requirement"),
        (["one =>1"], "is no requirement"),
        (["one", "--constraint", "=>"], "is no requirement"),
        (["one", "--target", "3.12-slimm"], "3.12-slimm"),
        (["one", "--exclude-newer", "2026-02-31"], "no day"),
        (["one", "--replay", "nowhere"], "cannot read nowhere"),
        (["one", "--facts", "nowhere"], "nowhere"),
    ],
)
def test_wrong_usage(why: Command, words: list[str], said: str) -> None:
    done, out, err = why(*words)
    assert (done, out) == (2, "")
    assert said in err


def ways(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(way["kind"], way["what"]) for answer in found["answers"] for way in answer["ways"]]


def test_another_release_where_one_is_named_that_cannot_be_had(why: Command) -> None:
    assert ("older", "binary==1.0") in ways(document(why, "binary==2.0", *ALPINE))
    assert ways(document(why, "good==9", *SLIM)) == [("release", "good==2.0")]
    _, out, _ = why("good==9", *SLIM)
    assert "other release: good==2.0: the newest installs" in out
    assert ways(document(why, "withdrawn==1.0", *SLIM)) == []


def test_what_a_build_needs_is_named_by_packages(why: Command) -> None:
    for target, command in (
        (SLIM, "`apt-get update && apt-get install -y gcc libc6-dev`"),
        (ALPINE, "`apk add build-base`"),
    ):
        done, out, _ = why("compiled", *target)
        first = " ".join(out.split())
        assert done == 1
        assert first.startswith(
            f"compiled 1.0 on {target[1]}: no wheel at all; its build needs a C"
        )
        assert command in " ".join(out.split())
        assert "not tried" in out
        assert ("package", command) in ways(document(why, "compiled", *target))
    assert "wanted   cp312-cp312-musllinux_1_2_x86_64" in out
    assert "an sdist: needs a C compiler" in out


def test_a_mistyped_name(why: Command) -> None:
    done, out, _ = why("numppy", *SLIM)
    assert done == 1
    assert "(did you mean `numpy`?)" in " ".join(out.split())
    assert "--files" not in out
