"""Documents of ``envcheck wheels`` with everything in them that a reporter must cope with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envcheck.index import recording
from envcheck.index.pages import File
from envcheck.model.target import Target
from envcheck.model.wheels import Cell, Feature, Floor, Mark, Project, ReleaseSupport, Span
from envcheck.model.wheels import WheelsDocument as Document
from envcheck.predict.projects import Project as Releases
from envcheck.predict.support import Choice, place, support
from envcheck.predict.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGES = recording.read(str(Path(__file__).parent / "data" / "wheels" / "pages.recording"))
CREATED = "2026-11-21T12:00:00Z"
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
NASTY = "<b>\x1b[31m|`*_[x](javascript:1)\u202e\u2028##[error]::set-output @root\ud800 & \"'"


def targets(pythons: Sequence[str] = PYTHONS) -> list[Target]:
    """Each Python on alpine and slim."""
    return [
        Target(f"{python}-{os}", f"{python}.9", libc=libc, note=f"{image}, as of 2026-11-20")
        for python in pythons
        for os, libc, image in (
            ("alpine", "musl 1.2.5", "Alpine 3.23"),
            ("slim", "glibc 2.41", "Debian 13 trixie"),
        )
    ]


def project(
    known: Releases, where: Sequence[Target], choice: Choice, pythons: Sequence[str] = PYTHONS
) -> Project:
    """As the command makes it."""
    return replace(support(known, where, choice), timeline=timeline(known, pythons))


def document(*projects: Project, where: Sequence[Target], **said: object) -> Document:
    """Whatever else a document has, from ``said``."""
    return Document(
        envcheck="0.1.0",
        created=CREATED,
        targets=[place(target) for target in where],
        projects=list(projects),
        **said,  # type: ignore[arg-type]
    )


def real(*names: str, newest: int = 5) -> Document:
    """Recorded pages of real projects."""
    where = targets()
    found = [
        project(Releases(name, PAGES.listing(name).files, found=True), where, Choice(newest))
        for name in names
    ]
    return document(*found, where=where)


def _file(name: str, uploaded: str = "", **said: object) -> File:
    time = f"{uploaded}T08:00:00Z" if uploaded else ""
    return File(filename=name, url=f"recorded:{name}", uploaded=time, **said)  # type: ignore[arg-type]


def everything() -> Document:
    """Every symbol, a variant, a gap, a project that could not be asked for, odd targets."""
    files = [
        _file("one-1.0-py2.py3-none-any.whl", "2020-02-03"),
        _file("one-1.1.tar.gz", "2021-02-03"),
        _file("one-1.2-cp312-cp312-manylinux_2_28_x86_64.whl", "2023-12-01"),
        _file("one-1.2-cp312-cp312-musllinux_1_2_x86_64.whl", "2023-12-01"),
        _file("one-1.2-pp311-pypy311_pp73-manylinux_2_28_x86_64.whl", "2023-12-02"),
        _file("one-1.3-cp312-cp312-manylinux_2_28_x86_64.whl", "2024-05-01", yanked="eats data"),
        _file("one-1.3.tar.gz", "2024-05-01", yanked="eats data"),
        _file("one-1.4-cp312-abi3-manylinux_2_34_x86_64.whl", "2025-06-01"),
        _file("one-1.4-cp312-cp312-manylinux_2_34_x86_64-cu128.whl", "2025-06-01"),
        _file("one-1.4-cp314-cp314t-win_amd64.whl", "2025-06-02", requires_python=">=3.14"),
        _file(
            "one-2.0-cp313-abi3-manylinux_2_28_x86_64.whl", "2026-01-05", requires_python=">=3.13"
        ),
        _file("one-2.1rc1-py3-none-any.whl", "2026-02-01"),
    ]  # fmt: skip
    where = [
        *targets(("3.12", "3.13")),
        Target("3.14t-windows", "3.14.1", system="windows", free_threaded=True),
        Target("3.12-macos", "3.12.9", system="macos", release="14.0", architecture="aarch64"),
        Target("pypy3.11-slim", "3.11.9", libc="glibc 2.41", implementation="pypy"),
        Target("3.12-fact-sheet", "3.12.9", note="its platform is not known"),
    ]
    one = project(Releases("one", files, found=True), where, Choice(None))
    undated = Releases("undated", [_file("undated-1.0-py3-none-any.whl")], found=True)
    return document(
        one,
        project(undated, where, Choice()),
        Project(name="gone", problem="simple/gone/: it answers 500, 5 times"),
        Project(name="nothing"),
        where=where,
        exclude_newer="2026-03-01",
        notes=["pip.conf: it could not be read"],
    )


def hostile() -> Document:
    """Texts that would do something if they were not made safe."""
    where = [Target(f"3.12-{NASTY}", "3.12.1", libc=f"glibc 2.36{NASTY}", note=NASTY)]
    mark = Mark(version=f"1.0{NASTY}", uploaded=f"20{NASTY}")
    span = Span(first=mark, last=mark, releases=1)
    feature = Feature(
        key="cp312", title=f"CPython {NASTY}", kind="python", now="dropped", first=mark,
        last=mark, spans=[span], gaps=[span], floors=[Floor(since=mark, needs=NASTY)],
    )  # fmt: skip
    release = ReleaseSupport(
        version=f"1.0{NASTY}",
        uploaded=NASTY,
        cells=[Cell(state="yanked", file=NASTY, reason=NASTY, uploaded=NASTY)],
        yanked=NASTY,
        variants=[f"a-b-c-d-{NASTY}.whl"],
    )
    bad = Project(
        name=NASTY, newest=mark, oldest=mark, counted=1, listed=1, releases=[release],
        timeline=[feature, Feature(key="x", title=NASTY, kind="file", now="never")], notes=[NASTY],
    )  # fmt: skip
    return document(
        bad, Project(name=NASTY, problem=NASTY), where=where, exclude_newer=NASTY, notes=[NASTY]
    )


def empty() -> Document:
    """Nothing at all."""
    return document(where=[])


def cases() -> dict[str, Document]:
    """All, by name."""
    return {
        "real": real("duckdb", "soundfile"),
        "everything": everything(),
        "hostile": hostile(),
        "empty": empty(),
    }
