"""Cells in containers of a Docker engine, or of podman's socket, on this machine.

One container a cell (``docker_container``), of an image that is made by a Dockerfile
(``docker_images``), with its environment on a volume that all cells share (``docker_store``).
"""

from __future__ import annotations

import itertools
import os
import secrets
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from envcheck.errors import TargetError
from envcheck.matrix import claims
from envcheck.matrix.backends import docker_images
from envcheck.matrix.backends.docker_engine import Engine
from envcheck.matrix.backends.docker_images import Tell
from envcheck.matrix.backends.docker_room import DockerRoom, Image, Place
from envcheck.matrix.backends.docker_store import Store, token

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envcheck.matrix.backends.base import Surroundings
    from envcheck.matrix.backends.docker_images import Recipe
    from envcheck.model.matrix import Cell

_BUILDERS = 4  # images at once
_OPENING = 60.0  # seconds for rooms that others are just opening


class DockerBackend:
    """Hosts cells in containers."""

    name = "docker"
    isolated = True

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.engine = Engine()
        self.machine = str(self.engine.info.get("Architecture") or "")
        if self.engine.info.get("OSType", "linux") != "linux":
            raise TargetError("cells need an engine that runs Linux containers")
        self.store = Store(surroundings.cache)
        self._claim = claims.Claim(self.store.folder, surroundings.run)
        self._numbers = itertools.count(1)
        self._lock = threading.Condition()
        self._opening = 0  # rooms
        self._closed = False
        self._images: dict[Recipe, Image] = {}
        self._making: dict[Recipe, threading.Lock] = {}
        self._rooms: set[DockerRoom] = set()
        self._left: list[str] = []
        self.store.make_volume(self.engine)

    def recorded(self, cell: Cell) -> None:
        """Cells are really run here."""

    def available(self, cell: Cell) -> str:
        """Why there is no Dockerfile for ``cell``, empty if there is one."""
        try:
            self._recipe(cell)
        except TargetError as error:
            return _sentence(error)
        return ""

    def prepare(self, cells: Sequence[Cell]) -> Mapping[str, str]:
        """Build the images that are not there. Cell id -> why its image cannot be."""
        wrong: dict[str, str] = {}
        wanted: dict[Recipe, list[Cell]] = {}
        for cell in cells:
            try:
                wanted.setdefault(self._recipe(cell), []).append(cell)
            except TargetError as error:
                wrong[cell.id] = _sentence(error)
        threads = []
        places = threading.BoundedSemaphore(_BUILDERS)
        for recipe, those in wanted.items():
            words = (recipe, those, wrong, places)
            threads.append(threading.Thread(target=self._try, args=words, daemon=True))
            threads[-1].start()
        for thread in threads:  # not a pool: whoever presses Ctrl-C would have to wait for builds
            thread.join()
        return wrong

    def _try(
        self,
        recipe: Recipe,
        cells: Sequence[Cell],
        wrong: dict[str, str],
        places: threading.BoundedSemaphore,
    ) -> None:
        """Make an image; leave in ``wrong`` why it cannot be."""
        with places:
            try:
                image = self._image(recipe, cells[0])
            except Exception as error:
                wrong.update({cell.id: _sentence(error) for cell in cells})
                return
        reasons = {cell.id: _misfit(image, cell) for cell in cells}
        wrong.update({name: reason for name, reason in reasons.items() if reason})

    def _recipe(self, cell: Cell) -> Recipe:
        around = self.surroundings
        return docker_images.recipe(cell, around.images, around.folder, self.machine)

    def _image(self, recipe: Recipe, cell: Cell) -> Image:
        """The image of a recipe, made and looked into once. Raises TargetError."""
        with self._lock:
            making = self._making.setdefault(recipe, threading.Lock())
        with making:
            if recipe not in self._images:
                self._images[recipe] = self._make(recipe, cell)
            return self._images[recipe]

    def _make(self, recipe: Recipe, cell: Cell) -> Image:
        tell = Tell(self.surroundings.say, self.surroundings.detail)
        tag, found = docker_images.ensure(self.engine.api, recipe, tell)
        config = self.engine.api.inspect_image(found)["Config"]
        image = Image(
            reference=recipe.bases[-1] if recipe.bases else tag,
            id=found,
            env=tuple(config.get("Env") or ()),
            platform=recipe.platform,
            python="",
            executable="",
            machine="",
        )
        seen = self.store.seen(found)
        if not seen:
            with self._busy():
                room = self._room(cell, image, "")
                try:
                    seen = dict(room.ready())
                finally:
                    room.close()
            self.store.note(found, seen)
        python = seen["python"] + ("t" if seen["threaded"] else "")
        return image._replace(python=python, executable=seen["executable"], machine=seen["machine"])

    def open(self, cell: Cell) -> DockerRoom:
        """A container with nothing in it. Raises TargetError."""
        self.engine.wait()
        image = self._image(self._recipe(cell), cell)
        reason = _misfit(image, cell)
        if reason:
            raise TargetError(reason)
        return self._room(cell, image, self.surroundings.uv("linux", image.machine))

    def _room(self, cell: Cell, image: Image, uv: str) -> DockerRoom:
        around, number = self.surroundings, next(self._numbers)
        claim = self._claim.name
        place = Place(
            name=f"{token(claim)}-{number}-{secrets.token_hex(4)}",
            folder=os.path.join(self.store.rooms(claim), str(number)),
            volume=self.store.volume,
            labels=self.store.labels(around.run, cell.id, claim),
            uv=uv,
            env=around.environment,
        )
        with self._busy():
            room = DockerRoom(self.engine, cell, image, place, around.gateway, self._on_close)
            with self._lock:
                self._rooms.add(room)
        return room

    @contextmanager
    def _busy(self) -> Iterator[None]:
        """While a container is in nobody's hands yet: `close` waits for it."""
        with self._lock:
            if self._closed:
                raise TargetError("envcheck is being ended")
            self._opening += 1
        try:
            yield
        finally:
            with self._lock:
                self._opening -= 1
                self._lock.notify_all()

    def _on_close(self, room: DockerRoom, cleared: bool) -> None:
        with self._lock:
            self._rooms.discard(room)
            if not cleared:
                self._left.append(room.name)

    def reclaim(self) -> list[str]:
        """Remove containers, environments and directories of runs that are dead."""
        return self.store.reclaim(self.engine, self._claim.name)

    def close(self) -> None:
        """Close rooms that are open, and remove what could not be removed with them."""
        with self._lock:
            self._closed = True
            self._lock.wait_for(lambda: self._opening == 0, _OPENING)
            rooms = list(self._rooms)
        for room in rooms:
            room.close()
        with suppress(Exception):  # an engine that was away has not removed what it was told to
            self.store.remove_claimed(self.engine, self._claim.name)
        with suppress(Exception):
            if self._left:
                self.store.sweep(self.engine, self._left)
            with suppress(OSError):
                os.rmdir(self.store.rooms(self._claim.name))
            self._claim.release()
        self.engine.close()


def _misfit(image: Image, cell: Cell) -> str:
    """Why an image is not what a cell asks for."""
    if f"{image.python}.".startswith(f"{cell.python}.") or _free_threaded(image, cell):
        return ""
    return f"the image {image.reference} has Python {image.python}, not {cell.python}"


def _free_threaded(image: Image, cell: Cell) -> bool:
    wanted, has = cell.python, image.python
    return (
        wanted.endswith("t") and has.endswith("t") and f"{has[:-1]}.".startswith(f"{wanted[:-1]}.")
    )


def _sentence(error: Exception) -> str:
    if not isinstance(error, TargetError):
        return f"{type(error).__name__}: {error}"
    text = "; ".join((error.message, *error.context))
    return f"{text} ({error.hint})" if error.hint else text


def backend(surroundings: Surroundings) -> DockerBackend:
    """Backend of the Docker engine. Raises TargetError where none answers."""
    return DockerBackend(surroundings)
