"""NET: certificates, proxies, offline flags and the package index."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.checks.installed import has_distribution
from envcheck.model.finding import Finding, Remedy, fail
from envcheck.model.reading import records, strings, text
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_READERS = {
    "SSL_CERT_FILE": "Python's ssl, httpx and uv",
    "SSL_CERT_DIR": "Python's ssl and httpx",
    "REQUESTS_CA_BUNDLE": "requests and pip",
    "CURL_CA_BUNDLE": "curl, requests and pip",
    "PIP_CERT": "pip",
}


def certificates(context: Context) -> Iterator[Finding]:
    """A variable names certificates that are not there or cannot be loaded.

    ## Why it matters
    Downloads fail with "Could not find a suitable TLS CA certificate bundle" or "certificate verify
    failed"; some libraries fail as soon as they are imported, without any download.

    ## Causes
    A variable for a company's proxy that came with a copied profile or an image; a file that was
    moved with an upgrade; an error page that was saved in place of the certificates.

    ## Remedy
    Unset the variable, or let it name a PEM file with `BEGIN CERTIFICATE` in it.

    ## Sources
    requests, "SSL Cert Verification"; OpenSSL, SSL_CTX_load_verify_locations.
    """
    for bundle in records(context["network.ca"]):
        variable, status = text(bundle.get("variable")), bundle.get("status")
        if status in ("missing", "unreadable", "empty", "malformed"):
            yield fail(
                f"{variable}: {bundle.get('path')} cannot be used: {bundle.get('error') or status}",
                severity="warning" if variable == "SSL_CERT_DIR" else "",
                detail=f"{_READERS.get(variable, 'Downloads')} will trust nobody.",
                subject=variable,
                remedy=remedies.unset(
                    context,
                    variable,
                    f"Unset {variable}, or let it name a file with certificates in PEM form",
                ),
            )


def proxies(context: Context) -> Iterator[Finding]:
    """A proxy variable holds something that is no proxy's address.

    ## Why it matters
    Every download fails, with messages such as "Invalid proxy URL" or "Name or service not known"
    that do not say which variable is to blame.

    ## Causes
    Quotation marks that became part of the value (in a Dockerfile or an `.env` file), a missing or
    misspelt scheme, a port that is no number.

    ## Remedy
    Write it as `http://host:port`, without quotation marks.

    ## Sources
    urllib.request.getproxies; requests, "Proxies".
    """
    for proxy in records(context["network.proxies"]):
        if proxy.get("error"):
            variable = text(proxy.get("variable"))
            yield fail(
                f"{variable} is no address of a proxy: {proxy['error']}",
                subject=variable,
                remedy=remedies.unset(
                    context, variable, f"Set {variable} to http://HOST:PORT, or unset it"
                ),
            )


def proxy_cases(context: Context) -> Iterator[Finding]:
    """The upper-case and the lower-case form of a proxy variable differ.

    ## Why it matters
    curl and Python read the lower-case form first, other programs the upper-case one: downloads
    work in one and fail in the other.

    ## Causes
    One was changed and the other forgotten.

    ## Remedy
    Set both to the same address.

    ## Sources
    urllib.request.getproxies_environment; curl, ENVIRONMENT.
    """
    found = {text(item.get("variable")): text(item.get("url")) for item in _proxies(context)}
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        upper, lower = found.get(name), found.get(name.lower())
        if upper and lower and upper != lower:
            yield fail(
                f"{name} is {upper}, {name.lower()} is {lower}",
                detail="Which of them holds depends on the program.",
                subject=name,
                remedy=Remedy(f"Set {name} and {name.lower()} to the same address"),
            )


def socks(context: Context) -> Iterator[Finding]:
    """A SOCKS proxy is set and what speaks SOCKS is not installed.

    ## Why it matters
    requests raises "Missing dependencies for SOCKS support", httpx asks for `socksio`, and nothing
    can be downloaded.

    ## Causes
    `ALL_PROXY=socks5://…` of an ssh tunnel.

    ## Remedy
    Install `pysocks` for requests, `socksio` for httpx.

    ## Sources
    requests, "SOCKS"; httpx, "Proxies".
    """
    using = [item for item in _proxies(context) if text(item.get("url")).startswith("socks")]
    if not using:
        raise NotApplicable("no SOCKS proxy is set")
    wanted = []
    for client, helper in (("requests", "pysocks"), ("httpx", "socksio")):
        if has_distribution(context, client) and has_distribution(context, helper) is False:
            wanted.append((client, helper))
    for client, helper in wanted:
        yield fail(
            f"{using[0].get('variable')} is a SOCKS proxy; {client} needs {helper} to use it",
            subject=client,
            remedy=remedies.install(context, [helper]),
        )


def _proxies(context: Context) -> list[dict[str, object]]:
    return [item for item in records(context["network.proxies"]) if not item.get("error")]


def offline(context: Context) -> Iterator[Finding]:
    """Downloads are forbidden by a variable.

    ## Why it matters
    Models, data sets and packages that are not in the cache are then "not found", as if they did
    not exist or the network were broken.

    ## Causes
    It was set on purpose, for a cluster's compute nodes or in CI; it may have been forgotten.

    ## Remedy
    Unset it where downloads are wanted; fill the cache beforehand where they are not.

    ## Sources
    huggingface_hub, "Environment variables"; pip, `--no-index`; uv, `--offline`.
    """
    for variable in strings(context["network.offline"]):
        yield fail(
            f"{variable} forbids downloads",
            detail="What is not in the cache will be reported as not found.",
            subject=variable,
            remedy=remedies.unset(
                context, variable, f"Unset {variable} where downloads are wanted"
            ),
        )


def index_configuration(context: Context) -> Iterator[Finding]:
    """A configuration file of pip or uv cannot be read.

    ## Why it matters
    pip refuses to do anything with a configuration file that it does not understand.

    ## Causes
    A file in another format or encoding, a line without `=`, no permission.

    ## Remedy
    Mend the line that is named, or move the file away.

    ## Sources
    pip, "Configuration Files"; uv, "Configuration files".
    """
    for problem in strings(context["network.index.errors"]):
        file = problem.partition(": ")[0]
        yield fail(problem, subject=file, remedy=Remedy(f"Mend {file}, or move it away"))


_ANSWERS = {
    "tls": (
        "its certificate is not trusted",
        "Behind a proxy that reads TLS, name a file with its certificate in SSL_CERT_FILE",
    ),
    "dns": ("its name cannot be resolved", "Check the resolver, and the spelling of the index"),
    "proxy": ("the proxy stands in the way", "Check HTTPS_PROXY, its credentials and NO_PROXY"),
    "refused": (
        "it refuses connections",
        "Check host and port, and whether a firewall is in between",
    ),
    "timeout": ("it does not answer in time", "Check the network; a proxy may be needed"),
    "http": ("it answers with an error", "Check the address and the credentials of the index"),
    "error": ("it cannot be asked", "Check the address of the index"),
}


def index_answers(context: Context) -> Iterator[Finding]:
    """The package index that is configured does not answer.

    ## Why it matters
    Nothing can be installed or upgraded.

    ## Causes
    The finding tells a certificate that is not trusted from a name that cannot be resolved, a proxy
    that refuses, a timeout and an error of the index itself.

    ## Remedy
    As the finding says: each cause has its own.

    ## Sources
    The index's answer to one request, made with the environment's certificates and proxies.
    """
    fact = context.facts.fact("network.index.answer")
    if fact.status == "unknown" and fact.reason.startswith("not asked for"):
        raise NotApplicable("the index is asked only with --online")
    answer = text(context["network.index.answer"])
    if answer in _ANSWERS:
        what, remedy = _ANSWERS[answer]
        url = context.get("network.index.answer.url", "the package index")
        yield fail(
            f"{url} cannot be used: {what}",
            detail=text(context.get("network.index.answer.detail")),
            subject=text(answer),
            evidence=context.evidence("network.index.answer", "network.index.answer.url"),
            remedy=Remedy(remedy),
        )


CHECKS = (
    Check("NET101", "certificates that variables name can be loaded", "error", certificates),
    Check("NET102", "proxy variables hold addresses", "error", proxies),
    Check("NET103", "proxy variables agree", "note", proxy_cases, ("NET102",)),
    Check("NET104", "SOCKS proxies can be used", "warning", socks),
    Check("NET105", "downloads are allowed", "note", offline),
    Check("NET106", "pip's and uv's configuration can be read", "warning", index_configuration),
    Check("NET301", "the package index answers", "error", index_answers, ("NET101", "NET102")),
)
