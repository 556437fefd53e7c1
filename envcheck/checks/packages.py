"""PKG10x: the metadata of installed distributions, and that there is one of each."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context, NotApplicable, sentence
from envcheck.checks.installed import (
    Distribution,
    few,
    in_use,
    installed,
    listed,
    name_of,
)
from envcheck.checks.specifiers import canonical, satisfies
from envcheck.model.finding import Evidence, Finding, Remedy, fail
from envcheck.model.reading import records, strings, text
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_METADATA = {
    "metadata-missing": "has no METADATA",
    "metadata-empty": "has an empty METADATA",
    "metadata-no-name": "has a METADATA without a name",
    "metadata-no-version": "has a METADATA without a version",
    "metadata-truncated": "has a METADATA that ends inside a line",
    "metadata-huge": "has a METADATA whose header does not end",
    "metadata-unreadable": "has a METADATA that cannot be read",
    "metadata-bom": "has a METADATA that begins with a byte order mark",
    "metadata-not-utf-8": "has a METADATA that is not UTF-8",
    "metadata-shortened": "has a METADATA that is shorter than what was installed",
}
_DENIED = "Permission denied"
_ADVISORY = ("metadata-shortened",)


def metadata(context: Context) -> Iterator[Finding]:
    """A distribution's METADATA is missing, empty or cut off.

    ## Why it matters
    pip and `importlib.metadata` skip such a distribution or fail on it: it can be imported, but
    nobody knows its version or what it needs. pip itself often does not mention it.

    ## Causes
    A full disk or a killed process during installation, two installers at once, a partial copy.

    ## Remedy
    Install the same version again over it.

    ## Sources
    PyPA specification "Recording installed projects"; core metadata specification.
    """
    for one in installed(context):
        words = [problem.partition(":")[0] for problem in one.problems]
        broken = [word for word in words if word in _METADATA]
        if not broken or one.format == "egg-link":
            continue
        detail = next((p for p in one.problems if ":" in p and p.startswith("metadata")), "")
        advisory = all(word in _ADVISORY for word in broken)
        yield fail(
            f"{one} {_METADATA[broken[0]]}",
            severity="warning" if advisory else "",
            subject=one.name,
            detail=sentence(detail.partition(": ")[2]),
            evidence=(Evidence("distributions.installed", ", ".join(broken), one.path),),
            remedy=_readable_again(context, one)
            if _DENIED in detail
            else remedies.reinstall(context, [one.pinned], damaged=True),
        )


def _readable_again(context: Context, one: Distribution) -> Remedy:
    if context.get("host.os") == "windows":
        return Remedy(f"Let this user read {one.path}")
    why = f"Let every user read {one.location}, as its owner or root"
    return remedies.typed(context, why, [["chmod", "-R", "a+rX", one.location]])


def duplicates(context: Context) -> Iterator[Finding]:
    """One distribution has two dist-info directories in one place.

    ## Why it matters
    Which version is reported depends on the order of the directory; only one set of files is there.
    Dependency checks judge a version that may not be the one that is imported.

    ## Causes
    An interrupted upgrade, `pip install --target` twice, two installers, files copied by hand.

    ## Remedy
    Remove the stale dist-info, or install the wanted version again.

    ## Sources
    PyPA specification "Recording installed projects". Each RECORD is compared with the files.
    """
    for group in records(context["distributions.duplicates"]):
        name = text(group.get("name")) or "?"
        ballots = records(group.get("ballots"))
        versions = [text(ballot.get("version")) or "no version" for ballot in ballots]
        real, why = _election(group, ballots)
        stale = [text(b.get("path")) for b in ballots if real and text(b.get("version")) != real]
        verdict = f"The files on disk are those of {real}: {why}." if real else why
        wanted = f"{name}=={real}" if real else name
        yield fail(
            f"{name} is there {len(ballots)} times: {listed(versions, limit=5)}",
            subject=name,
            detail=verdict + (f" Stale: {listed(stale)}." if stale else ""),
            evidence=tuple(
                Evidence(
                    "distributions.duplicates",
                    f"{text(b.get('version'))}: {b.get('matching')} of {b.get('files')} match",
                    text(b.get("path")),
                )
                for b in ballots
            ),
            remedy=_remove_stale(context, stale, wanted),
        )


def _election(group: dict[str, object], ballots: list[dict[str, object]]) -> tuple[str, str]:
    """(version whose files are on disk or empty, why)."""
    says = text(group.get("says"))
    for ballot in ballots:
        if says and satisfies(text(ballot.get("version")), f"=={says.partition('+')[0]}"):
            return text(ballot.get("version")), f"the sources say {says}"
    own = [ballot for ballot in ballots if ballot.get("own") is True]
    if len(own) == 1:
        return text(own[0].get("version")), "only its RECORD speaks of its own directory"
    shares = sorted(
        ((_share(ballot), text(ballot.get("version"))) for ballot in ballots), reverse=True
    )
    if len(shares) > 1 and shares[0][0] > shares[1][0]:
        return shares[0][1], "more files match its RECORD"
    return "", "Which version's files are on disk cannot be told."


def _share(ballot: dict[str, object]) -> float:
    files, matching = ballot.get("files"), ballot.get("matching")
    if isinstance(files, int) and isinstance(matching, int) and files > 0:
        return matching / files
    return 0.0


def _remove_stale(context: Context, stale: list[str], wanted: str) -> Remedy:
    reinstall = remedies.reinstall(context, [wanted], damaged=True)
    removals = remedies.remove_directories(context, stale)
    if not removals:
        return reinstall
    return Remedy(
        "Remove the stale metadata, then install it again", (*removals, *reinstall.commands)
    )


def leftovers(context: Context) -> Iterator[Finding]:
    """Pip renamed a directory (`~orch`) to replace it and never finished.

    ## Why it matters
    If the distribution is not there as well, the installation was interrupted and it is gone. If it
    is, the leftover only takes space and makes pip print warnings.

    ## Causes
    A killed pip, a full disk, files in use (Windows, NFS).

    ## Remedy
    Install it again if it is missing; remove the leftover.

    ## Sources
    pip, `pip/_internal/utils/temp_dir.py`: AdjacentTempDirectory puts `~` for leading characters.
    """
    distributions = installed(context)
    for item in records(context["distributions.leftovers"]):
        path, name = text(item.get("path")), text(item.get("name"))
        leftover = path.replace("\\", "/").rpartition("/")[2]
        owner = _owner(name, leftover, distributions)
        wanted = name or (owner.name if owner else _needed(leftover, distributions))
        evidence = (Evidence("distributions.leftovers", leftover, path),)
        removal = remedies.remove_directories(context, [path])
        if wanted and (owner is None or owner.missing):
            version = text(item.get("version")) or (owner.version if owner else "")
            again = remedies.reinstall(
                context, [f"{wanted}=={version}" if version else wanted], damaged=True
            )
            yield fail(
                f"the installation of {wanted} was interrupted",
                subject=wanted,
                detail=f"pip renamed a directory of it to {leftover} and did not finish.",
                evidence=evidence,
                remedy=again._replace(commands=(*removal, *again.commands)),
            )
        else:
            yield fail(
                f"{leftover} is left from an interrupted installation",
                subject=path,
                severity="warning",
                detail=f"{owner} itself is whole." if owner else "",
                evidence=evidence,
                remedy=Remedy("Remove it", removal) if removal else None,
            )


def _owner(name: str, leftover: str, distributions: list[Distribution]) -> Distribution | None:
    """The installed distribution that the leftover was a part of."""
    for one in distributions:
        names = (one.key, *map(canonical, one.imports))
        if one.key == canonical(name) if name else any(is_renamed(leftover, n) for n in names):
            return one
    return None


def _needed(leftover: str, distributions: list[Distribution]) -> str:
    """The distribution that others require and whose name the leftover had; empty if none."""
    for one in distributions:
        for requirement in one.requires:
            if is_renamed(leftover, canonical(name_of(requirement))):
                return name_of(requirement)
    return ""


def is_renamed(leftover: str, name: str) -> bool:
    """Whether pip may have renamed ``name`` so: its first characters are replaced."""
    stem = leftover.partition(".dist-info")[0].lstrip("~")
    stem = canonical(stem.partition("-")[0] if leftover.endswith(".dist-info") else stem)
    return bool(stem) and len(stem) < len(name) <= len(stem) + 3 and name.endswith(stem)


def records_present(context: Context) -> Iterator[Finding]:
    """A distribution that pip or uv installed has no usable RECORD.

    ## Why it matters
    It can neither be uninstalled nor upgraded cleanly, and its files cannot be checked.

    ## Causes
    An interrupted installation or removal; a dist-info copied by hand.

    ## Remedy
    Install the same version again over it.

    ## Sources
    pip's error `uninstall-no-record-file`; PyPA specification "Recording installed projects".
    """
    for one in installed(context):
        foreign = [p for p in one.problems if p.startswith("record-")]
        without = one.record is False and bool(one.installer)
        if one.format != "dist-info" or not (without or foreign) or not one.from_wheel:
            continue
        what = "has no RECORD" if without else _record_problem(foreign[0])
        if _is_duplicate(context, one):
            continue
        yield fail(
            f"{one} {what}",
            subject=one.name,
            evidence=(one.evidence(what),),
            remedy=remedies.reinstall(context, [one.pinned], damaged=True),
        )


def _record_problem(problem: str) -> str:
    word, _, detail = problem.partition(": ")
    known = {
        "record-of-another": "has a RECORD that is not its own",
        "record-unreadable": "has a RECORD that cannot be read",
        "record-empty": "has an empty RECORD",
    }
    return known.get(word, "has a RECORD that is none") + (f" ({detail})" if detail else "")


def _is_duplicate(context: Context, one: Distribution) -> bool:
    groups = records(context.get("distributions.duplicates"))
    return any(canonical(text(group.get("name"))) == one.key for group in groups)


def versions(context: Context) -> Iterator[Finding]:
    """An installed version is none that PEP 440 knows.

    ## Why it matters
    It cannot be compared with any requirement; recent pip refuses to handle it.

    ## Causes
    An old or hand-made distribution; a damaged METADATA.

    ## Remedy
    Upgrade or remove it.

    ## Sources
    PEP 440; pip 24.1 removed legacy versions.
    """
    for one in installed(context):
        if one.version and satisfies(one.version, ">=0") is None:
            yield fail(
                f"{one.name} has the version {one.version!r}, which is none",
                subject=one.name,
                severity="" if one.from_wheel else "note",
                evidence=(one.evidence(),),
                remedy=_replaced(context, one) if one.from_wheel else None,
            )


def _replaced(context: Context, one: Distribution) -> Remedy:
    """Installers neither upgrade nor uninstall a version that they cannot read."""
    again = remedies.reinstall(context, [one.name], damaged=True)
    why = f"Remove what {one.name} states, and install it again"
    return Remedy(why, (*remedies.remove_directories(context, [one.path]), *again.commands))


def readable(context: Context) -> Iterator[Finding]:
    """A directory of the module search path cannot be listed.

    ## Why it matters
    What is installed there is unknown, and importing from it fails.

    ## Causes
    Permissions, a dead network mount, a loop of symbolic links.

    ## Remedy
    Give this user access, or take the directory off the path.

    ## Sources
    The operating system's error, shown with the finding.
    """
    for problem in strings(context["distributions.unreadable"]):
        yield fail(
            f"cannot list {problem}",
            subject=problem.partition(":")[0],
            evidence=(Evidence("distributions.unreadable", problem),),
            remedy=Remedy("Give this user access, or take the directory off the path"),
        )


def one_installer(context: Context) -> Iterator[Finding]:
    """Conda and pip both installed a distribution of this conda environment.

    ## Why it matters
    conda does not know what pip replaced: its next update can overwrite or remove it.

    ## Causes
    `pip install -U` of something that conda brought.

    ## Remedy
    Install it with one of them; with pip last, and not conda again after that.

    ## Sources
    conda's documentation, "Using pip in a conda environment".
    """
    packages = strings(context["distributions.conda"])
    if not packages:
        raise NotApplicable("not a conda environment")
    of_conda = {canonical(item.partition("=")[0]): item for item in packages}
    for one in in_use(installed(context)).values():
        item = of_conda.get(one.key)
        if item is None or one.installer in ("", "conda"):
            continue
        version = item.partition("=")[2].partition("=")[0]
        if one.version and version != one.version:
            yield fail(
                f"{one} from {one.installer} replaced conda's {version}",
                subject=one.name,
                evidence=(one.evidence(), Evidence("distributions.conda", item)),
                remedy=Remedy("Leave it to one of them; after pip, do not update it with conda"),
            )


CHECKS = (
    Check("PKG101", "metadata of distributions is whole", "error", few(metadata), ("PY001",)),
    Check("PKG102", "one dist-info for each distribution", "error", duplicates, ("PY001",)),
    Check("PKG103", "no interrupted installation", "error", leftovers, ("PY001",)),
    Check("PKG107", "distributions have their RECORD", "warning", few(records_present), ("PY001",)),
    Check("PKG108", "versions are valid", "warning", few(versions), ("PY001",)),
    Check("PKG109", "the search path can be read", "warning", readable, ("PY001",)),
    Check("PKG110", "conda and pip do not replace each other's", "note", one_installer, ("PY001",)),
)
