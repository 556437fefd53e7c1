"""The commands of a shell script, as words. Nothing is run; what only a run tells is unknown."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPERATORS = frozenset(";&|()<>")
_OPENING = ("if", "then", "else", "elif", "do", "while", "until", "!", "{", "time")
_BRANCHES = ("then", "else", "elif", "do")
_ENDS = ("fi", "done")
_SHELLS = ("sh", "bash", "ash", "dash", "zsh")
_DEPTH = 5  # of scripts in scripts
#: what newlines and comments are not in: quotes and escapes
_PIECE = re.compile(
    r"(?P<continued>\\[ \t]*\n)|\\.|'[^']*'|\"(?:\\.|[^\"\\])*\""
    r"|(?P<before>^|(?<=[\s;&|(]))(?P<comment>\#[^\n]*)|(?P<line>\n)|[^\\'\"\n#\s;&|(]+|.",
    re.DOTALL | re.MULTILINE,
)


class Command(NamedTuple):
    """``written``: files that output is redirected to. ``is_conditional``: it may not be run.

    ``after_failure``: it is run only if the command before it fails.
    """

    words: tuple[str, ...]
    written: tuple[str, ...] = ()
    is_conditional: bool = False
    after_failure: bool = False


def commands(script: str, depth: int = 0) -> Iterator[Command]:
    """The simple commands of a script, those of ``sh -c '…'`` too. Raises ValueError for what
    cannot be split.
    """
    branches, after_failure = 0, False
    for tokens, operator in _simple(_joined(script)):
        words, written = _without_redirections(tokens)
        branches += words[:1] == ["then"] or words[:1] == ["do"]
        branches -= words[:1] == ["fi"] or words[:1] == ["done"]
        is_branch = bool(words) and words[0] in _BRANCHES
        while words and words[0] in _OPENING:
            words = words[1:]
        if words and words[0] not in _ENDS:
            found = Command(tuple(words), tuple(written), branches > 0 or is_branch, after_failure)
            yield from _inner(found, depth)
        after_failure = operator == "||"


def _inner(found: Command, depth: int) -> Iterator[Command]:
    """The commands of ``sh -c``, or the command itself."""
    words = found.words
    name = words[0].rpartition("/")[2]
    if name in _SHELLS and depth < _DEPTH:
        for place, word in enumerate(words[1:-1], 1):
            if re.fullmatch(r"-[a-z]*c[a-z]*", word):
                for inner in commands(words[place + 1], depth + 1):
                    yield inner._replace(
                        is_conditional=inner.is_conditional or found.is_conditional,
                        after_failure=inner.after_failure or found.after_failure,
                    )
                return
    yield found


def _joined(script: str) -> str:
    """Lines as commands, without comments; continued ones joined."""
    pieces: list[str] = []
    for match in _PIECE.finditer(script):
        if match["continued"]:
            pieces.append(" ")
        elif match["comment"] is not None:
            pieces.append(match["before"])
        elif match["line"]:
            pieces.append(" ;\n")
        else:
            pieces.append(match[0])
    return "".join(pieces)


def _simple(script: str) -> Iterator[tuple[list[str], str]]:
    """(tokens, the operator that ends them); redirections are among the tokens."""
    lexer = shlex.shlex(script, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    found: list[str] = []
    for token in lexer:
        if token and set(token) <= _OPERATORS and not set(token) & {"<", ">"}:
            yield found, token
            found = []
        else:
            found.append(token)
    yield found, ""


def _without_redirections(tokens: list[str]) -> tuple[list[str], list[str]]:
    words: list[str] = []
    written: list[str] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token and set(token) <= _OPERATORS:
            if words and words[-1].isdigit():
                words.pop()  # of `2>file`
            place += 1
            if ">" in token and place < len(tokens):
                written.append(tokens[place])
        else:
            words.append(token)
        place += 1
    return words, written
