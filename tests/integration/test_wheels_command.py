"""`envcheck wheels` as a command, on indexes of the test's own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from index_faults import garbage, status
from index_server import IndexServer
from wheels import File, sdist, wheel

from envcheck.cli import emit
from envcheck.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Command = Callable[..., tuple[int, str, str]]

LINUX = "cp312-cp312-manylinux_2_28_x86_64"
MUSL = "cp312-cp312-musllinux_1_2_x86_64"
DAYS = {"1.0": "2024-01-10T00:00:00Z", "1.1": "2025-03-01T00:00:00Z", "2.0": "2026-02-01T00:00:00Z"}


def one(version: str, tag: str, **said: Any) -> File:
    return wheel("one", version, tag=tag, uploaded=DAYS.get(version, DAYS["2.0"]), **said)


FILES = (
    one("1.0", LINUX), one("1.0", MUSL), one("1.1", LINUX, yanked="wrong"), one("2.0", LINUX),
    one("2.1rc1", "py3-none-any"), sdist("two", "1.0"), wheel("three", "3.0"),
)  # fmt: skip
WHERE = ("--target", "3.12-slim,3.12-alpine")


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer(*FILES) as server:
        yield server


@pytest.fixture
def envcheck(capsys, monkeypatch, tmp_path) -> Command:
    """Runs ``envcheck wheels WORDS…`` as if nothing were configured here."""
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("ENVCHECK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(emit, "_width", lambda stream: 80)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        done = main(["wheels", *words])
        said = capsys.readouterr()
        return done, said.out, said.err

    return run


def document(run: Command, *words: str) -> dict[str, Any]:
    done, out, err = run(*words, "--json")
    assert done == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def states(project: dict[str, Any]) -> dict[str, list[str]]:
    return {r["version"]: [cell["state"] for cell in r["cells"]] for r in project["releases"]}


def test_a_table_and_a_timeline(envcheck: Command, index: IndexServer) -> None:
    done, out, err = envcheck("one", *WHERE, "--index-url", index.url)
    assert (done, err) == (0, "")
    assert "one: 2.0 (2026-02-01) is the newest of 2 releases" in out
    rows = [re.split(r"  +", line.strip()) for line in out.splitlines()]
    assert ["2.0", "2026-02-01", "W", "-"] in rows
    assert ["1.1 yanked", "2025-03-01", "W!", "-"] in rows
    assert ["1.0", "2024-01-10", "W", "W"] in rows
    assert any(row[0] == "musl x86_64" and "dropped after 1.0" in row[-1] for row in rows)
    assert index.count("/files/*") == 0


def test_the_document(envcheck: Command, index: IndexServer) -> None:
    found = document(envcheck, "one", "two", "three", *WHERE, "--index-url", index.url)
    assert found["schema"] == "envcheck.wheels/1"
    assert [target["id"] for target in found["targets"]] == ["3.12-slim", "3.12-alpine"]
    one, two, three = found["projects"]
    assert states(one) == {
        "2.0": ["wheel", "nothing"],
        "1.1": ["yanked", "nothing"],
        "1.0": ["wheel", "wheel"],
    }
    cell = one["releases"][0]["cells"][0]
    assert cell["file"] == f"one-2.0-{LINUX}.whl"
    assert (cell["tag"], cell["rank"][0]) == (LINUX, 0)
    assert one["notes"] == ["there is a newer pre-release, 2.1rc1 (2026-02-01)"]
    assert states(two) == {"1.0": ["sdist", "sdist"]}
    assert states(three) == {"3.0": ["generic", "generic"]}
    musl = next(each for each in one["timeline"] if each["key"] == "musllinux_x86_64")
    assert (musl["now"], musl["last"]["version"]) == ("dropped", "1.0")
    assert index.root not in json.dumps(found)


def test_which_releases(envcheck: Command, index: IndexServer) -> None:
    def versions(*words: str) -> list[str]:
        found = document(envcheck, *words, *WHERE, "--index-url", index.url)
        return list(states(found["projects"][0]))

    assert versions("one", "--releases", "1") == ["2.0"]
    assert versions("one", "--releases", "all", "--pre") == ["2.1rc1", "2.0", "1.1", "1.0"]
    assert versions("one", "--since", "2025-01-01") == ["2.0", "1.1"]
    assert versions("one<2") == ["1.1", "1.0"]
    assert versions("one", "--exclude-newer", "2025-03-01") == ["1.0"]


def test_targets(envcheck: Command, index: IndexServer) -> None:
    def ids(*words: str) -> list[str]:
        found = document(envcheck, "three", *words, "--index-url", index.url, "--releases", "1")
        return [target["id"] for target in found["targets"]]

    assert ids("--python", "3.11,3.12", "--os", "slim") == ["3.11-slim", "3.12-slim"]
    assert ids("--target", "3.12-macos") == ["3.12-macos"]
    default = ids()
    assert len({name.partition("-")[2] for name in default}) == 2
    assert len(default) >= 8


def test_a_name_that_is_misspelled(envcheck: Command, index: IndexServer) -> None:
    envcheck("three", "--index-url", index.url)
    done, out, err = envcheck("thre", "--index-url", index.url)
    assert (done, out) == (2, "")
    assert err == "error: no index here has a project `thre` (did you mean `three`?)\n"
    done, out, err = envcheck("thre", "one", *WHERE, "--index-url", index.url)
    assert done == 2
    assert "one: 2.0" in out
    assert "no index here has a project `thre`" in out
    assert err.startswith("error: no index here has a project `thre`")
    done, _, err = envcheck("zzqqxxyy", "--index-url", index.url)
    assert "did you mean" not in err


def test_a_project_that_cannot_be_asked_for(envcheck: Command, index: IndexServer) -> None:
    index.fault("/simple/two/", status(403))
    done, out, err = envcheck("two", "three", *WHERE, "--index-url", index.url, "--json")
    assert done == 3
    assert err.startswith("error: ")
    two, three = json.loads(out)["projects"]
    assert two["problem"]
    assert index.root not in two["problem"]
    assert "releases" not in two
    assert states(three) == {"3.0": ["generic", "generic"]}


def test_the_document_has_no_names_of_this_machine(
    envcheck: Command, monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    done, out, _ = envcheck("one", "two", "--json", "--index-url", f"file://{tmp_path}/nowhere")
    assert done == 3
    assert str(tmp_path) not in out
    assert "~/nowhere" in out


def test_a_page_without_files(envcheck: Command, index: IndexServer) -> None:
    index.fault("/simple/two/", garbage())
    done, out, _ = envcheck("two", "--index-url", index.url)
    assert done == 0
    assert "two: there is no file that could be installed" in out


def test_an_index_that_does_not_say_when(envcheck: Command) -> None:
    with IndexServer(*FILES, upload_times=False) as index:
        done, out, _ = envcheck("three", "--index-url", index.url)
    assert done == 0
    assert "three: 3.0 (undated)" in out
    assert "the index does not say when any of its releases was uploaded" in out


def test_a_directory_of_wheels(envcheck: Command, tmp_path) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for each in FILES:
        each.write(folder)
    with IndexServer() as index:
        words = ("--index-url", index.url, "--find-links", str(folder))
        found = document(envcheck, "one", *WHERE, *words)
    assert states(found["projects"][0])["2.0"] == ["wheel", "nothing"]
    assert str(tmp_path) not in json.dumps(found)


def test_offline_and_the_same_again(envcheck: Command, index: IndexServer) -> None:
    words = ("three", *WHERE, "--index-url", index.url)
    done, _, err = envcheck(*words, "--offline")
    assert done == 3
    assert "nothing is asked of an index" in err
    _, out, _ = envcheck(*words)
    asked = index.count()
    assert envcheck(*words)[1] == out  # given again, as of the same second
    done, again, _ = envcheck(*words, "--offline")
    assert done == 0
    assert re.sub(r"asked +\S+", "", again) == re.sub(r"asked +\S+", "", out)
    assert index.count() == asked


def test_a_recording(envcheck: Command, index: IndexServer, tmp_path) -> None:
    file = str(tmp_path / "seen")
    words = ("one", *WHERE, "--json")
    _, out, _ = envcheck(*words, "--index-url", index.url, "--record", file)
    index.mend()
    done, again, _ = envcheck(*words, "--replay", file)
    assert done == 0
    assert json.loads(again)["projects"] == json.loads(out)["projects"]


def test_reports(envcheck: Command, index: IndexServer, tmp_path) -> None:
    sinks = [f"{name}:{tmp_path / name}" for name in ("html", "json", "markdown", "text")]
    words = [word for sink in sinks for word in ("--report", sink)]
    done, out, _ = envcheck("one", *WHERE, "--index-url", index.url, *words)
    assert (done, out) == (0, "")
    assert (tmp_path / "html").read_text().startswith("<!doctype html>")
    assert json.loads((tmp_path / "json").read_text())["schema"] == "envcheck.wheels/1"
    assert (tmp_path / "markdown").read_text().startswith("# Wheels of one")
    assert (tmp_path / "text").read_text().startswith("one: 2.0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["one["], "`one[` is no name of a project"),
        (["one[extra]"], "whatever its extras"),
        (["one; python_version>'3'"], "whatever its extras"),
        (["one", "--releases", "0"], "--releases 0: neither a number nor `all`"),
        (["one", "--releases", "many"], "neither a number"),
        (["one", "--since", "yesterday"], "--since yesterday: no day"),
        (["one", "--exclude-newer", "2026-02-31"], "no day"),
        (["one", "--target", "3.12-slimm"], "3.12-slimm"),
        (["one", "--report", "htm:x"], "did you mean `html`?"),
        (["one", "--json", "--report", "text"], "two reports for standard output"),
        (["one", "--report", "json:x", "--report", "text:x"], "two reports for one file"),
        (["one", "--replay", "nowhere"], "cannot read nowhere"),
    ],
)
def test_wrong_usage(envcheck: Command, words: list[str], said: str) -> None:
    done, out, err = envcheck(*words)
    assert (done, out) == (2, "")
    assert said in err
