"""Whose certificates are believed: contexts for TLS, made once and shared by all connections."""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING

from envcheck.errors import IndexTrouble

if TYPE_CHECKING:
    from envcheck.index.sources import Network


class Trust:
    """What ``network`` says of certificates. Used by threads."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._contexts: dict[bool, ssl.SSLContext] = {}  # whether certificates are verified
        self._wide = bool(network.verify)
        self._lock = threading.Lock()

    def context(self, host: str, port: int) -> ssl.SSLContext:
        """For a connection to there. Raises IndexTrouble if a file of certificates is unfit."""
        verified = not {host, f"{host}:{port}", f"[{host}]:{port}"} & set(self._network.trusted)
        with self._lock:
            if verified not in self._contexts:
                self._contexts[verified] = self._made(verified)
            return self._contexts[verified]

    def widen(self) -> bool:
        """Trust certifi's certificates besides the system's, unless a bundle is configured.

        To be called when a certificate is not trusted: reading them takes as long as 50 requests,
        and where the system knows its certificates nothing is signed by others. Whether anything
        has changed.
        """
        with self._lock:
            if self._wide:
                return False
            import certifi

            self._contexts[True].load_verify_locations(certifi.where())
            self._wide = True
            return True

    def _made(self, verified: bool) -> ssl.SSLContext:
        bundle, own = self._network.verify, self._network.client_certificate
        context = ssl.create_default_context() if not bundle else None
        try:
            context = context or _with(bundle)
            if own:  # no password: openssl would ask whoever sits there for it
                context.load_cert_chain(own, password=b"")
        except OSError as error:  # SSLError is one
            which = "the certificates to be trusted" if context is None else "our certificate"
            raise IndexTrouble("trouble", f"{which}: {_said(error)}") from error
        if not verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1"])
        return context


def _with(bundle: str) -> ssl.SSLContext:
    """A context that trusts a file of certificates, or a directory of them (by `c_rehash`)."""
    import os

    if os.path.isdir(bundle):
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)


def _said(error: OSError) -> str:
    return error.strerror or getattr(error, "reason", "") or type(error).__name__
