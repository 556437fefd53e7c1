"""What mends an environment: commands for this target, ready to be pasted.

Who installs here (pip, uv, conda), whether the interpreter is a virtual environment's or the
operating system's, and where the target is (this machine, an image, another host) are read from the
facts. A text that cannot be pasted safely gives no command.
"""

from __future__ import annotations

from envcheck.checks.markers import parse
from envcheck.checks.specifiers import canonical
from envcheck.model import reading
from envcheck.model.finding import Remedy
from envcheck.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from envcheck.checks.base import Context

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")
_CONDA_NAMES = {"torch": "pytorch"}  # where conda's name is not the distribution's
_BACKENDS = ("cpu", "cu", "rocm", "xpu")  # local labels that are also uv's names of torch builds
_TORCH = frozenset(("torch", "torchvision", "torchaudio"))


def install(context: Context, requirements: Sequence[str], *, why: str = "") -> Remedy:
    """Install or upgrade to ``requirements`` (PEP 508), with the target's own installer."""
    impossible = _without_wheels(context, requirements)
    if impossible:
        return impossible
    installer = _Installer(context)
    labels = {installer.torch_label(requirement) for requirement in requirements} - {""}
    if len(labels) == 1:  # of another version of torch the same build
        return torch_backend(context, labels.pop(), *requirements, why=why)
    text = why or f"Install {_listed(requirements)}"
    if installer.kind == "conda":
        specs = [_conda_spec(requirement) for requirement in requirements]
        return installer.remedy(text, [["conda", "install", "-p", installer.prefix, *specs]])
    return installer.remedy(text, [[*installer.install, *requirements]])


def reinstall(
    context: Context, requirements: Sequence[str], *, why: str = "", damaged: bool = False
) -> Remedy:
    """Install the same again, without dependencies; from where it came, if that is recorded.

    ``damaged``: its RECORD or METADATA is broken, so that it cannot be uninstalled first.
    """
    requirements = [text for text in requirements if text]
    labels = {label for text in requirements if (label := _torch_label(text))}
    if len(labels) == 1 and all(_torch_label(text) for text in requirements):
        public = [text.partition("+")[0] for text in requirements]
        return torch_backend(context, labels.pop(), *public, why=why, reinstalls=True)
    installer = _Installer(context)
    text = why or f"Reinstall {_listed(requirements)}"
    if installer.from_conda(requirements):
        specs = [_conda_spec(requirement) for requirement in requirements]
        argv = ["conda", "install", "--force-reinstall", "-p", installer.prefix, *specs]
        return installer.remedy(text, [argv])
    sources = [word for requirement in requirements for word in installer.source(requirement)]
    if installer.kind == "uv":
        names = [_name(requirement) for requirement in requirements]
        flags = [word for name in names for word in ("--reinstall-package", name)]
        return installer.remedy(text, [[*installer.install, "--no-deps", *flags, *sources]])
    flag = "--ignore-installed" if damaged else "--force-reinstall"
    return installer.remedy(text, [[*installer.install, flag, "--no-deps", *sources]])


def upgrade(context: Context, names: Sequence[str], *, why: str = "") -> Remedy:
    """Newer versions of these that agree with each other, if there are any."""
    installer = _Installer(context)
    text = why or f"Upgrade {_listed(names)}"
    if installer.from_conda(names):
        specs = [_conda_name(name) for name in names]
        return installer.remedy(text, [["conda", "update", "-p", installer.prefix, *specs]])
    if installer.kind != "uv":
        return installer.remedy(text, [[*installer.install, "--upgrade", *names]])
    flags = [word for name in names for word in ("--upgrade-package", name)]
    for label in sorted({installer.torch_label(name) for name in names} - {""})[:1]:
        flags += ["--torch-backend", label]
    return installer.remedy(text, [[*installer.install, *flags, *names]])


def uninstall(context: Context, names: Sequence[str], *, why: str = "") -> Remedy:
    """Remove distributions."""
    installer = _Installer(context)
    text = why or f"Uninstall {_listed(names)}"
    if installer.from_conda(names):
        specs = [_conda_name(name) for name in names]
        return installer.remedy(text, [["conda", "remove", "-p", installer.prefix, *specs]])
    return installer.remedy(text, [[*installer.uninstall, *names]])


def torch_backend(
    context: Context,
    backend: str,
    *requirements: str,
    why: str = "",
    reinstalls: bool = False,
) -> Remedy:
    """A build of torch: ``backend`` is ``cpu``, ``cu126``, ``rocm6.4``, ``xpu`` or ``auto``.

    uv knows where each build is; it is installed first where there is only pip.
    """
    requirements = requirements or ("torch",)
    impossible = _without_wheels(context, requirements)
    if impossible:
        return impossible
    installer = _Installer(context)
    text = why or f"Install the {backend} build of {_listed(requirements)}"
    names = [_name(requirement) for requirement in requirements]
    if installer.from_conda(names):
        build = ["pytorch-cpu"] if backend == "cpu" else ["pytorch-gpu"]
        if backend.startswith("cu") and backend[2:].isdigit():
            build.append(f"cuda-version={backend[2:-1]}.{backend[-1]}")
        return installer.remedy(text, [["conda", "install", "-p", installer.prefix, *build]])
    flags = ["--torch-backend", backend]
    for name in names:
        if reinstalls or (name in installer.installed and name in _TORCH):
            flags += ["--reinstall-package", name]
    if installer.kind == "uv":
        return installer.remedy(text, [[*installer.install, *flags, *requirements]])
    python = installer.python
    commands = [] if "uv" in installer.installed else [[*installer.install, "uv"]]
    commands.append(
        [python, "-m", "uv", "pip", "install", "--python", python, *flags, *requirements]
    )
    return installer.remedy(text, commands)


def new_environment(
    context: Context,
    python: str = "3.12",
    *,
    path: str = ".venv",
    why: str = "",
    keep: bool = False,
) -> Remedy:
    """A virtual environment with Python ``python`` (``3.12``); ``keep``: the one at ``path`` stays,
    only its interpreter is replaced.
    """
    text = why or f"Make an environment with Python {python}"
    installer = _Installer(context)
    if installer.place == "image":
        return Remedy(
            f"{text}: start the Dockerfile from another image", (f"FROM python:{python}-slim",)
        )
    if installer.conda:
        return installer.remedy(
            text, [["conda", "create", "-n", f"python{python}", f"python={python}"]]
        )
    if installer.kind == "uv":
        flag = ["--allow-existing"] if keep else []
        return installer.remedy(text, [["uv", "venv", *flag, "--python", python, path]])
    commands = [[f"python{python}", "-m", "venv", *(["--upgrade"] if keep else []), path]]
    if keep and not installer.windows:  # venv leaves links that lead nowhere as they are
        names = ("python", "python3", f"python{python}")
        commands.insert(0, ["rm", "-f", *(f"{path}/bin/{name}" for name in names)])
    return installer.remedy(text, commands)


def typed(context: Context, text: str, commands: Sequence[Sequence[str]]) -> Remedy:
    """Commands that install nothing into the interpreter, as they are typed where the target is."""
    installer = _Installer(context)
    installer.before = []
    return installer.remedy(text, commands)


def unset(context: Context, name: str, text: str) -> Remedy:
    """``text``, and how the variable ``name`` is unset in the shell that runs envcheck.

    For an image, a container or another machine it is set elsewhere: no command helps.
    """
    return _variable(context, text, f"set {name}=", f"unset {name}")


def export(context: Context, name: str, value: str, text: str) -> Remedy:
    """``text``, and how the variable ``name`` is set: here, or in the image's Dockerfile."""
    if context.facts.target.get("kind") == "image":
        return Remedy(f"{text}, in the Dockerfile", (f"ENV {name}={quoted(value)}",))
    return _variable(context, text, f"set {name}={value}", f"export {name}={quoted(value)}")


def _variable(context: Context, text: str, windows: str, posix: str) -> Remedy:
    kind = context.facts.target.get("kind")
    if kind == "image":
        return Remedy(f"{text}: it is set in the Dockerfile (ENV)")
    if kind == "container":
        return Remedy(f"{text}: it is set in the image or when the container is created")
    if kind == "ssh":
        return Remedy(f"{text}, in the start-up files of that machine")
    return Remedy(text, (windows if context.get("host.os") == "windows" else posix,))


def docker_run(context: Context, options: str) -> Remedy:
    """Start the container with these options; a command where the image is known."""
    target = context.facts.target
    name = target.get("name")
    commands: tuple[str, ...] = ()
    if target.get("kind") == "image" and isinstance(name, str) and name.isprintable():
        commands = (f"docker run {options} {quoted(name)}",)
    return Remedy(f"Start the container with `docker run {options}`", commands)


def together(text: str, *parts: Remedy) -> Remedy:
    """``text``, and the commands of all ``parts`` in order, each once."""
    commands = [command for part in parts for command in part.commands]
    return Remedy(text, tuple(dict.fromkeys(commands)))


def remove_directories(context: Context, paths: Sequence[str]) -> tuple[str, ...]:
    """Commands that remove these; none for an image, which is built again instead."""
    installer = _Installer(context)
    if not paths or installer.place == "image":
        return ()
    argv = ["rmdir", "/s", "/q"] if installer.windows else ["rm", "-r", "--"]
    installer.before = []
    return installer.remedy("", [[*argv, *paths]]).commands


class _Installer:
    """Who installs into this target, and how it is called."""

    def __init__(self, context: Context) -> None:
        target = context.facts.target
        self.place = {"image": "image", "container": "image", "ssh": "ssh"}.get(
            str(target.get("kind")), "here"
        )
        self.host = str(target.get("host") or target.get("name") or "")
        self.windows = context.get("host.os") == "windows"
        self.prefix = reading.text(context.get("interpreter.prefix"))
        self.python = reading.text(context.get("interpreter.executable")) or "python"
        self.conda = tuple(reading.strings(context.get("distributions.conda")))
        self.installed = _installed(context)
        self.managed = bool(context.get("interpreter.externally_managed")) and not context.get(
            "interpreter.is_venv"
        )
        self.kind = self._kind(context)
        before: list[str] = []
        if self.managed and not self.conda:
            folder = "/opt/venv" if self.place == "image" else ".venv"
            before = [self.python, "-m", "venv", folder]
            self.python = f"{folder}/bin/python"
        elif self.kind == "bare":  # pip was there, and is not any more
            before = [self.python, "-m", "ensurepip"]
        self.before = before
        if self.kind == "uv":
            self.install = ["uv", "pip", "install", "--python", self.python]
            self.uninstall = ["uv", "pip", "uninstall", "--python", self.python]
        else:
            self.install = [self.python, "-m", "pip", "install"]
            self.uninstall = [self.python, "-m", "pip", "uninstall", "-y"]
            if self.place == "image":
                self.install.append("--no-cache-dir")

    def _kind(self, context: Context) -> str:
        config = context.get("interpreter.venv.config")
        if isinstance(config, dict) and "uv" in config:
            return "uv"
        if self.managed or "pip" in self.installed:
            return "pip"
        if not context.facts.fact("distributions.installed").known:
            return "pip"
        used = {record.get("installer") for record in self.installed.values()}
        return "bare" if "pip" in used and "uv" not in used else "uv"

    def from_conda(self, requirements: Iterable[str]) -> bool:
        """Whether all of these came from conda."""
        names = [_name(requirement) for requirement in requirements]
        records = [self.installed.get(name, {}) for name in names]
        return bool(self.conda and records) and all(
            record.get("installer") == "conda" for record in records
        )

    def torch_label(self, requirement: str) -> str:
        """The build (``cu126``) of the installed torch that ``requirement`` names; mostly empty."""
        name = _name(requirement)
        record = self.installed.get(name, {})
        if self.conda and record.get("installer") == "conda":
            return ""
        return _torch_label(f"{name}=={record.get('version')}")

    def source(self, requirement: str) -> list[str]:
        """The arguments that install ``requirement`` from where the installed one came."""
        record = self.installed.get(_name(requirement), {})
        url = record.get("direct_url")
        if not isinstance(url, str) or not url:
            return [requirement]
        if record.get("editable"):
            return ["-e", url[len("file://") :] if url.startswith("file://") else url]
        return [f"{_name(requirement)} @ {url}"]

    def remedy(self, text: str, commands: Sequence[Sequence[str]]) -> Remedy:
        """``text`` and ``commands``, as they are typed where the target is."""
        if self.before:
            if self.kind != "bare":
                text += " in a virtual environment: this Python belongs to the operating system"
            commands = [self.before, *commands]
        if not all(word.isprintable() for argv in commands for word in argv):
            return Remedy(text)
        lines = [" ".join(quoted(word, windows=self.windows) for word in argv) for argv in commands]
        if self.place == "image":
            return Remedy(f"{text}, in the Dockerfile", ("RUN " + " && ".join(lines),))
        if self.place == "ssh" and self.host:
            lines = [f"ssh {quoted(self.host)} {quoted(line)}" for line in lines]
        return Remedy(text, tuple(lines))


def quoted(word: str, *, windows: bool = False) -> str:
    """``word`` as one argument for a POSIX shell, or for cmd and PowerShell."""
    if word and _SAFE.issuperset(word):
        return word
    if windows:
        return word if word and _SAFE.union("\\").issuperset(word) else f'"{word}"'
    return "'" + word.replace("'", "'\"'\"'") + "'"


def _without_wheels(context: Context, requirements: Sequence[str]) -> Remedy | None:
    """For what has no wheel for musl: a remedy that does not try to install it."""
    if context.get("host.libc.family") != "musl":
        return None
    names = [name for text in requirements if (name := _name(text)) in _TORCH]
    if not names:
        return None
    version = ".".join(reading.text(context.get("interpreter.version")).split(".")[:2]) or "3.12"
    text = f"{_listed(names)} has no wheel for musl: use a system with glibc, for example Debian"
    if _Installer(context).place == "image":
        return Remedy(text, (f"FROM python:{version}-slim",))
    return Remedy(text)


def _installed(context: Context) -> dict[str, dict[str, Any]]:
    """The installed distributions' records by canonical name."""
    found: dict[str, dict[str, Any]] = {}
    for record in reading.records(context.get("distributions.installed")):
        if name := reading.text(record.get("name")):
            found.setdefault(canonical(name), record)
    return found


def _name(requirement: str) -> str:
    parsed = parse(requirement)
    return parsed.name if parsed else canonical(requirement)


def _torch_label(requirement: str) -> str:
    """``cu126`` of ``torch==2.9.0+cu126``; empty for anything else."""
    name, _, version = requirement.partition("==")
    label = version.partition("+")[2].strip()
    known = label.startswith(_BACKENDS) and label.replace(".", "").isalnum()
    return label if known and canonical(name.strip()) in _TORCH else ""


def _conda_name(requirement: str) -> str:
    name = _name(requirement)
    return _CONDA_NAMES.get(name, name)


def _conda_spec(requirement: str) -> str:
    parsed = parse(requirement)
    return _conda_name(requirement) + (parsed.specifier if parsed else "")


def _listed(names: Sequence[str]) -> str:
    shown = [name if name.isprintable() else repr(name) for name in names]
    if len(shown) < 3:
        return " and ".join(shown)
    return ", ".join(shown[:-1]) + " and " + shown[-1]
