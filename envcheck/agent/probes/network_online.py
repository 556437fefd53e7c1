"""Whether certificate bundles load and whether the package index answers, in killable children."""

from ..protocol import isolated
from .network import public_address

_LOAD_DEADLINE = 10.0
_INDEX_DEADLINE = 20.0


def load_bundles(bundles):
    """Let OpenSSL load each bundle; sets ``certificates``, or ``status`` and ``error``."""
    started = []
    for bundle in bundles:
        if bundle["status"] == "ok" and bundle["variable"] != "SSL_CERT_DIR":
            started.append((bundle, isolated(_load, _LOAD_DEADLINE, bundle["path"])))
    for bundle, child in started:
        values, outcome = child.wait()
        if "error" in values:
            bundle["status"], bundle["error"] = "malformed", values["error"]
        elif "certificates" in values:
            bundle["certificates"] = values["certificates"]
        elif not outcome.ok:
            bundle["error"] = outcome.reason("loading it")


def _load(emit, path):
    import os
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if os.path.isdir(path):
            context.load_verify_locations(capath=path)
            return
        context.load_verify_locations(cafile=path)
    except (ssl.SSLError, OSError) as error:
        emit(error=getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error))
        return
    emit(certificates=len(context.get_ca_certs(binary_form=True)))


def ask_index(facts, settings, proxies):
    """Ask the configured index (pip's first, then uv's, then pip's built-in one) for one page."""
    configured = [item for item in settings if item["setting"] == "index-url"]
    address = configured[0]["value"] if configured else None
    source = configured[0]["source"] if configured else "pip's default"
    values, outcome = isolated(_ask, _INDEX_DEADLINE, address, bool(proxies)).wait()
    url = values.get("url") or address
    facts.found("index.answer.url", public_address(url) if url else None, source)
    facts.known("index.answer.seconds", round(values.get("seconds", outcome.seconds), 3), source)
    if "answer" in values:
        facts.known("index.answer", values["answer"], source)
        facts.found("index.answer.detail", values.get("detail"), source)
        return
    if "reason" in values:
        reason = values["reason"]
    elif outcome.status in ("timeout", "abandoned"):
        facts.known("index.answer", "timeout", source)
        facts.known("index.answer.detail", outcome.reason("the index"), source)
        return
    else:
        reason = outcome.reason("the question to the index") or "no answer was reported"
    facts.unknown("index.answer", reason, source)
    facts.unknown("index.answer.detail", reason, source)


def _ask(emit, address, proxied):
    """In a child: one small page of the index. Emits ``answer`` and ``detail``, or ``reason``."""
    import time

    if address is None:
        try:
            from pip._internal.models.index import PyPI
        except Exception:
            emit(reason="no index is configured, and pip is not there to name its default")
            return
        address = PyPI.simple_url
    emit(url=address)
    started = time.monotonic()
    try:
        answer, detail = _open(address)
    except Exception as error:
        answer, detail = classify(error, proxied)
    emit(answer=answer, detail=detail, seconds=time.monotonic() - started)


def _open(address):
    import base64
    from urllib.parse import unquote
    from urllib.request import HTTPSHandler, Request, build_opener

    scheme, _, rest = address.partition("://")
    credentials, _, location = rest.partition("/")[0].rpartition("@")
    path = rest.partition("/")[2].rstrip("/")
    if scheme not in ("http", "https") or not location:
        return "error", "the index is not an http or https address"
    # the page of one project: an index's own page can be tens of megabytes
    request = Request("%s://%s/%s/pip/" % (scheme, location, path))  # noqa: S310
    request.add_header("Accept", "application/vnd.pypi.simple.v1+json, text/html;q=0.5")
    request.add_header("User-Agent", "envcheck")
    if credentials:
        plain = unquote(credentials).encode("utf-8")
        request.add_header("Authorization", "Basic " + base64.b64encode(plain).decode("ascii"))
    opener = build_opener(HTTPSHandler(context=_context()))
    with opener.open(request, timeout=_INDEX_DEADLINE * 0.75) as response:
        response.read(1)
        return "ok", "HTTP %d" % response.status


def _context():
    """Certificates as pip would choose them: its variables, the system's, else those it brings."""
    import os
    import ssl

    for variable in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        path = os.environ.get(variable)
        if path:
            is_directory = os.path.isdir(path)
            return ssl.create_default_context(
                cafile=None if is_directory else path, capath=path if is_directory else None
            )
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and not os.environ.get("SSL_CERT_DIR"):
        try:
            from pip._vendor import certifi

            context.load_verify_locations(cafile=certifi.where())
        except Exception:
            pass
    return context


def classify(error, proxied):
    """(answer, detail) for an exception of urllib: what stood in the way."""
    import socket
    import ssl
    from urllib.error import HTTPError, URLError

    if isinstance(error, HTTPError):
        if error.code == 404:
            return "ok", "HTTP 404: it answers, and has no page for pip"
        if error.code == 407:
            return "proxy", "HTTP 407: the proxy wants credentials"
        return "http", "HTTP %d" % error.code
    reason = error.reason if isinstance(error, URLError) else error
    text = str(reason)[:300]
    if isinstance(reason, ssl.SSLError):
        return "tls", getattr(reason, "verify_message", "") or reason.reason or text
    if "Tunnel connection failed" in text:
        return "proxy", text
    if isinstance(reason, socket.timeout):
        return "timeout", "no answer in time"
    if isinstance(reason, socket.gaierror):
        if proxied:
            return "proxy", "the proxy's host name cannot be resolved: " + text
        return "dns", text
    if isinstance(reason, ConnectionRefusedError):
        return ("proxy" if proxied else "refused"), text
    return "error", "%s: %s" % (type(reason).__name__, text)
