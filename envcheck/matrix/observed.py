"""What a cell is, and what the gateway has of its index, in the terms of predictions."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, cast

from envcheck.errors import IndexTrouble, UsageError
from envcheck.index.recording import Listing
from envcheck.model.artifact import SdistFacts, WheelFacts
from envcheck.model.target import Target
from envcheck.predict import words
from envcheck.predict.requirements import applies, parse
from envcheck.predict.world import World, policy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envcheck.index.pages import File
    from envcheck.index.session import IndexSession
    from envcheck.model.matrix import Cell, Subject
    from envcheck.predict.requirements import Requirement

    Releases = Callable[[str], Sequence[Any] | None]


def target_of(
    cell: Cell, *, python: str = "", libc: str = "", architecture: str = "x86_64"
) -> Target:
    """The interpreter of a cell as it was found; ``python``: its full version, if that is known."""
    free_threaded = cell.python.endswith("t")
    found = Target(cell.id, python or cell.python.rstrip("t"), libc, architecture)
    try:
        said = words.parts(cell.python)
    except UsageError:  # a Python that is not known here
        return found._replace(free_threaded=free_threaded)
    return found._replace(
        python=python or said.minor,
        implementation=said.implementation,
        free_threaded=said.free_threaded,
    )


def world_of(cell: Cell, releases: Releases, metadata: Callable[[Any], bytes] | None) -> World:
    """What the indexes of a cell have; ``metadata``: of a wheel. Whatever these two raise is an
    answer that is not known.
    """
    session = cast("IndexSession", _Gateway(releases, metadata))
    return World(session, policy_of(cell.index))


def asked_of(test: Subject, target: Target, *, constraints: bool = False) -> list[Requirement]:
    """What the user asks an index for there, as far as it can be read."""
    found = []
    for text in (*test.requirements, *(test.constraints if constraints else ())):
        try:
            requirement = parse(text)
        except ValueError:
            continue
        if not requirement.url and applies(requirement.marker, target):
            found.append(requirement)
    return found


class _Gateway:
    """The part of a session that is needed once a cell is done: it asks at once."""

    exclude_newer = ""  # the gateway leaves out what is newer

    def __init__(self, releases: Releases, metadata: Callable[[Any], bytes] | None) -> None:
        self._releases = releases
        self._metadata = metadata

    def listing(self, name: str) -> Listing:
        """All files of a project. Raises IndexTrouble."""
        try:
            found = self._releases(name) or ()
        except Exception as error:
            raise IndexTrouble("trouble", f"what the index has of {name} is not known") from error
        return Listing(files=[file for each in found for file in each.files], found=bool(found))

    def want(self, file: File) -> Future[WheelFacts | SdistFacts]:
        """METADATA of a wheel; of an sdist nothing is known."""
        facts: WheelFacts | SdistFacts = WheelFacts() if file.is_wheel else SdistFacts()
        if self._metadata is not None and file.is_wheel:
            try:
                facts = WheelFacts(metadata=self._metadata(file).decode("utf-8", "replace"))
            except Exception as error:
                facts = WheelFacts(problem=str(error))
        future: Future[WheelFacts | SdistFacts] = Future()
        future.set_result(facts)
        return future
