"""Where distributions come from: what the matrix says, else what pip and uv are told here.

Addresses may hold credentials: a ``Sources`` stays in this process and is never shown.
"""

from __future__ import annotations

import marshal
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote
from urllib.request import pathname2url

from envcheck import process
from envcheck.config import variable, working_directory
from envcheck.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envcheck.model.matrix import Index

_AGENT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "agent")
#: The agent's reader of these settings, in a child: it is an island. What it does not read of
#: pip's files (certificates, proxies) is read here with the agent's parser. Both are of one
#: interpreter, so it may answer with ``marshal``: importing ``json`` takes a third of its time.
_READ = """
import marshal, sys
sys.path.insert(0, sys.argv[1])
from agent.probes import index_configuration as configuration
settings, errors = configuration.read()
options = []
for path in configuration.pip_files():
    try:
        with open(path, encoding="utf-8") as file:
            options += [[s, o, v, path] for s, o, v in configuration.read_ini(file.read())]
    except (OSError, ValueError):
        pass
files = [*configuration.pip_files(), *configuration.uv_files()]
answer = {"settings": settings, "errors": errors, "options": options, "files": files}
marshal.dump(answer, sys.stdout.buffer)
"""
_SECTIONS = ("install", "download", "global")


class Network(NamedTuple):
    """How the network is reached. ``verify``: a CA bundle, or empty for the system's and certifi's.

    ``trusted``: hosts (with or without port) whose certificates are not verified, as pip's
    ``--trusted-host``. Proxies of the environment and netrc hold besides.
    """

    verify: str = ""
    client_certificate: str = ""
    proxy: str = ""
    trusted: tuple[str, ...] = ()


class Sources(NamedTuple):
    """Indexes (the first is the main one) and find-links, as absolute URLs; ``notes``: what of the
    configuration could not be read.
    """

    indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    exclude_newer: str = ""
    network: Network = Network()
    notes: tuple[str, ...] = ()


class Configuration(NamedTuple):
    """What pip and uv are told here. ``main``: the index, empty if nothing is said; ``files``: the
    paths that were looked at, whether or not there is something.
    """

    main: str = ""
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    network: Network = Network()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def sources(index: Index, default: Index, configured: Configuration) -> Sources:
    """What holds for a cell: field by field what its matrix says, else ``default`` (envcheck's own
    settings), else the configuration of pip and uv.

    Raises UsageError if there is no index at all and none can be found out.
    """
    main = index.url or default.url
    extra = index.extra_urls or default.extra_urls
    if not configured.no_index:
        main = main or configured.main or default_index()
        extra = extra or list(configured.extra)
    links = index.find_links or default.find_links or configured.find_links
    return Sources(
        _distinct([main, *extra] if main else extra),
        _distinct(links),
        index.exclude_newer or default.exclude_newer,
        configured.network,
        configured.notes,
    )


def configuration() -> Configuration:
    """What pip and uv are told here; where they differ, pip's word holds and uv's comes after it.

    Raises DataError if it cannot be read.
    """
    arguments = [sys.executable, "-I", "-B", "-c", _READ, os.path.dirname(_AGENT)]
    answer = process.run(arguments, timeout=30)
    if answer.status != "ok":
        raise DataError(
            "the configuration of pip and uv could not be read",
            context=(answer.reason("its reader"), answer.text_err()[-500:]),
        )
    read: dict[str, Any] = marshal.loads(answer.stdout)  # noqa: S302
    settings = read["settings"]
    options = read["options"]
    extra = _strongest(settings, "extra-index-url")
    return Configuration(
        main=next(iter(_strongest(settings, "index-url")), ""),
        extra=extra,
        find_links=_strongest(settings, "find-links"),
        no_index=_pip(options, "no-index").lower() in ("1", "true", "yes", "on", "y", "t"),
        network=Network(
            _pip(options, "cert") or variable("REQUESTS_CA_BUNDLE") or variable("CURL_CA_BUNDLE"),
            _pip(options, "client-cert"),
            _pip(options, "proxy"),
            tuple(_pip(options, "trusted-host").split()),
        ),
        notes=tuple(read["errors"]),
        files=tuple(read["files"]),
    )


def default_index() -> str:
    """The index that pip takes when nothing is configured, as pip itself says it."""
    url = _index_of_pip_here() or _index_in_help_of_pip()
    if not url:
        raise UsageError(
            "no package index is configured, and there is no pip here that names one",
            hint="set PIP_INDEX_URL or UV_DEFAULT_INDEX, or `url` in the matrix's [index]",
        )
    return url


def _index_of_pip_here() -> str:
    try:
        from pip._internal.models.index import PyPI
    except ImportError:
        return ""
    return str(PyPI.simple_url)


def _index_in_help_of_pip() -> str:
    """From `pip install --help`, of the pip of another Python or the one that venvs are given."""
    for command in (["pip"], ["pip3"], ["python3", "-m", "pip"], *_bundled_pip()):
        text = process.run([*command, "install", "--help"], timeout=30).stdout.decode(
            errors="replace"
        )
        words = text.partition("--index-url")[2].partition("--extra-index-url")[0].split()
        for word in words:
            if word.startswith(("http://", "https://")):
                return word.rstrip(").,")
    return ""


def _bundled_pip() -> Iterable[list[str]]:
    from importlib.resources import files

    try:
        folder = files("ensurepip").joinpath("_bundled")
        wheels = [str(item) for item in folder.iterdir() if item.name.startswith("pip-")]
    except (ImportError, OSError):
        return []
    return [[sys.executable, f"{wheel}/pip"] for wheel in wheels]


def as_url(place: str) -> str:
    """``place`` as URL: what is none is a path of this machine."""
    scheme = place.partition("://")[0].lower() if "://" in place else ""
    if scheme in ("http", "https", "file"):
        return place
    if place.startswith("file:"):
        return "file://" + place.removeprefix("file:")
    if scheme:
        raise UsageError(f"an index cannot be reached by {scheme}: only by http, https and file")
    path = os.path.join(working_directory(), os.path.expanduser(place))
    path = os.path.normpath(path)
    return "file:" + pathname2url(path) if os.name == "nt" else "file://" + quote(path)


def _distinct(places: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(as_url(place) for place in places if place))


def _strongest(settings: list[dict[str, str]], name: str) -> tuple[str, ...]:
    """Values of a setting: all that the strongest source of each tool says, pip's first."""
    values: dict[str, None] = {}
    for tool in ("pip", "uv"):
        said = [s for s in settings if s["tool"] == tool and s["setting"] == name]
        values |= {s["value"]: None for s in said if s["source"] == said[0]["source"]}
    return tuple(values)


def _pip(options: list[list[str]], name: str) -> str:
    """One of pip's options: its variable, else the strongest file's, a command's section first."""
    said = variable("PIP_" + name.upper().replace("-", "_"))
    for section in _SECTIONS:
        said = said or next((v for s, o, v, _ in options if (s, o) == (section, name)), "")
    return said
