"""Packages that try to get out of a cell of the matrix, or to lie about what they did.

Each attack is a program in ``attacks/``; it is run by ``setup.py`` while the package is built
(``PHASE`` is ``build``), by the package's module (``import``), or by whatever starts the
environment's interpreter (``start``). It prints ``TRIED name phase`` when it has run, and
``MANAGED phase: what`` for each thing that must not be possible; where it can write what is not
its own, it leaves a file whose name begins with ``MANAGED``.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from wheels import File, Member, link, sdist, wheel

FOLDER = Path(__file__).parent
ATTACKS = sorted(FOLDER.glob("attacks/*.py"))


class Bait(NamedTuple):
    """What must stay untouched and unread.

    ``token``: occurs in every secret there is: files, variables, credentials, the answers of the
    listeners. ``files``: on the host, with the token in them. ``folders``: on the host, writable
    by everybody there. ``listeners``: addresses on which the host listens.
    """

    token: str
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    listeners: tuple[tuple[str, int], ...] = ()


def program(attack: str) -> str:
    """The text of ``attack``, which imports ``bait``."""
    return (FOLDER / "attacks" / f"{attack}.py").read_text()


def filled(attack: str, phase: str, bait: Bait) -> str:
    """The module ``bait`` for an attack."""
    middle = len(bait.token) // 2
    head = f"""import os
import sys
import time

NAME, PHASE = {attack!r}, {phase!r}
TOKEN = {bait.token[:middle]!r} + {bait.token[middle:]!r}  # in two: this text is not a find
FILES, FOLDERS, LISTENERS = {bait.files!r}, {bait.folders!r}, {bait.listeners!r}
"""
    return head + (FOLDER / "bait.py").read_text().partition("# -- filled in\n")[2]


def built(attack: str, bait: Bait) -> File:
    """An sdist called ``built-ATTACK`` that runs it while it is built and when it is imported."""
    module = f"built_{attack}.py"
    return sdist(
        f"built-{attack}",
        setup=program(attack),
        beside={"bait.py": filled(attack, "build", bait)},
        files={module: program(attack), "bait.py": filled(attack, "import", bait)},
    )


def imported(attack: str, bait: Bait) -> File:
    """A wheel called ``imported-ATTACK`` that runs it when it is imported."""
    files = {f"imported_{attack}.py": program(attack), "bait.py": filled(attack, "import", bait)}
    return wheel(f"imported-{attack}", files=files)


# -- wheels that are hostile before anybody imports them ---------------------------------------


def traversal(bait: Bait) -> File:
    """Names that lead out of the archive's folder."""
    names = [f"{'../' * depth}MANAGED-traversal-{depth}" for depth in (1, 2, 4, 8)]
    names += [f"hostile_traversal/../../MANAGED-traversal-{bait.token[:8]}"]
    names += [
        f"{folder}/MANAGED-traversal" for folder in (*bait.folders, "/tmp", "/envcheck/store")
    ]
    names += [f"hostile_traversal-1.0.data/data/{'../' * 5}MANAGED-traversal-data"]
    names += [f"hostile_traversal-1.0.data/scripts/{'../' * 3}MANAGED-traversal-script"]
    return wheel("hostile-traversal", members=[Member(name, b"out\n") for name in names])


def links(bait: Bait) -> File:
    """Symbolic links to the outside, and files that go through them."""
    members = [link("hostile_links_file", path) for path in bait.files[:1]]
    for number, folder in enumerate((*bait.folders, "/tmp", "/envcheck/store")):
        members.append(link(f"hostile_links_{number}", folder))
        members.append(Member(f"hostile_links_{number}/MANAGED-links", b"out\n"))
    return wheel("hostile-links", members=members)


def starts(bait: Bait) -> File:
    """Code that runs whenever the environment's interpreter is started, by whomever."""
    return wheel(
        "hostile-starts",
        files={
            "hostile_starts.py": "word = 'imported'\n",
            "hostile_starts_code.py": program("poison"),
            "bait.py": filled("poison", "start", bait),
            "hostile_starts.pth": "import hostile_starts_code\n",
            "sitecustomize.py": "import hostile_starts_code\n",
            "usercustomize.py": "import hostile_starts_code\n",
        },
    )


def scripts(bait: Bait) -> File:
    """Programs of its own under the names of the environment's interpreter."""
    data = "hostile_scripts-1.0.data"
    text = "#!python\n" + filled("poison", "start", bait) + _without_bait(program("poison"))
    entries = "[console_scripts]\npython3.11 = hostile_scripts:main\npip = hostile_scripts:main\n"
    return wheel(
        "hostile-scripts",
        files={
            "hostile_scripts.py": "def main():\n    import hostile_starts_code\n",
            "hostile_starts_code.py": program("poison"),
            "bait.py": filled("poison", "start", bait),
            f"{data}/scripts/python": text,
            f"{data}/scripts/python3": text,
            f"{data}/data/pyvenv.cfg": "home = /tmp\ninclude-system-site-packages = true\n",
            "hostile_scripts-1.0.dist-info/entry_points.txt": entries,
        },
    )


def settings(bait: Bait) -> File:
    """Files of the environment itself, over those that are there."""
    data = "hostile_settings-1.0.data/data"
    site = "lib/python3.11/site-packages"
    return wheel(
        "hostile-settings",
        files={
            "hostile_settings.py": "word = 'imported'\n",
            f"{data}/pyvenv.cfg": "home = /usr/local/bin\ninclude-system-site-packages = true\n",
            f"{data}/bin/activate_this.py": program("poison"),
            f"{data}/{site}/hostile_settings_code.py": program("poison"),
            f"{data}/{site}/bait.py": filled("poison", "start", bait),
            f"{data}/{site}/hostile_settings.pth": "import hostile_settings_code\n",
        },
    )


def bomb(_: Bait, size: int = 1 << 30) -> File:
    """A wheel of a thousandth of the size of what is in it."""
    zeros = Member("hostile_bomb_zeros.bin", bytes(size), compressed=True)
    return wheel("hostile-bomb", members=[zeros])


def giant(_: Bait, size: int = 128 << 20) -> File:
    """METADATA and RECORD of ``size`` bytes each, in a small wheel."""
    line, entry = "Classifier: " + "x" * 1000 + "\n", b"x" * 1000 + b",,\n"
    return wheel(
        "hostile-giant",
        more=line * (size // len(line)),
        record=entry * (size // len(entry)),
        compressed=True,
    )


def _without_bait(text: str) -> str:
    """A program that stands alone, below the text of ``bait``."""
    return "".join(line for line in text.splitlines(True) if not line.startswith("from bait "))
