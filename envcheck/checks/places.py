"""RES1xx: disk space and rights where machine learning writes."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context
from envcheck.checks.installed import has_distribution
from envcheck.checks.resources import GIB, MIB, gib
from envcheck.model.finding import Evidence, Finding, Remedy, fail
from envcheck.model.reading import number, records
from envcheck.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL = 64 * MIB  # hardly a log file fits
_TIGHT = {"HF_HOME": 2 * GIB, "HF_HUB_CACHE": 2 * GIB, "output": 2 * GIB, "TORCH_HOME": GIB}
_TIGHT_ELSEWHERE = 256 * MIB
_FEW_INODES = 1000
_HUGGING_FACE = ("HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE")
_COMPILED = ("TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "TORCH_EXTENSIONS_DIR")
_WRITTEN = (*_HUGGING_FACE, "TMPDIR", "TORCH_HOME", *_COMPILED)
_RUN_FROM = ("TMPDIR", "site-packages", *_COMPILED)
#: places that nobody uses without one of these distributions
_USERS = {
    **dict.fromkeys(_HUGGING_FACE, ("huggingface-hub", "transformers", "datasets", "diffusers")),
    **dict.fromkeys(("TORCH_HOME", *_COMPILED), ("torch",)),
}


def space(context: Context) -> Iterator[Finding]:
    """A file system that machine learning writes to is full, or nearly so.

    ## Why it matters
    A checkpoint or download that does not fit ends in "No space left on device", often hours into a
    run, and can leave a truncated file that is taken for a good one.

    ## Causes
    Old checkpoints, the Hugging Face cache, a small tmpfs, a small container layer.

    ## Remedy
    Free space, or point the variable that decides the place to another file system.

    ## Sources
    `statvfs(3)`: space for ordinary users. Quotas of one user do not show there.
    """
    for group in _by_filesystem(_usable(context)):
        short = [record for record in group if _is_tight(record)]
        if not short:
            continue
        free, total = short[0]["free"], number(short[0].get("total"))
        full = free < _FULL
        writes = any(record["label"] != "site-packages" for record in short)
        size = f" of {gib(total)}" if total is not None else ""
        yield fail(
            f"only {gib(free)}{size} free for {_labels(short)}",
            severity="error" if full and writes else "warning",
            detail=_where(short),
            subject=_labels(short),
            evidence=evidence_of(short, "free"),
            remedy=elsewhere(context, short, "Free space there"),
        )


def inodes(context: Context) -> Iterator[Finding]:
    """A file system can hold hardly any more files, though there is space left.

    ## Why it matters
    "No space left on device" while `df` shows space: what is used up are inodes, one for each file.

    ## Causes
    Very many small files: unpacked datasets, caches, package environments.

    ## Remedy
    Delete directories of many small files; `df -i` shows the count.

    ## Sources
    `statvfs(3)`. File systems that make inodes as needed (btrfs, ZFS) report none and are passed
    over.
    """
    for group in _by_filesystem(_usable(context)):
        record = group[0]
        free = record.get("inodes_free")
        if isinstance(free, int) and free < _FEW_INODES:
            yield fail(
                f"only {free} more files can be made for {_labels(group)}",
                severity="error" if free < 10 else "warning",
                detail=f"Space is free ({gib(record['free'])}); the inodes are used up. "
                + _where(group),
                subject=_labels(group),
                evidence=evidence_of(group, "inodes_free"),
                remedy=elsewhere(context, group, "Delete directories of many small files"),
            )


def writable(context: Context) -> Iterator[Finding]:
    """A cache or temporary directory cannot be written.

    ## Why it matters
    Downloads, compiled kernels and temporary files go there; the first one fails with "Permission
    denied" or "Read-only file system".

    ## Causes
    A read-only home or root (Kubernetes, compute nodes), a cache that another user or root made, a
    user without a home directory.

    ## Remedy
    Point the variable that decides the place to a directory that can be written.

    ## Sources
    `access(2)`, `statvfs(3)`; the rules of huggingface_hub, tempfile, torch and Triton for each
    place.
    """
    refused = [
        record
        for record in _usable(context)
        if record["label"] in _WRITTEN and record.get("writable") is False
    ]
    for group in _by(refused, "resolved"):
        readonly = group[0].get("readonly") is True
        yield fail(
            f"{_labels(group)} cannot be written"
            + (": the file system is mounted read-only" if readonly else ""),
            severity="error" if any(_is_used(context, record) for record in group) else "warning",
            detail=_where(group),
            subject=_labels(group),
            evidence=evidence_of(group, "writable"),
            remedy=elsewhere(context, group, ""),
        )


def executable(context: Context) -> Iterator[Finding]:
    """Programs and libraries cannot be run from a directory that compiled code is put in.

    ## Why it matters
    torch.compile, Triton and extensions compile libraries there and load them: "failed to map
    segment from shared object: Operation not permitted".

    ## Causes
    `/tmp` or `/home` is mounted `noexec`, as hardening guides advise.

    ## Remedy
    Point TMPDIR, TRITON_CACHE_DIR or TORCHINDUCTOR_CACHE_DIR to a directory without noexec.

    ## Sources
    `statvfs(3)`, ST_NOEXEC. Observed: dlopen fails on a tmpfs mounted noexec.
    """
    refused = [
        record
        for record in _usable(context)
        if record["label"] in _RUN_FROM and record.get("executable") is False
    ]
    for group in _by_filesystem(refused):
        packages = any(record["label"] == "site-packages" for record in group)
        yield fail(
            f"compiled code cannot be loaded from {_labels(group)}: mounted noexec",
            severity="error" if packages else "warning",
            detail=_where(group),
            subject=_labels(group),
            evidence=evidence_of(group, "executable"),
            remedy=elsewhere(context, group, ""),
        )


def decided(context: Context) -> Iterator[Finding]:
    """The variable that decides a place names something that cannot be used.

    ## Why it matters
    Each program copes in its own way: Python falls back silently to another temporary directory,
    compilers fail, caches end up in a directory that nobody expects.

    ## Causes
    A variable from another machine, a directory that a job's end deleted, a link to an unmounted
    disk, a file server that does not answer, no home directory.

    ## Remedy
    Make the directory, or set the variable to one that exists.

    ## Sources
    Python documentation, `tempfile.gettempdir`; huggingface_hub `constants.py`.
    """
    wrong = [
        {**record, "error": error}
        for record in records(context["limits.disks"])
        if record.get("label") in (*_WRITTEN, "output") and (error := _obstacle(record))
    ]
    for group in _by(wrong, "error"):
        labels = [record["label"] for record in group]
        unusable = any(_fails(context, record) for record in group)
        first = "Make the directory" if group[0].get("exists") is False else ""
        remedy = elsewhere(context, group, first)
        if labels == ["output"] and group[0].get("path") is None:
            remedy = Remedy("Change to a directory that exists", ("cd",))
        yield fail(
            f"{_labels(group)}: {group[0]['error']}",
            severity="error" if unusable else "warning",
            detail=_where([record for record in group if record.get("path")]),
            subject=_labels(group),
            evidence=evidence_of(group, "error"),
            remedy=remedy,
        )


def _fails(context: Context, record: dict[str, Any]) -> bool:
    """Whether a program that is installed will fail there, rather than go elsewhere."""
    if record["label"] == "TMPDIR":  # Python falls back, as long as there is anything
        return record.get("path") is None
    blocked = record.get("kind") in ("file", "other") or any(
        words in str(record["error"]) for words in ("is no directory", "Permission denied")
    )
    cache = record["label"] in _USERS
    return cache and blocked and _is_used(context, record)


def _obstacle(record: dict[str, Any]) -> str:
    """What keeps a place from being used; empty if nothing is known to."""
    error = record.get("error")
    if isinstance(error, str) and error:
        return error
    if record.get("kind") in ("file", "other"):
        return f"{record.get('path')} is no directory"
    return ""


def _usable(context: Context) -> list[dict[str, Any]]:
    """The records of places whose file system could be asked."""
    return [
        record
        for record in records(context["limits.disks"])
        if isinstance(record.get("label"), str) and number(record.get("free")) is not None
    ]


def place_of(context: Context, label: str) -> dict[str, Any] | None:
    """The record of the place called ``label``, None if the agent was not asked about it."""
    return next(
        (record for record in records(context["limits.disks"]) if record.get("label") == label),
        None,
    )


def _by_filesystem(places: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return _by(places, "filesystem")


def _by(places: list[dict[str, Any]], key: str) -> list[list[dict[str, Any]]]:
    groups: dict[object, list[dict[str, Any]]] = {}
    for record in places:
        groups.setdefault(str(record.get(key)), []).append(record)
    return list(groups.values())


def _is_tight(record: dict[str, Any]) -> bool:
    return bool(record["free"] < _TIGHT.get(record["label"], _TIGHT_ELSEWHERE))


def _is_used(context: Context, record: dict[str, Any]) -> bool:
    """Whether something that is installed, or the profile, needs to write there."""
    users = _USERS.get(record["label"])
    if users is None or context.profile is not None:
        return True
    return bool(has_distribution(context, *users))


def _labels(group: list[dict[str, Any]]) -> str:
    return ", ".join(str(record["label"]) for record in group)


def _where(group: list[dict[str, Any]]) -> str:
    """Each place with its path and what decides it, in sentences."""
    sentences = []
    for record in group:
        variable = record.get("variable")
        label = str(record.get("label"))
        if variable:
            decides = f"{variable} decides it"
        elif label in ("output", "site-packages"):
            decides = "the working directory" if label == "output" else "the environment"
        else:
            decides = "the default, no variable is set"
        sentences.append(f"{label} is {record.get('path')} ({decides}).")
    return " ".join(sentences)


def evidence_of(group: list[dict[str, Any]], key: str) -> tuple[Evidence, ...]:
    """The member ``key`` of these records."""
    return tuple(
        Evidence(
            "limits.disks",
            f"{record.get('label')}: {key} {_word(record.get(key))}",
            str(record.get("path") or ""),
        )
        for record in group
    )


def _word(value: object) -> str:
    """A member of a record, for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not known" if value is None else str(value)


def elsewhere(context: Context, group: list[dict[str, Any]], first: str) -> Remedy:
    """Set the variables of these places to another directory."""
    names = [str(record["label"]) for record in group if str(record["label"]).isupper()]
    if not names:
        return Remedy(first or "Use another directory")
    text = f"set {' and '.join(names)} to a directory on another file system"
    text = f"{first}, or {text}" if first else text[0].upper() + text[1:]
    parts = [remedies.export(context, name, f"/path/to/{name.lower()}", text) for name in names]
    return remedies.together(parts[0].text, *parts)


CHECKS = (
    Check("RES101", "there is disk space where it matters", "warning", space),
    Check("RES102", "there are inodes where it matters", "warning", inodes),
    Check("RES103", "caches and temporary files can be written", "error", writable),
    Check("RES104", "compiled code can be loaded from where it is put", "warning", executable),
    Check("RES105", "the places that variables name can be used", "warning", decided),
)
