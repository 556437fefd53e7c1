"""The one door for everything that leaves the process: no secrets, no names of people or machines.

The home directory becomes ``~``, other homes ``/home/<user>``, user and host names ``<user>`` and
``<host>`` where they stand as such (a path's component, ``user@host``), credentials and device
identifiers ``<redacted>``. Commands stay fit for pasting: there the home becomes what a shell
expands, with respect to the quotes it stands in.

Only what leaves is scanned, and patterns are loaded only if a quick look finds a suspicious mark.
"""

from __future__ import annotations

import os

from envcheck.model.facts import Fact, FactSheet
from envcheck.model.finding import Evidence, Finding, Report
from envcheck.typed import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from envcheck.model.cell import Run

    S = TypeVar("S")

HIDDEN = "<redacted>"
#: Names that say nothing about anybody.
_COMMON = frozenset(
    ("root", "user", "users", "admin", "ubuntu", "debian", "fedora", "runner", "vscode", "jovyan",
     "nobody", "python", "conda", "app", "home", "work", "data", "dev", "test", "build", "docker",
     "localhost", "worker", "node", "default")
)  # fmt: skip
#: Without any of these in a text, no pattern of ``secret_shapes`` can match …
_MARKS = (
    "@", "hf_", "api_org_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat", "glpat-", "sk-",
    "sk_", "nvapi-", "xox", "AKIA", "ASIA", "AIza", "npm_", "pypi-", "dckr_pat", "eyJ",
    "-----BEGIN", "GPU-", "MIG-", "/home/", "/Users/", "\\Users\\",
)  # fmt: skip
#: … nor without one of these, in any case, together with a ``=`` or ``:``.
_NAMES = (
    "token", "secret", "passw", "api_key", "api-key", "apikey", "access", "credential", "serial",
)  # fmt: skip
#: Without one of these in a member's name, it names no secret (``secret_shapes.secret_name``).
_KEYS = ("token", "secret", "passw", "key", "serial", "uuid", "machine")


class Identity(NamedTuple):
    """Whose names are hidden: home directories of this user, user names, host names.

    ``elsewhere``: home directories on the target. In a command they stay: the shell that it is
    pasted into would put another one for ``~``.
    """

    homes: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()


class Redactor:
    """Hides what must not leave; ``hidden`` holds each distinct thing it took out, never shown."""

    def __init__(self, identity: Identity) -> None:
        self.own = _longest_first(identity.homes)
        self.homes = _longest_first((*identity.homes, *identity.elsewhere))
        self.users = tuple(filter(_telling, identity.users))
        self.hosts = tuple(filter(_telling, identity.hosts))
        self.hidden: set[str] = set()

    def text(self, text: str) -> str:
        """``text`` with the home as ``~``; everything else hidden as the module says."""
        for home in self.homes:
            if home in text:
                text = _replace_path(text, home, _tilde)
        return self._scan(text)

    def harmless(self, text: str) -> bool:
        """Whether ``text`` stays as it is; True is certain."""
        names = (*self.homes, *self.users, *self.hosts)
        return not suspicious(text) and not any(name in text for name in names)

    def command(self, text: str, *, pasteable: bool = True) -> str:
        """As ``text``, with the home written so that a shell finds it again.

        ``pasteable``: names in paths stay, since a path without them is another one.
        """
        for home in self.own:
            if home in text:
                text = _replace_path(text, home, _shell_home)
        if "~/" in text:  # a sheet that was redacted before
            text = _replace_path(text, "~", _shell_home, "/")
        if pasteable:
            text = self._secrets(text)
        else:
            text = self._scan(text).replace("<user>", "USER").replace("<host>", "HOST")
        if text.startswith("''\"$HOME\"'"):
            text = text[2:]
        return text.replace(" ''\"$HOME\"'", ' "$HOME"\'')

    def value(self, value: Any, depth: int = 50) -> Any:
        """A copy of a JSON value, keys included, in which every text is redacted."""
        if isinstance(value, str):
            return self.text(value)
        if not depth:
            return "…" if isinstance(value, (dict, list, tuple)) else value
        if isinstance(value, dict):
            return {self.text(str(k)): self.member(k, v, depth - 1) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item, depth - 1) for item in value]
        return value

    def member(self, key: object, value: Any, depth: int) -> Any:
        """A member whose name says that its value is an identifier or a secret."""
        if isinstance(value, str) and value and isinstance(key, str) and _may_hide(key):
            from envcheck.secret_shapes import secret_name

            if secret_name(key) and not value.isalpha():  # letters alone: present, malformed …
                self.hidden.add(value)
                return HIDDEN
        return self.value(value, depth)

    def _secrets(self, text: str, *, names: bool = False) -> str:
        if suspicious(text):
            from envcheck.secret_shapes import scan

            return scan(text, self.hidden, names=names)
        return text

    def _scan(self, text: str) -> str:
        text = self._secrets(text, names=True)
        for name, shown in [
            *((u, "<user>") for u in self.users),
            *((h, "<host>") for h in self.hosts),
        ]:
            if name in text:
                from envcheck.secret_shapes import hide_name

                text = hide_name(text, name, shown, self.hidden)
        return text


class _Remembering(Redactor):
    """Asks once for each text: a run says the same ones for every cell."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(identity)
        self._known: dict[str, str] = {}

    def text(self, text: str) -> str:
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = super().text(text)
        return found


class _RedactedSheet(FactSheet):
    """A sheet whose facts are redacted when they are looked up: most of them never are."""

    __slots__ = ("_redactor", "_target")

    def __init__(self, sheet: FactSheet, redactor: Redactor) -> None:
        super().__init__(sheet.document)
        self._redactor = redactor
        self._target: dict[str, Any] = redactor.value(dict(sheet.target))

    @property
    def target(self) -> dict[str, Any]:
        return self._target

    @property
    def agent(self) -> dict[str, Any]:
        agent: dict[str, Any] = self._redactor.value(dict(super().agent))
        return agent

    def fact(self, key: str) -> Fact:
        fact = super().fact(key)
        hide = self._redactor
        value = hide.member(key.rpartition(".")[2], fact.value, 50)
        return Fact(fact.status, value, hide.text(fact.reason), hide.text(fact.source))


def without_secrets(text: str) -> str:
    """``text`` without credentials; names of people and machines stay: for the user's own eyes."""
    if not suspicious(text):
        return text
    from envcheck.secret_shapes import scan

    return scan(text, set(), names=False)


def redact_report(report: Report, *, facts: bool = False, pasteable: bool = False) -> Report:
    """``report`` fit to leave. A note says how many values were hidden.

    ``facts``: they will be written too, so what they hide is counted; else each is redacted when it
    is looked up. ``pasteable``: only a person at a terminal reads it, so commands keep the names in
    their paths.
    """
    redactor = Redactor(identity(report.sheet))
    sheet = _RedactedSheet(report.sheet, redactor)
    if facts:
        for key in sheet:
            sheet.fact(key)
    findings = tuple(_finding(finding, redactor, pasteable) for finding in report.findings)
    notes = tuple(map(redactor.text, report.notes))
    count = len(redactor.hidden)
    if count:
        notes += (f"redacted: {count} value{'' if count == 1 else 's'}",)
    return report._replace(sheet=sheet, findings=findings, notes=notes)


def redact_sheet(sheet: FactSheet) -> FactSheet:
    """``sheet`` with every fact redacted when it is looked up."""
    return _RedactedSheet(sheet, Redactor(identity(sheet)))


def redact_document(document: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """A fact sheet's document fit to leave, and how many distinct values were hidden."""
    redactor = Redactor(identity(FactSheet(document)))
    facts = document.get("facts")
    result = {key: redactor.value(value) for key, value in document.items() if key != "facts"}
    if isinstance(facts, dict):
        result["facts"] = {key: _entry(key, entry, redactor) for key, entry in facts.items()}
    elif "facts" in document:
        result["facts"] = redactor.value(facts)
    return result, len(redactor.hidden)


def redact_run(run: Run) -> Run:
    """A run of a matrix fit to leave: every text of it, logs' lines and findings included.

    Who is called like a word of the document (a user ``wheel``) keeps that word.
    """
    from msgspec import ValidationError, convert, to_builtins
    from msgspec.structs import replace

    from envcheck.config import identity as own
    from envcheck.model.cell import Run

    home, user, host = own()
    document = to_builtins(run)
    redactor = _Remembering(Identity((home,), (user,), (host,)))
    try:
        redacted = convert(redactor.value(document), Run)
    except ValidationError:
        redactor = _Remembering(Identity((home,)))
        redacted = convert(redactor.value(document), Run)
    count = len(redactor.hidden)
    if not count:
        return redacted
    notes = [*redacted.header.notes, f"redacted: {count} value{'' if count == 1 else 's'}"]
    return replace(redacted, header=replace(redacted.header, notes=notes))


def redact_struct(struct: S) -> S:
    """A document of another kind, fit to leave."""
    from msgspec import convert, to_builtins

    from envcheck.config import identity as own

    redactor = _Remembering(Identity((own()[0],)))
    return convert(redactor.value(to_builtins(struct)), type(struct))


def identity(sheet: FactSheet) -> Identity:
    """Homes and names, of this process and as far as the sheet tells of its target."""
    from envcheck.config import identity as own

    home, user, host = own()
    users, hosts = [user], [host]
    there = _target_home(sheet)
    if there.startswith(("/home/", "/Users/")):
        users.append(there.rpartition("/")[2])
    target = sheet.target.get("name")
    if sheet.target.get("kind") == "ssh" and isinstance(target, str):
        login, _, machine = target.rpartition("@")
        users.append(login)
        hosts.append(machine.partition(":")[0])
    return Identity((home,), tuple(users), tuple(hosts), (there,))


def _target_home(sheet: FactSheet) -> str:
    """The home directory on the target, as the place of its user site tells; empty if not known."""
    site = sheet.get("interpreter.user_site.path")
    if not isinstance(site, str):
        return ""
    for below in ("/.local/lib/", "/Library/Python/", "\\AppData\\"):
        home, found, _ = site.partition(below)
        if found:
            return home
    return ""


def _finding(finding: Finding, redactor: Redactor, pasteable: bool) -> Finding:
    hide = redactor.text
    remedy, anchor, waiver = finding.remedy, finding.anchor, finding.waiver
    if not (remedy or anchor or waiver):
        texts = [finding.title, finding.detail, finding.subject, finding.source]
        texts += [text for evidence in finding.evidence for text in evidence]
        if redactor.harmless("\n".join(map(str, texts))):
            return finding  # most findings of most reports
    return finding._replace(
        title=hide(str(finding.title)),
        detail=hide(str(finding.detail)),
        subject=hide(str(finding.subject)),
        source=hide(finding.source),
        evidence=tuple(Evidence(f, hide(str(v)), hide(s)) for f, v, s in finding.evidence),
        remedy=remedy
        and remedy._replace(
            text=hide(remedy.text),
            commands=tuple(redactor.command(c, pasteable=pasteable) for c in remedy.commands),
        ),
        anchor=anchor and anchor._replace(path=hide(_from_here(anchor.path))),
        waiver=waiver and waiver._replace(reason=hide(waiver.reason)),
    )


def _from_here(path: str) -> str:
    """``path`` relative to the working directory if it is inside: no home is in it then."""
    from envcheck.config import working_directory

    here = working_directory().rstrip(os.sep) + os.sep
    if here == os.sep:  # the root, or it was removed
        return path
    return path[len(here) :] if path.startswith(here) else path


def _entry(key: str, entry: Any, redactor: Redactor) -> Any:
    if not isinstance(entry, dict):
        return redactor.value(entry)
    result: dict[str, Any] = redactor.value({k: v for k, v in entry.items() if k != "value"})
    if "value" in entry:
        result["value"] = redactor.member(key.rpartition(".")[2], entry["value"], 50)
    return result


def _may_hide(key: str) -> bool:
    lower = key.lower()
    return any(word in lower for word in _KEYS)


def suspicious(text: str) -> bool:
    """Whether a pattern of ``secret_shapes`` may match; False is certain."""
    if any(mark in text for mark in _MARKS):
        return True
    lower = text.lower()
    if "bearer " in lower or "basic " in lower or ("://" in text and "?" in text):
        return True
    return ("=" in text or ":" in text) and any(name in lower for name in _NAMES)


def _longest_first(homes: tuple[str, ...]) -> list[str]:
    """The directories that are worth a ``~``, none inside another before it."""
    stripped = {home.rstrip("/\\") for home in homes}
    return sorted((h for h in stripped if len(h) > 3 and ("/" in h or "\\" in h)), key=len)[::-1]


def _telling(name: str) -> bool:
    return len(name) >= 3 and name.lower() not in _COMMON and not name.isdigit()


def _replace_path(text: str, home: str, shown: Callable[[str], str], after: str = "") -> str:
    """``home`` where it is a whole path or the beginning of one; ``shown`` gets what is before.

    ``after``: what must follow it.
    """
    before, *parts = text.split(home)
    result = before
    for part in parts:
        whole = not part or not (part[0].isalnum() or part[0] in "._-")
        whole = whole and part.startswith(after)
        starts = not before or not (before[-1].isalnum() or before[-1] in "._-/")
        starts = starts or before.endswith("://")
        result += (shown(result) if whole and starts else home) + part
        before = part
    return result


def _tilde(_: str) -> str:
    return "~"


def _shell_home(before: str) -> str:
    """How a POSIX shell's command that begins with ``before`` writes the home."""
    quote = ""
    escaped = False
    for character in before:
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
    if quote == '"':
        return "$HOME"
    if quote == "'":
        return "'\"$HOME\"'"
    return "~" if not before or before[-1].isspace() else '"$HOME"'
