"""Shapes of secrets and identifiers. Loaded by ``redact`` only when a text looks suspicious."""

from __future__ import annotations

import re

_HIDDEN = "<redacted>"

#: One pattern for all shapes; the name of the group that matched says what to keep.
_SHAPES = re.compile(
    r"""
    (?P<url>\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@'"<>]+@             # scheme://user:password@
  | (?P<key>-----BEGIN\ [A-Z\ ]*PRIVATE\ KEY-----)[\s\S]*?(?:-----END\ [A-Z\ ]*-----|\Z)
  | (?P<token>(?<![A-Za-z0-9_])(?:
        hf_[A-Za-z0-9]{8,} | api_org_[A-Za-z0-9]{8,}
      | gh[pousr]_[A-Za-z0-9]{16,} | github_pat_[A-Za-z0-9_]{16,} | glpat-[A-Za-z0-9_-]{16,}
      | sk-[A-Za-z0-9_-]{16,} | sk_(?:live|test)_[A-Za-z0-9]{10,} | nvapi-[A-Za-z0-9_-]{16,}
      | xox[abeoprs]-[A-Za-z0-9-]{10,} | (?:AKIA|ASIA)[A-Z0-9]{16} | AIza[A-Za-z0-9_-]{30,}
      | npm_[A-Za-z0-9]{20,} | pypi-[A-Za-z0-9_-]{20,} | dckr_pat_[A-Za-z0-9_-]{16,}
      | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*
    ))
  | (?P<device>\b(?:GPU|MIG)-)(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?:/\d+/\d+)?)
  | (?P<query>[?&;](?i:[a-z0-9_.-]*(?:sig|signature|credential|policy|auth|code|key|token))=)
      (?!<redacted>)[^\s&;"'<>\#]+                                 # of an address: ?sig=…
  | (?P<bearer>\b(?i:bearer|basic)\ +)[A-Za-z0-9._~+/=-]{12,}
  | (?P<name>\b(?i:[A-Za-z0-9_.-]*?(?:token|secret|passwo?rd|passwd|credentials?
        |(?:api|access|secret)[_-]?key|serial(?:[ _-]?(?:number|no))?))["']?\ ?)
      (?: (?P<is>=\ ?["']?)(?!=|\d+(?:\.\d+)+|<redacted>
            |(?i:present|absent|malformed|unset|set|unknown|none|null|true|false|yes|no)\b)
          [^\s"',;&]{4,}
        | (?P<colon>:\ ?["']?)(?!\d+(?:\.\d+)+)(?=[^\s"',;&]*\d)[^\s"',;&]{8,} )
  | (?P<home>(?:/home/|/Users/|[A-Za-z]:\\Users\\))
      (?!<user>|(?:root|runner|ubuntu|vscode|jovyan|user|Shared|Public|linuxbrew)\b)
      [^\s/\\'":;,<>()]+
  | (?P<login>(?<![\w.@/+-])[a-z_][a-z0-9_.-]{1,31}@(?!sha\d)
      [A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*(?![\w@/]))
    """,
    re.VERBOSE,
)

_SECRET = re.compile(
    r"(?i)(?:^|[._-])(?:(?:access|auth|api|bearer|refresh|hf|hub)[_-]?)?"
    r"(?:token|secret|passwo?rd|passwd|api[_-]?key|secret[_-]?key|access[_-]?key(?:[_-]id)?"
    r"|private[_-]?key|serial|serial[_-]number|uuid|machine[_-]?id)$"
)


def secret_name(name: str) -> bool:
    """Whether a member of this name holds a secret or an identifier of a thing (``uuid``)."""
    return _SECRET.search(name) is not None


def scan(text: str, hidden: set[str], *, names: bool) -> str:
    """``text`` without what has the shape of a secret or an identifier; adds those to ``hidden``.

    ``names``: also without the names in ``/home/NAME`` and ``user@host``.
    """

    def replace(match: re.Match[str]) -> str:
        if not names and (match["home"] or match["login"]):
            return match.group()
        hidden.add(match.group())
        if match["home"]:
            return f"{match['home']}<user>"
        if match["login"]:
            return "<user>@<host>"
        if match["url"]:
            return f"{match['url']}{_HIDDEN}@"
        groups = ("device", "query", "bearer", "name", "is", "colon")
        return "".join(match[group] or "" for group in groups) + _HIDDEN

    return _SHAPES.sub(replace, text)


def hide_name(text: str, name: str, shown: str, hidden: set[str]) -> str:
    """``name`` where it is a component of a path or stands beside an ``@``."""
    quoted = re.escape(name)
    pattern = rf"(?<=[/\\@]){quoted}(?=[/\\@:\s'\",.]|$)|(?<![\w.-]){quoted}(?=@)|^{quoted}$"
    result, count = re.subn(pattern, shown, text)
    if count:
        hidden.add(name)
    return result
