"""The network as programs are told to use it: certificates, proxies, offline, package indexes.

Nothing is contacted and ``ssl`` is not imported unless ``deep`` or ``online`` asks for it.
Credentials in addresses are left out of every fact.
"""

import os

from ..protocol import Field, read_bytes

FIELDS = (
    Field(
        "ca",
        "records",
        "Variables that name the certificate authorities to trust",
        item=(
            Field("variable", "string", "`SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE` …"),
            Field("path", "string", "What it says"),
            Field("status", "string", "`ok missing unreadable empty malformed`"),
            Field("error", "string", "What is wrong with it"),
            Field(
                "certificates", "integer", "How many OpenSSL loads; only with `--deep`, `--online`"
            ),
        ),
    ),
    Field(
        "proxies",
        "records",
        "Proxy variables",
        item=(
            Field("variable", "string", "`HTTPS_PROXY`, `http_proxy` …"),
            Field("url", "string", "Without credentials"),
            Field("error", "string", "Why it cannot be used"),
        ),
    ),
    Field("no_proxy", "strings", "Hosts that are reached without a proxy"),
    Field("offline", "strings", "Variables that forbid downloads and are set to a true value"),
    Field(
        "index",
        "records",
        "Where pip and uv are told to find distributions",
        item=(
            Field("tool", "string", "`pip` or `uv`"),
            Field("setting", "string", "`index-url`, `extra-index-url`, `find-links`"),
            Field("value", "string", "Address or path, without credentials"),
            Field("source", "string", "The variable or the file that says so"),
        ),
    ),
    Field(
        "index.errors", "strings", "Configuration files of pip and uv that cannot be read, and why"
    ),
    Field(
        "index.answer",
        "string",
        "`ok tls dns proxy refused timeout http error`; only with `--online`",
    ),
    Field("index.answer.detail", "string", "What was said, without the address's credentials"),
    Field("index.answer.url", "string", "The index that was asked, without credentials"),
    Field("index.answer.seconds", "number", "How long it took", unit="s"),
)

CA_VARIABLES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE")
_OFFLINE_OTHER = ("PIP_NO_INDEX", "UV_OFFLINE", "UV_NO_INDEX", "CONDA_OFFLINE")
_TRUE = ("1", "on", "yes", "true", "t", "y")


def collect(facts, request):
    seen = {}
    bundles = [bundle for bundle in (_bundle(name, seen) for name in CA_VARIABLES) if bundle]
    proxies = [proxy for proxy in map(_proxy, _proxy_variables()) if proxy]
    facts.known("ca", bundles, "environment")
    facts.known("proxies", proxies, "environment")
    excluded = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    names = [name.strip() for name in excluded.split(",") if name.strip()] if excluded else None
    facts.found("no_proxy", names, "no_proxy, NO_PROXY")
    facts.known(
        "offline", [name for name in _OFFLINE + _OFFLINE_OTHER if _is_true(name)], "environment"
    )
    from . import index_configuration

    settings, errors = index_configuration.read()
    public = [dict(setting, value=public_address(setting["value"])) for setting in settings]
    facts.known("index", public, "variables and configuration files of pip and uv")
    facts.known("index.errors", errors, "configuration files of pip and uv")
    if request.deep or request.online:
        from . import network_online

        network_online.load_bundles(bundles)
    if request.online:
        network_online.ask_index(facts, settings, proxies)
    else:
        for name in ("answer", "answer.detail", "answer.url", "answer.seconds"):
            facts.unknown("index." + name, "not asked for: --online")


def _is_true(name):
    return os.environ.get(name, "").strip().lower() in _TRUE


def _bundle(variable, seen):
    """What a certificate variable says and whether that can be certificates; None if it is unset.

    ``seen``: path -> status of the files that were looked at; often all variables name one.
    """
    path = os.environ.get(variable, "")
    if not path:
        return None  # OpenSSL, requests and pip take an empty one as unset
    if variable == "SSL_CERT_DIR":
        is_there = any(os.path.isdir(folder) for folder in path.split(os.pathsep) if folder)
        status, error = ("ok", None) if is_there else ("missing", "there is no such directory")
    elif os.path.isdir(path):  # requests and pip take a directory, OpenSSL does not
        status, error = "ok", None
        if variable == "SSL_CERT_FILE":
            status, error = "malformed", "it is a directory, which only SSL_CERT_DIR may name"
    else:
        if path not in seen:
            seen[path] = _bundle_status(path)
        status, error = seen[path]
    record = {"variable": variable, "path": path, "status": status, "error": error}
    record["certificates"] = None
    return record


def _bundle_status(path):
    if not os.path.lexists(path):
        return "missing", "there is no such file"
    if not os.path.exists(path):
        return "missing", "it is a link to something that is not there"
    if not os.access(path, os.R_OK):
        return "unreadable", "this user may not read it"
    data = read_bytes(path, 1 << 16)
    if data is None:
        return "unreadable", "it cannot be read"
    if not data.strip():
        return "empty", "the file is empty"
    if b"-----BEGIN " in data and b"CERTIFICATE-----" in data:
        return "ok", None
    if len(data) >= 1 << 16:
        return "ok", None  # a long preamble; OpenSSL decides
    return "malformed", "it holds no PEM certificate (no `BEGIN CERTIFICATE` line)"


def _proxy_variables():
    for name in _PROXIES:
        yield name
        if os.name != "nt":  # Windows does not tell the cases apart
            yield name.lower()


def _proxy(variable):
    """What a proxy variable says; None if unset or empty, which means no proxy."""
    value = os.environ.get(variable, "")
    if not value.strip():
        return None
    return {"variable": variable, "url": public_address(value), "error": proxy_problem(value)}


def proxy_problem(value):
    """Why ``value`` is no proxy address, in words that do not quote it; None if it can be one."""
    if value != value.strip():
        return "it begins or ends with white space"
    if value[0] in "\"'" or value[-1] in "\"'":
        return "the quotation marks are part of the value"
    if any(char <= " " or char == "\x7f" for char in value):
        return "it contains white space or control characters"
    scheme, separator, rest = value.partition("://")
    if separator and scheme.lower() not in _SCHEMES:
        return "its scheme is not one of http, https, socks4, socks5"
    authority = (rest if separator else value).rpartition("@")[2].partition("/")[0]
    host, port = _host_and_port(authority)
    if not host:
        return "it names no host"
    if port and not (port.isdigit() and 0 < int(port) < 65536):
        return "its port is not a number from 1 to 65535"
    if authority.endswith(":"):
        return "it ends with a colon and names no port"
    return None


def _host_and_port(authority):
    if authority.startswith("["):
        host, _, rest = authority[1:].partition("]")
        return host, rest[1:]
    host, _, port = authority.partition(":")
    return host, port


def public_address(value):
    """``value``, an address or a path, without what may be secret in it.

    User and password go (whatever characters they are made of), query and fragment go, and a path
    segment that is long and has digits and letters mixed is folded: some indexes put a token there.
    """
    scheme, separator, rest = value.strip().partition("://")
    if not separator:
        scheme, rest = "", scheme
    plain = rest.partition("?")[0].partition("#")[0]
    if "@" in rest[len(plain) :]:
        return scheme + separator + "…"  # a password with `?` in it, or a query with `@`
    if not separator:
        return plain.rpartition("@")[2]
    # whoever writes an unescaped slash in a password must not see the rest of it here
    host, slash, path = plain.rpartition("@")[2].partition("/")
    return scheme + separator + host + slash + "/".join(map(_fold, path.split("/")))


def _fold(segment):
    digits = sum(char.isdigit() for char in segment)
    return "…" if len(segment) >= 16 and digits >= 3 and digits < len(segment) else segment
