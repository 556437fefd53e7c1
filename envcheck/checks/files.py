"""PKG10x: the files of installed distributions are there, whole, and have one owner."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context
from envcheck.checks.installed import few, installed, listed
from envcheck.checks.packages import is_renamed
from envcheck.checks.specifiers import canonical
from envcheck.model.finding import Evidence, Finding, Remedy, fail, passed
from envcheck.model.reading import records, strings, text
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAMAGE = {
    "empty": "is empty",
    "truncated": "ends too early",
    "git-lfs-pointer": "is a Git LFS pointer, not the file",
    "not-a-file": "is no regular file",
}


def missing_files(context: Context) -> Iterator[Finding]:
    """Files of a distribution are not there.

    ## Why it matters
    Importing it fails, or fails later, in a function that needs the file.

    ## Causes
    An interrupted installation, a clean-up that removed too much, a partial copy.

    ## Remedy
    Install the same version again.

    ## Sources
    PyPA specification "Recording installed projects": RECORD. By default some `__init__.py`
    files and all shared objects are looked at, with `--deep` every file.
    """
    extent = context.get("distributions.files.extent")
    checked = context.get("distributions.files.checked")
    what = "every file" if extent == "all" else "`__init__.py` and shared objects"
    looked = "of all its files" if extent == "all" else "of the files that were looked at"
    whole = True
    for one in installed(context):
        if not one.missing or not one.from_wheel or one.editable:
            continue
        code = [file for file in one.missing if _matters(file)]
        if not code and one.missing_count <= len(one.missing):
            continue
        whole = False
        interrupted = any(
            is_renamed(text(item.get("path")).replace("\\", "/").rpartition("/")[2], name)
            for item in records(context.get("distributions.leftovers"))
            for name in (one.key, *map(canonical, one.imports))
        )
        verb = "is" if one.missing_count == 1 else "are"
        yield fail(
            f"{one}: {one.missing_count} {looked} {verb} missing",
            subject=one.name,
            detail=f"Missing: {listed(code or one.missing, one.missing_count)}.",
            cause="PKG103" if interrupted else "",
            evidence=(one.evidence(listed(one.missing, one.missing_count)),),
            remedy=remedies.reinstall(context, [one.pinned], damaged=True),
        )
    if whole:
        yield passed(f"files of distributions are there ({checked} looked at: {what})")


def _matters(file: str) -> bool:
    """Not metadata (PKG101), a script, a test, a document or what only type checkers read: images
    are often without those.
    """
    parts = file.split("/")
    if file.endswith((".pyi", "/py.typed", ".md", ".rst")):
        return False
    if parts[0] == ".." or parts[0].endswith(".dist-info"):
        return False
    return not {"tests", "test", "testing", "docs", "examples"} & set(parts[:-1])


def damaged_files(context: Context) -> Iterator[Finding]:
    """A file is not what was installed: cut off, empty, or a Git LFS pointer.

    ## Why it matters
    A cut-off shared object ends the process with SIGBUS or "file too short", at import or later.

    ## Causes
    A full disk, an interrupted copy or download, a repository cloned without Git LFS.

    ## Remedy
    Install the same version again.

    ## Sources
    RECORD has each file's size; the ELF header says how long a shared object must be. A file of
    another size that is whole in its own way (stripped, edited) is a note.
    """
    for one in installed(context):
        broken = [
            (file, what)
            for file, what in one.damaged
            if what != "changed" and not file.endswith(".dist-info/METADATA")  # PKG101 is about it
        ]
        if broken:
            file, what = broken[0]
            yield fail(
                f"{one}: {file} {_DAMAGE.get(what, f'cannot be read: {what}')}",
                subject=one.name,
                detail=f"Also damaged: {listed([file for file, _ in broken[1:]])}."
                if broken[1:]
                else "",
                evidence=(one.evidence(listed(f"{file}: {what}" for file, what in broken)),),
                remedy=remedies.reinstall(context, [one.pinned], damaged=True),
            )
        elif one.damaged and one.from_wheel and not one.editable:
            files = [file for file, _ in one.damaged if _matters(file)]
            if files:
                count = max(one.damaged_count, len(files))
                yield fail(
                    f"{one}: {count} file{'s' * (count > 1)} changed since installation",
                    severity="note",
                    subject=one.name,
                    detail=f"Changed: {listed(files, count)}.",
                    evidence=(one.evidence(listed(files, count)),),
                    remedy=remedies.reinstall(context, [one.pinned]),
                    cause=_explained(context, one.name, one.key),
                )


def _explained(context: Context, name: str, key: str) -> str:
    """The code of the finding because of which files differ from RECORD; empty if there is none."""
    for item in records(context.get("distributions.clobbered")):
        if name in strings(item.get("owners")):
            return "PKG106"
    groups = records(context.get("distributions.duplicates"))
    return "PKG102" if any(canonical(text(g.get("name"))) == key for g in groups) else ""


def clobbered(context: Context) -> Iterator[Finding]:
    """Two distributions installed the same file with different contents.

    ## Why it matters
    The last one won: the other one runs with foreign files. Uninstalling either breaks both.

    ## Causes
    Two builds of one thing under two names: `opencv-python` and `opencv-python-headless`,
    `tensorflow` and `tensorflow-cpu`, kernels for two CUDA versions.

    ## Remedy
    Uninstall both and install the one that is wanted.

    ## Sources
    RECORD of both. By default `__init__.py` files are compared, with `--deep` all files. Files with
    the same content (shared namespace packages) do no harm and are not reported.
    """
    pairs: dict[tuple[str, ...], list[dict[str, object]]] = {}
    for item in records(context["distributions.clobbered"]):
        owners = tuple(strings(item.get("owners")))
        if len(owners) > 1:
            pairs.setdefault(owners, []).append(item)
    for owners, items in pairs.items():
        files = [text(item.get("file")) for item in items]
        winners = sorted({text(item.get("winner")) for item in items} - {""})
        keep = winners[0] if winners else owners[-1]
        gone = remedies.uninstall(context, owners)
        again = remedies.install(context, [keep])
        yield fail(
            f"{' and '.join(owners)} overwrite each other's files",
            subject=" ".join(owners),
            detail=f"Both have {listed(files)}."
            + (f" On disk is what {listed(winners)} brought." if winners else ""),
            evidence=(
                Evidence("distributions.clobbered", listed(files), text(items[0].get("location"))),
            ),
            remedy=remedies.together(f"Keep one of them, here {keep}", gone, again),
        )


def editable_sources(context: Context) -> Iterator[Finding]:
    """The source directory of an editable installation is not there.

    ## Why it matters
    pip lists the distribution, and importing it fails: an editable installation is only a pointer
    to a directory.

    ## Causes
    The directory was moved, renamed or deleted; a container or another machine does not mount it.

    ## Remedy
    Install it again from where the source is now, or uninstall it.

    ## Sources
    PEP 610 (`direct_url.json`), the `.pth` of the installation, setuptools' `.egg-link`.
    """
    for one in installed(context):
        places = [p.partition(": ")[2] for p in one.problems if p.startswith("source-missing")]
        if not places:
            continue
        name = one.name
        why = f"Install {name} again from where its source is now (`pip install -e`), or remove it"
        remedy = remedies.uninstall(context, [name], why=why)
        if one.format == "egg-link":  # installers do not find what has no metadata
            remedy = Remedy(why, remedies.remove_directories(context, [one.path]))
        yield fail(
            f"{one} is installed from {places[0]}, which is not there",
            subject=name,
            evidence=(one.evidence(f"editable: {places[0]}"),),
            remedy=remedy,
        )


CHECKS = (
    Check("PKG104", "files of distributions are there", "error", few(missing_files), ("PY001",)),
    Check(
        "PKG105", "files of distributions are undamaged", "error", few(damaged_files), ("PY001",)
    ),
    Check("PKG106", "no file has two owners", "error", clobbered, ("PY001",)),
    Check(
        "PKG111",
        "editable installations have their source",
        "error",
        few(editable_sources),
        ("PY001",),
    ),
)
