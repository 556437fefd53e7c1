"""The Docker engine: connecting, and finding the interpreter in a container without running it."""

from __future__ import annotations

import posixpath
import signal
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from envcheck.config import variable
from envcheck.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import DockerClient
    from docker.models.containers import Container
    from docker.types import DeviceRequest

#: Where images keep an interpreter that is not on PATH.
_PLACES = (
    "/opt/venv/bin/python",
    "/venv/bin/python",
    "/app/.venv/bin/python",
    "/opt/conda/bin/python",
    "/usr/local/bin/python3",
    "/usr/bin/python3",
    "/usr/libexec/platform-python",
)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Choice(NamedTuple):
    """An interpreter in a container and why it is this one."""

    path: str
    chosen_by: str


def connect(timeout: float) -> DockerClient:
    """A client of the engine that DOCKER_HOST or the current context names, one that answers.

    ``timeout`` is for a single answer, in seconds. Raises TargetError.
    """
    try:
        import docker
        from docker.errors import DockerException
    except ImportError as error:
        raise TargetError(
            f"cannot use Docker: {error}", hint="install the distribution `docker`, 7.2 or newer"
        ) from error
    try:
        client = docker.from_env(timeout=int(timeout))
        client.ping()
    except DockerException as error:
        raise _unreachable(error) from error
    except Exception as error:  # requests' own, where the engine ends in the middle of an answer
        raise _unreachable(error) from error
    return client


def _unreachable(error: Exception) -> TargetError:
    text, permission = str(error), False
    cause: BaseException | None = error
    while cause is not None:  # requests and urllib3 wrap what the socket said
        permission = permission or isinstance(cause, PermissionError)
        if isinstance(cause, OSError) and cause.strerror:
            text = cause.strerror
        cause = cause.__cause__ or cause.__context__
    address = variable("DOCKER_HOST").rpartition("@")[2]
    text = f"{address}: {text}" if address else text
    if permission:
        return TargetError(
            "cannot use Docker: permission denied on the engine's socket",
            context=(text,),
            hint="join the group `docker`, or set DOCKER_HOST to a rootless engine's socket",
        )
    return TargetError(
        "cannot use Docker: no engine answers",
        context=(text,),
        hint="start it, or set DOCKER_HOST (podman: the socket of `podman system service`)",
    )


def devices(client: DockerClient) -> list[DeviceRequest]:
    """All GPUs, as ``docker run --gpus all``, where the engine has NVIDIA's runtime; else none."""
    from docker.types import DeviceRequest

    if "nvidia" not in (client.info().get("Runtimes") or {}):
        return []
    return [DeviceRequest(count=-1, capabilities=[["gpu"]])]


def refused(what: str, error: Exception) -> TargetError:
    """The engine did not do ``what``; its explanation without the client's wrapping."""
    text = getattr(error, "explanation", None) or str(error)
    return TargetError(f"cannot {what}", context=(str(text),))


def remove(client: DockerClient, name: str, patience: float) -> None:
    """Remove a container with its anonymous volumes. A second Ctrl-C has to wait. ``patience``:
    seconds in which one that is not there may still come to be.
    """
    from docker.errors import APIError, NotFound

    end = time.monotonic() + patience
    with uninterrupted(), suppress(APIError):
        while True:
            try:
                return client.api.remove_container(name, force=True, v=True)
            except NotFound:
                if time.monotonic() >= end:
                    return None
                time.sleep(0.1)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Signals that end the process are ignored (in the main thread, where they arrive)."""
    before = []
    with suppress(ValueError):
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            before.append((number, signal.signal(number, signal.SIG_IGN)))
    try:
        yield
    finally:
        for number, handler in reversed(before):
            signal.signal(number, handler)


def find_interpreter(
    container: Container, config: Mapping[str, Any], python: str, *, place: str
) -> Choice:
    """The interpreter that is meant in ``container``. ``config`` is that of the image or container.

    Raises TargetError, in which it is called ``place``, if there is none.
    """
    for choice in _candidates(config, python):
        for path in _lookup(choice.path, _environment(config).get("PATH") or _PATH):
            if _exists(container, path):
                return choice._replace(path=path)
    if python:
        raise TargetError(f"cannot examine {place}: there is no interpreter {python} in it")
    raise TargetError(
        f"cannot examine {place}: there is no Python in it",
        context=("neither on its PATH nor where images usually keep one",),
        hint="name the interpreter with --python PATH",
    )


def _candidates(config: Mapping[str, Any], python: str) -> Iterator[Choice]:
    """In the order of what is meant most likely: what it runs, what is active, what is on PATH."""
    if python:
        yield Choice(python, "--python")
        return
    started = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())][:1]
    for word in started:
        if word.startswith("/") and posixpath.basename(word).startswith("python"):
            yield Choice(word, "what it runs")
    environment = _environment(config)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if environment.get(name):
            yield Choice(posixpath.join(environment[name], "bin/python"), f"{name} in it")
    folder = config.get("WorkingDir") or "/"
    for name in (".venv", "venv"):
        if folder != "/":
            path = posixpath.join(folder, name, "bin/python")
            yield Choice(path, f"{name} in its working directory")
    for name in ("python3", "python"):
        yield Choice(name, f"{name} on its PATH")
    for path in _PLACES:
        yield Choice(path, "a usual place")
    yield Choice("python2", "python2 on its PATH")


def _lookup(word: str, path: str) -> list[str]:
    if "/" in word:
        return [word]
    return [posixpath.join(folder, word) for folder in path.split(":") if folder]


def _environment(config: Mapping[str, Any]) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in config.get("Env") or ())
    return {name: value for name, _, value in pairs}


def _exists(container: Container, path: str) -> bool:
    from docker.errors import APIError

    try:
        stream, _ = container.get_archive(path)
    except APIError:
        return False
    close = getattr(stream, "close", None)
    if close is not None:
        close()
    return True
