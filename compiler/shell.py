"""What a text of shell does with some variables: the shapes in which a value ends up where others read it.

This is no shell. It sees simple commands, pipes and redirections, and takes what it does not know for a program of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SPLIT = re.compile(r"\s*(\|\||&&|;;|[;|&\n(){}])\s*")
_QUOTED = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.|\#\{""", re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_FUNCTION = re.compile(r"^\s*(?:function\s+)?([A-Za-z_]\w*)\s*\(\)\s*\{(.*?)^\}", re.MULTILINE | re.DOTALL)
_KEYWORDS = {"if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "time"}
_QUIET = {
    "[",
    "[[",
    "test",
    ":",
    "true",
    "case",
    "esac",
    "for",
    "export",
    "local",
    "readonly",
    "unset",
    "return",
    "read",
}
"""Builtins that neither start a program nor print what they are given."""
_PRINTING = {"echo", "printf"}
_DUMPING = {"env", "printenv", "set", "declare", "export"}
"""What prints every variable when it stands alone."""


@dataclass(frozen=True)
class Command:
    """A simple command, as its words, and what stands after it: the operator that ends it."""

    words: tuple[str, ...]
    end: str


def leaks(text: str, variables: frozenset[str]) -> Iterator[str]:
    """Where a text of shell gives a variable away, in words. In: the text, and the names that hold what nobody may read."""
    return _told(_without_documents(text), variables, frozenset(), captured=False)


def _told(text: str, variables: frozenset[str], known: frozenset[str], *, captured: bool) -> Iterator[str]:
    """What `leaks` finds. In: the functions that are known already, and whether the output goes elsewhere than to the log."""
    text, inner = _substituted(text)
    bodies = {match[1]: match[2] for match in _FUNCTION.finditer(text)}
    text = _FUNCTION.sub("", text)
    every = {name: list(commands(body)) for name, body in [("", text), *bodies.items()]}
    functions = known | set(bodies)
    loud = {_program(each) for group in every.values() for each in group if not _away(each)} & set(bodies)
    for name, group in every.items():
        quiet = captured or bool(name and name not in loud)
        for command in group:
            yield from _leaks(command, variables, functions, quiet=quiet)
    for piece in inner:
        yield from _told(piece, variables, functions, captured=True)


def _substituted(text: str) -> tuple[str, list[str]]:
    """A text with a plain word for each `$(...)`, and what stands inside those, whose output the shell keeps."""
    inner: list[str] = []
    while (start := text.find("$(")) >= 0:
        depth, end = 0, start + 1
        for end in range(start + 1, len(text)):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if not depth:
                break
        inner.append(text[start + 2 : end])
        text = f"{text[:start]}substituted{text[end + 1 :]}"
    return text, inner


def commands(text: str) -> Iterator[Command]:
    """The simple commands of a text of shell, without comments, here-documents and keywords."""
    masked, kept = _mask(text)
    pieces = _SPLIT.split(masked)
    for words, end in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        parts = [_restore(word, kept) for word in words.split()]
        while parts and parts[0] in _KEYWORDS:
            parts = parts[1:]
        if parts:
            yield Command(tuple(parts), end)


def _without_documents(text: str) -> str:
    """A text without its comments and the bodies of here-documents; a body goes to a program's standard input."""
    lines: list[str] = []
    until = ""
    for line in text.replace("\\\n", " ").splitlines():
        if until:
            until = "" if line.strip() == until else until
            continue
        lines.append("" if line.lstrip().startswith("#") else re.sub(r"""(?<=\s)#[^'"]*$""", "", line))
        document = re.search(r"<<-?\s*['\"]?(\w+)", line)
        until = document[1] if document else ""
    return "\n".join(lines)


def _mask(text: str) -> tuple[str, list[str]]:
    """A text whose quoted pieces and parameter expansions are one mark each, so that it can be split, and those pieces."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match.group())
        return f"\x00{len(kept) - 1}\x01"

    text = _QUOTED.sub(keep, text)
    return re.sub(r"\$\{[^}]*\}|\d*>&\d", keep, text), kept


def _restore(word: str, kept: list[str]) -> str:
    while "\x00" in word:
        word = re.sub("\x00(\\d+)\x01", lambda match: kept[int(match[1])], word)
    return word


def _words(command: Command) -> list[str]:
    """The words of a command without assignments before it, which only its own environment holds."""
    words = list(command.words)
    while words and _ASSIGNMENT.match(words[0]):
        words.pop(0)
    return words


def _program(command: Command) -> str:
    return next((word.rpartition("/")[2] for word in _words(command)), "")


def _away(command: Command) -> bool:
    """Whether what a command prints goes elsewhere than to the log."""
    return command.end == "|" or any(word.startswith((">", "1>", "&>")) for word in command.words)


def _leaks(command: Command, variables: frozenset[str], functions: frozenset[str], *, quiet: bool) -> Iterator[str]:
    program, rest = _program(command), _words(command)[1:]
    silent = quiet or _away(command)
    if program == "set" and any(re.fullmatch(r"-\w*x\w*|xtrace", word) for word in rest):
        yield "`set -x` writes every command, with its values, to the log"
    if (
        not silent
        and program in _DUMPING
        and all(word.startswith("-") for word in rest)
        and not (program == "set" and rest)
    ):
        yield f"`{program}` writes every variable to the log"
    for name in sorted(variables):
        if not silent and program == "printenv" and name in rest:
            yield f"`printenv` writes {name} to the log"
        if not any(_expands(word, name) for word in rest):
            continue
        if program not in _PRINTING | _QUIET | functions:
            yield f"{name} becomes an argument of `{program}`, which every process of the node may read"
        elif program in _PRINTING and not silent:
            yield f"`{program}` writes {name} to the log"


def _expands(word: str, name: str) -> bool:
    """Whether a word holds the value of a variable: not its length, and not inside single quotes."""
    if word.startswith("'"):
        return False
    return bool(re.search(rf"\$(?:{name}\b|\{{{name}\b(?!:?\+))", word))
