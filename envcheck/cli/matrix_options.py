"""Options that actions of ``envcheck matrix`` share, and the plan that is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck import config
from envcheck.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from envcheck.matrix.settings import MatrixSettings
    from envcheck.matrix.spec import Loaded
    from envcheck.model.matrix import Index, Plan


def add_what(parser: argparse.ArgumentParser) -> None:
    """What is tested, and where."""
    parser.add_argument(
        "what",
        nargs="*",
        metavar="WHAT",
        help="a matrix (`envcheck matrix list`, or a file), else requirements ('numpy>=2'), "
        "a project (.), a wheel, an sdist or git+https://…@tag",
    )
    what = parser.add_argument_group("what is tested, where no matrix is named")
    what.add_argument("-r", "--requirements-file", default="", metavar="FILE")
    what.add_argument("--extra", action="append", default=[], metavar="NAME", dest="extras")
    what.add_argument(
        "--constraint", action="append", default=[], metavar="SPEC", dest="constraints"
    )
    what.add_argument("--import", action="append", default=[], metavar="MODULE", dest="imports")
    what.add_argument(
        "--smoke", default="", metavar="FILE", help="a script; `none`: no training with torch"
    )
    what.add_argument(
        "--skip", action="append", default=[], metavar="STEP", help="leave a step out"
    )
    axes = parser.add_argument_group("axes")
    for name, example in (
        ("python", "3.10,3.12"),
        ("os", "alpine,slim"),
        ("installer", "uv,pip"),
        ("architecture", "x86_64"),
    ):
        axes.add_argument(f"--{name}", action="append", default=[], metavar=example)
    axes.add_argument(
        "--axis", action="append", default=[], metavar="NAME=VALUE,…", help="a further axis"
    )
    axes.add_argument(
        "--only", action="append", default=[], metavar="GLOB", help="cells by id, as '3.12-*'"
    )
    add_index(parser)


def add_index(parser: argparse.ArgumentParser) -> None:
    """Where distributions come from."""
    group = parser.add_argument_group("index (default: as pip and uv are configured here)")
    group.add_argument("--index-url", default="", metavar="URL")
    group.add_argument("--extra-index-url", action="append", default=[], metavar="URL")
    group.add_argument("--find-links", action="append", default=[], metavar="PLACE")
    group.add_argument("--pre", action="store_true", help="pre-releases too")
    group.add_argument("--exclude-newer", default="", metavar="YYYY-MM-DD")


def add_targets(parser: argparse._ActionsContainer) -> None:
    """Where: in words, or what there is and is looked into."""
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="WORD,…",
        help="3.12-slim, 3.12-alpine3.20, 3.13t-slim, 3.12-glibc=2.17, 3.12-slim-aarch64, "
        "3.12-macos, 3.12-windows, pypy3.11-slim, here; there are no axes then",
    )
    for kind, metavar, what in (
        ("image", "REF", "would it install in this Docker image?"),
        ("venv", "DIR", "in this virtual environment"),
        ("ssh", "HOST", "on this machine"),
        ("facts", "FILE", "where this fact sheet is from (envcheck facts -o FILE)"),
    ):
        parser.add_argument(
            f"--{kind}",
            dest="target",
            action="append",
            type=f"{kind}:{{}}".format,
            default=[],
            metavar=metavar,
            help=what,
        )


def add_session(group: argparse._ArgumentGroup) -> None:
    """How indexes are asked by commands that only ask them."""
    group.add_argument(
        "--offline", action="store_true", help="ask no index: what was read before, however old"
    )
    group.add_argument(
        "--record", default="", metavar="FILE", help="write what indexes said into one small file"
    )
    group.add_argument(
        "--replay", default="", metavar="FILE", help="ask such a file instead of the indexes"
    )


def add_store(parser: argparse.ArgumentParser) -> None:
    """Where runs are kept."""
    parser.add_argument("--store", metavar="DIR", help="where runs are kept")


#: option -> setting
_SETTINGS = {
    "store": "matrix_store",
    "backend": "matrix_backend",
    "jobs": "matrix_jobs",
    "index_url": "matrix_index_url",
    "extra_index_url": "matrix_extra_index_url",
    "find_links": "matrix_find_links",
}


def settings_of(arguments: argparse.Namespace) -> MatrixSettings:
    """What holds for the matrix. Raises UsageError, DataError."""
    from envcheck.matrix import settings

    said = {
        setting: value
        for option, setting in _SETTINGS.items()
        if (value := getattr(arguments, option, None))
    }
    cwd = config.working_directory()
    return settings.of(config.resolve(said, cwd), cwd)


def loaded_of(arguments: argparse.Namespace) -> tuple[Loaded, Plan]:
    """The matrix that is meant, and its plan. Raises UsageError, DataError."""
    from envcheck.matrix import plan, spec

    if not arguments.what and not arguments.requirements_file:
        raise UsageError(
            "nothing is named to be tested",
            hint="`envcheck matrix list` names the matrices; or name a requirement, or `.`",
        )
    axes = _axes(arguments)
    cwd = config.working_directory()
    loaded = spec.choose(
        arguments.what,
        cwd,
        **{name: axes.get(name, []) for name in ("python", "os", "installer", "architecture")},
        extras=arguments.extras,
        constraints=arguments.constraints,
        requirements_file=arguments.requirements_file,
        imports=arguments.imports,
        smoke=arguments.smoke,
        skip=arguments.skip,
        index=_index(arguments),
    )
    planned = plan.plan(loaded.document, loaded.name, loaded.folder, axes=axes, only=arguments.only)
    return loaded, planned


def _axes(arguments: argparse.Namespace) -> dict[str, list[str]]:
    axes = {
        name: split(getattr(arguments, name))
        for name in ("python", "os", "installer", "architecture")
    }
    for word in arguments.axis:
        name, separator, values = word.partition("=")
        if not (name and separator and values):
            raise UsageError(f"--axis {word}: not NAME=VALUE,…", hint="e.g. --axis torch=cpu,cu130")
        axes[name] = split([values])
    return {name: values for name, values in axes.items() if values}


def split(words: Sequence[str]) -> list[str]:
    """The parts of words with commas."""
    return [part.strip() for word in words for part in word.split(",") if part.strip()]


def index_of(arguments: argparse.Namespace) -> Index:
    """What the options say of the index; where it is, is a setting."""
    from envcheck.model.matrix import Index

    return Index(
        pre=arguments.pre,
        exclude_newer=arguments.exclude_newer,
        only_binary=getattr(arguments, "only_binary", []),
    )


def _index(arguments: argparse.Namespace) -> Index | None:
    """The same, None if nothing is said."""
    from envcheck.model.matrix import Index

    index = index_of(arguments)
    return None if index == Index() else index
