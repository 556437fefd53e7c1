"""What goes wrong with a request, in words."""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPException, IncompleteRead


def reason(error: Exception) -> tuple[str, bool]:
    """(why a request failed, without addresses; whether it may go well another time).

    Raises ``error`` itself if it is none of the network's.
    """
    if not isinstance(error, OSError | HTTPException):
        raise error
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted", False
    return _passing(error), True


def _passing(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, ssl.SSLEOFError | ConnectionError | IncompleteRead):
        return "the connection was dropped"
    if isinstance(error, ssl.SSLError):
        return "TLS fails"
    if isinstance(error, HTTPException):
        return "what it answers is no HTTP"
    return f"the request fails ({type(error).__name__})"
