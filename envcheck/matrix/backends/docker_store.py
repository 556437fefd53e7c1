"""What the docker backend keeps: a volume on the engine, directories here, and whose they are.

=====================================  =============================================================
``<cache>/docker/owner``               a random word: ours are things on an engine that carry it
``<cache>/docker/claims/``             which runs live, see ``matrix/claims.py``
``<cache>/docker/rooms/<claim>/<n>/``  a cell's directory that is mounted as ``/envcheck/in``
``<cache>/docker/images/``             what was seen in an image, by its id
volume ``envcheck-store-<owner>``      ``uv``: the installer's cache; ``cells/<claim>-<n>/``: a
                                       cell's environment, on the same file system: files are linked
=====================================  =============================================================

``<claim>`` is the random part of a claim's name. Everything on the engine is labelled
``envcheck``, ``envcheck.owner``, ``envcheck.run``, ``envcheck.cell``, ``envcheck.claim``.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import envcheck
from envcheck.config import identity
from envcheck.matrix import claims
from envcheck.targets import engine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.matrix.backends.docker_engine import Engine

CELLS = "cells"
#: Removes directories of cells, whatever the modes in them are; says which.
_SWEEP = (
    'cd "$0" || exit 0; for t; do for d in "$t" "$t"-*; do [ -e "$d" ] || continue;'
    ' chmod -R u+rwX "$d" 2>/dev/null; rm -rf -- "$d" && echo "$d"; done; done'
)
_SWEEP_SECONDS = 600


class Store:
    """The places of the docker backend with this cache directory."""

    def __init__(self, cache: str) -> None:
        self.folder = os.path.join(cache, "docker")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.owner = self._owner()
        self.volume = f"envcheck-store-{self.owner}"

    def _owner(self) -> str:
        path = os.path.join(self.folder, "owner")
        with suppress(FileExistsError):
            write(path, secrets.token_hex(4).encode(), once=True)
        with open(path, encoding="ascii") as file:
            return file.read()

    def labels(self, run: str = "", cell: str = "", claim: str = "") -> dict[str, str]:
        """Labels of what is made."""
        given = {"run": run, "cell": cell, "claim": claim}
        own = {f"envcheck.{name}": value for name, value in given.items() if value}
        return {"envcheck": envcheck.__version__, **self._mine(), **own}

    def _mine(self) -> dict[str, str]:
        """A cache may be copied to another machine that uses the same engine."""
        return {"envcheck.owner": self.owner, "envcheck.host": identity()[2]}

    def make_volume(self, engine_: Engine) -> None:
        """Make the volume if it is not there. Raises TargetError."""
        labels = {"envcheck": envcheck.__version__, "envcheck.store": "1"}
        try:
            engine_.api.create_volume(self.volume, labels=labels)
        except Exception as error:
            raise engine.refused(f"make the volume {self.volume}", error) from error

    def rooms(self, claim: str) -> str:
        """Directory of a run's rooms."""
        return os.path.join(self.folder, "rooms", token(claim))

    def seen(self, image: str) -> dict[str, Any]:
        """What was seen in the image with this id; empty if nobody looked yet."""
        with suppress(OSError, ValueError), open(self._seen(image), encoding="utf-8") as file:
            found = json.load(file)
            return found if isinstance(found, dict) else {}
        return {}

    def note(self, image: str, about: Mapping[str, Any]) -> None:
        """Keep what was seen in an image."""
        write(self._seen(image), json.dumps(dict(about)).encode())

    def _seen(self, image: str) -> str:
        return os.path.join(self.folder, "images", f"{image.rpartition(':')[2]}.json")

    def reclaim(self, engine_: Engine, living: str) -> list[str]:
        """Remove what dead runs have left. ``living``: this one's claim. Raises TargetError."""
        removed = []
        held = self.folder
        with claims.of_the_dead(held) as dead:

            def is_dead(claim: str) -> bool:
                return claim in dead or (claim != living and not claims.alive(held, claim))

            doomed = set(dead)
            for one in self._containers(engine_):
                claim = one["Labels"].get("envcheck.claim", "")
                if is_dead(claim):
                    doomed.add(claim)
                    engine.remove(engine_.client, one["Id"], 0.0)
                    removed.append(f"container {one['Names'][0].lstrip('/')}")
            if doomed:
                found = self.sweep(engine_, [token(claim) for claim in doomed if claim])
                removed += [f"environment {name}" for name in found]
            for claim in doomed:
                folder = self.rooms(claim)
                if os.path.isdir(folder):
                    shutil.rmtree(folder, ignore_errors=True)
                    removed.append(folder)
        return removed

    def remove_claimed(self, engine_: Engine, claim: str) -> None:
        """Remove every container of one claim. Raises TargetError."""
        for one in self._containers(engine_):
            if one["Labels"].get("envcheck.claim", "") == claim:
                engine.remove(engine_.client, one["Id"], 0.0)

    def _containers(self, engine_: Engine) -> list[dict[str, Any]]:
        wanted = [f"{name}={value}" for name, value in self._mine().items()]
        try:
            return list(engine_.api.containers(all=True, filters={"label": wanted}))
        except Exception as error:
            raise engine.refused("list containers", error) from error

    def sweep(self, engine_: Engine, names: Sequence[str]) -> list[str]:
        """Remove directories of cells from the volume: these, and those that begin so. Returns
        which there were. Raises TargetError.
        """
        api = engine_.api
        name = f"envcheck-sweep-{secrets.token_hex(4)}"
        try:
            images = api.images(filters={"label": "envcheck.image"})
            here = [one["Name"] for one in api.volumes()["Volumes"] or ()]
            if not images or not names or self.volume not in here:
                return []
            made = api.create_container_from_config(self._sweeper(images[0]["Id"], names), name)
            api.start(made["Id"])
            api.wait(made["Id"], timeout=_SWEEP_SECONDS)
            return [line.decode() for line in api.logs(made["Id"], stderr=False).splitlines()]
        except Exception as error:
            raise engine.refused(f"clear the volume {self.volume}", error) from error
        finally:
            with suppress(Exception):
                engine.remove(engine_.client, name, 0.0)

    def _sweeper(self, image: str, names: Sequence[str]) -> dict[str, Any]:
        from envcheck.matrix.backends.docker_container import INSTALLER, STORE

        return {
            "Image": image,
            "Entrypoint": ["sh", "-c", _SWEEP, f"{STORE}/{CELLS}", *names],
            "Cmd": [],
            "User": f"{INSTALLER}:{INSTALLER}",
            "Labels": self.labels(),
            "Healthcheck": {"Test": ["NONE"]},
            "HostConfig": {
                "NetworkMode": "none",
                "ReadonlyRootfs": True,
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "Mounts": [{"Type": "volume", "Source": self.volume, "Target": STORE}],
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
            },
        }


def token(claim: str) -> str:
    """The random part of a claim's name: short, for paths of sockets have at most 107 bytes."""
    return claim.rpartition(".")[2]


def write(path: str, data: bytes, *, mode: int = 0o600, once: bool = False) -> None:
    """Write a file at one stroke. Raises FileExistsError if it is there and to be made ``once``."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    new = f"{path}.{secrets.token_hex(4)}"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
        if once:
            os.link(new, path)
        else:
            os.replace(new, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(new)
