"""Images of cells: a Dockerfile, the base image it starts from, and what has been built of them.

An image is called by its content: ``envcheck-cell:slim-5f3a9c1e02b7`` is what this Dockerfile makes
of these build arguments and this base image, so it is built once on an engine.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from typing import TYPE_CHECKING, Any, NamedTuple

import envcheck
from envcheck.config import variable
from envcheck.errors import TargetError
from envcheck.matrix.shipped import shipped
from envcheck.redact import without_secrets
from envcheck.targets import engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from envcheck.model.matrix import Cell

REPOSITORY = "envcheck-cell"
_COLOR = re.compile(r"\x1b\[[0-9;]*m")
COMPILER = "-cc"  # ends the name of an ``os`` with a C compiler
BUNDLE = "ca-bundle.pem"  # in every build context, often empty
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SILENCE = 900  # seconds in which a build may say nothing

#: Python's names of processors -> the engine's.
PLATFORMS = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "i686": "386",
    "armv7l": "arm/v7",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
}


class Tell(NamedTuple):
    """Progress: one line for each image, and every step of it."""

    say: Callable[[str], None]
    detail: Callable[[str], None]


class Recipe(NamedTuple):
    """How an image is made. ``arguments``: build arguments; ``bases``: images it starts from."""

    os: str
    path: str
    text: str
    arguments: tuple[tuple[str, str], ...]
    bases: tuple[str, ...]
    architecture: str  # the engine's word; empty: the engine's own
    network: bool  # whether building it needs one

    @property
    def platform(self) -> str | None:
        """As the engine is told it."""
        return f"linux/{self.architecture}" if self.architecture else None

    def tag(self, ids: list[str]) -> str:
        """What it is called when made of base images with these ids."""
        content = json.dumps([self.text, self.arguments, ids, self.architecture])
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        return f"{REPOSITORY}:{re.sub('[^A-Za-z0-9_.-]', '-', self.os)}-{digest}"


def recipe(cell: Cell, images: Mapping[str, str], folder: str, machine: str) -> Recipe:
    """How the image of ``cell`` is made. Dockerfiles in ``folder/dockerfiles`` come first.

    ``images``: os -> base image instead of the Dockerfile's own. An image that is given for an
    ``os`` with a compiler has one already. ``machine``: the engine's own processor. Raises
    TargetError where there is no such Dockerfile.
    """
    mapped = images.get(cell.os, "").replace("{python}", cell.python)
    name = cell.os
    if mapped:
        name = name.removesuffix(COMPILER)
    elif cell.os.endswith(COMPILER):  # its base is that of the one without
        base = images.get(cell.os.removesuffix(COMPILER), "")
        mapped = base.replace("{python}", cell.python)
    path = _dockerfile(name, folder) or (_dockerfile("slim", folder) if mapped else "")
    if not path:
        raise TargetError(
            f"there is no dockerfiles/{cell.os}.Dockerfile",
            hint=f"write one, or name an image: ENVCHECK_IMAGES={cell.os}=IMAGE",
        )
    with open(path, encoding="utf-8") as file:
        text = file.read()
    given = {"PYTHON": cell.python, **({"BASE_IMAGE": mapped} if mapped else {})}
    declared = _declared(text)
    if mapped and "BASE_IMAGE" not in declared:
        raise TargetError(f"{path} has no `ARG BASE_IMAGE`: it cannot start from {mapped}")
    arguments = {key: value for key, value in given.items() if key in declared}
    wanted = PLATFORMS.get(cell.axes.get("architecture", ""), "")
    own = PLATFORMS.get(machine, machine)
    return Recipe(
        os=cell.os,
        path=path,
        text=text,
        arguments=tuple(sorted(arguments.items())),
        bases=tuple(_bases(text, {**declared, **arguments})),
        architecture="" if wanted == own else wanted,
        network=name.endswith(COMPILER) or not path.startswith(shipped("dockerfiles")),
    )


def _dockerfile(name: str, folder: str) -> str:
    places = [os.path.join(folder, "dockerfiles")] if folder else []
    for place in (*places, shipped("dockerfiles")):
        path = os.path.join(place, f"{name}.Dockerfile")
        if os.path.isfile(path):
            return path
    return ""


_INSTRUCTION = re.compile(r"^[ \t]*(ARG|FROM)[ \t]+(.+?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")


def _declared(text: str) -> dict[str, str]:
    """Build arguments that a Dockerfile takes, with their defaults."""
    found: dict[str, str] = {}
    for match in _INSTRUCTION.finditer(text):
        if match[1].upper() == "ARG":
            for word in match[2].split():
                name, _, default = word.partition("=")
                found.setdefault(name, default.strip("\"'"))
    return found


def _bases(text: str, values: Mapping[str, str]) -> Iterator[str]:
    """Images that a Dockerfile starts from."""
    stages = {"scratch"}

    def value(match: re.Match[str]) -> str:
        return values.get(match[1] or match[3], "") or match[2] or ""

    for match in _INSTRUCTION.finditer(text):
        if match[1].upper() != "FROM":
            continue
        words = [word for word in match[2].split() if not word.startswith("--")]
        base = words[0]
        for _ in range(4):  # a default may name another argument
            base = _VARIABLE.sub(value, base)
        if base not in stages:
            yield base
        if len(words) == 3:
            stages.add(words[2])


def ensure(api: Any, made: Recipe, tell: Tell) -> tuple[str, str]:
    """The image of a recipe, built if it is not there: (reference, id). Raises TargetError."""
    ids = [_base(api, base, made, tell) for base in made.bases]
    tag = made.tag(ids)
    found = _id(api, tag)
    if not found:
        _build(api, made, tag, tell)
        found = _id(api, tag)
    return tag, found


def _id(api: Any, reference: str) -> str:
    """The id of an image on the engine, empty if it is not there."""
    from docker.errors import ImageNotFound

    try:
        return str(api.inspect_image(reference)["Id"])
    except ImageNotFound:
        return ""
    except Exception as error:
        raise engine.refused(f"examine the image {reference}", error) from error


def _base(api: Any, reference: str, made: Recipe, tell: Tell) -> str:
    found = _id(api, reference)
    if found and (not made.architecture or _made_for(api, found) == made.architecture):
        return found
    tell.say(f"{made.os}: pulling {reference}")
    try:
        _pull(api, reference, made, tell)
    except Exception as error:
        text = without_secrets(str(getattr(error, "explanation", None) or error))
        tell.detail(f"{made.os}: {text}")
        reason = text.rpartition(": ")[2]  # before it come addresses of the registry and of DNS
        raise TargetError(
            f"the image {reference} is not there, and cannot be pulled: {reason}",
            hint=f"docker pull {reference}, or name another: ENVCHECK_IMAGES={made.os}=IMAGE",
        ) from error
    return _id(api, reference)


def _made_for(api: Any, image: str) -> str:
    about = api.inspect_image(image)
    return "/".join(filter(None, (about.get("Architecture"), about.get("Variant"))))


def _pull(api: Any, reference: str, made: Recipe, tell: Tell) -> None:
    from docker.utils import parse_repository_tag

    name, tag = parse_repository_tag(reference)
    layers: dict[str, str] = {}
    done = 0
    for event in api.pull(name, tag or "latest", stream=True, decode=True, platform=made.platform):
        if "error" in event:
            raise TargetError(str(event["error"]))
        if event.get("id") and event.get("progressDetail") is not None:
            layers[event["id"]] = event.get("status", "")
        complete = sum(status in ("Pull complete", "Already exists") for status in layers.values())
        if complete > done:
            done = complete
            tell.detail(f"{made.os}: {reference}: {done} of {len(layers)} layers")


def _build(api: Any, made: Recipe, tag: str, tell: Tell) -> None:
    from docker.errors import APIError

    wanted = dict(made.arguments)
    network = "default" if made.network else "none"
    if made.network:
        wanted.update(_proxies())
        if any(_is_loopback(proxy) for proxy in wanted.values()):
            network = "host"  # the proxy of this machine is nobody's in a network of its own
    said: list[str] = []
    name = f"{made.os} {dict(made.arguments).get('PYTHON', '')}".strip()
    tell.say(f"{name}: building from {', '.join(made.bases)}")
    try:
        for event in api.build(
            fileobj=io.BytesIO(_context(made.text)),
            custom_context=True,
            dockerfile="Dockerfile",
            tag=tag,
            buildargs=wanted,
            labels={"envcheck": envcheck.__version__, "envcheck.image": made.os},
            network_mode=network,
            platform=made.platform,
            rm=True,
            forcerm=True,
            decode=True,
            timeout=_SILENCE,
        ):
            _follow(event, name, said, tell)
    except TargetError as error:
        raise _failed(made, said, error.message) from error
    except APIError as error:  # a Dockerfile that is none
        raise engine.refused(f"build {made.path}", error) from error
    except Exception as error:
        raise engine.refused(f"build the image of `{made.os}`", error) from error


def _follow(event: Mapping[str, Any], name: str, said: list[str], tell: Tell) -> None:
    """One message of a build under way. Raises TargetError where it says that it failed."""
    if "error" in event:
        raise TargetError(str(event["error"]).strip())
    for line in _COLOR.sub("", str(event.get("stream", ""))).splitlines():
        if line.startswith("Step "):
            tell.detail(f"{name}: {' '.join(without_secrets(line).split())[:120]}")
            said.clear()
        elif line.strip() and not line.startswith((" --->", "Removing intermediate")):
            said.append(without_secrets(line.strip()))


def _failed(made: Recipe, said: list[str], reason: str) -> TargetError:
    """What a person wants to read of a failed build: the end of what its last step said."""
    text = "\n".join(said)
    missing = re.search(r"(apk|apt-get|dnf|yum|microdnf|zypper): (?:command )?not found", text)
    code = re.search(r"returned a non-zero code: (\d+)", reason)
    why = f"a step ended with status {code[1]}" if code else without_secrets(reason)
    if missing:
        why = f"its base has no {missing[1]}"
        hint = f"name an image that has a compiler: ENVCHECK_IMAGES={made.os}=IMAGE"
    else:
        hint = f"see {os.path.basename(made.path)}"
    lines = tuple(said[-8:])
    return TargetError(f"cannot build the image of `{made.os}`: {why}", context=lines, hint=hint)


def _proxies() -> dict[str, str]:
    """The predefined build arguments: what they are given is in no layer and no history."""
    found = {}
    for name in _PROXIES:
        value = variable(name) or variable(name.upper())
        if value:
            found[name] = found[name.upper()] = value
    return found


def _is_loopback(proxy: str) -> bool:
    host = proxy.rpartition("@")[2].rpartition("//")[2]
    return host.startswith(("127.", "localhost", "[::1]"))


def _context(text: str) -> bytes:
    """What the engine gets: the Dockerfile, and the authorities that this machine trusts."""
    bundle = b""
    for name in _BUNDLES:
        path = variable(name)
        if path and os.path.isfile(path):
            with open(path, "rb") as file:
                bundle = file.read()
            break
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in (("Dockerfile", text.encode()), (BUNDLE, bundle)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()
