"""Where the Secrets of a build flow: from a reference into a variable, from there into others, and never where others read.

Kubernetes puts `$(NAME)` in arguments, and in variables that are written later, in place of a variable's value; a shell does the
same with `$NAME`. An argument stands in the list of a node's processes, a probe's output in events, and what is printed in logs.
The name of a user or of a key is no credential: object stores and databases log it themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay
from compiler.route import Named, Route
from compiler.shell import leaks
from compiler.workload import Workload, containers, workloads

_NAMES = re.compile(r"(?:user|username|user_name|login|access_?key_?id|key_?id|client_?id|\.crt)$", re.IGNORECASE)
"""Keys of Secrets that hold a name or a certificate, which others may know."""
_SHELLS = {"sh", "bash", "dash", "ash", "ksh", "zsh"}
_HANDLERS = (
    ("startupProbe",),
    ("readinessProbe",),
    ("livenessProbe",),
    ("lifecycle", "postStart"),
    ("lifecycle", "preStop"),
)
Keys = dict[str, tuple[str, ...]]


def flow(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """No variable that holds a credential is expanded into an argument, a URI or a probe, or printed by a script."""
    keys: Keys = {secret.name: tuple(key.key for key in secret.keys) for secret in overlay.secrets}
    texts = {each.ref.name: each.data.get("data") or {} for each in manifests if each.ref.kind == "ConfigMap"}
    faults = []
    for workload in workloads(manifests):
        for route, container in containers(workload):
            holding = _holding(container, keys)
            if not holding:
                continue
            for place, message, hint in _found(workload, container, holding, texts):
                faults.append(Fault(workload.ref, (*route, *place), "exposed-secret", message, hint))
    return faults


def _holding(container: dict[str, Any], keys: Keys) -> frozenset[str]:
    """The variables of a container that hold a credential, by reference or by expansion of one that does."""
    holding: set[str] = set()
    for source in container.get("envFrom") or []:
        name = (source.get("secretRef") or {}).get("name", "")
        holding |= {source.get("prefix", "") + key for key in keys.get(name, ()) if not _NAMES.search(key)}
    for variable in container.get("env") or []:
        name = str(variable.get("name"))
        reference = (variable.get("valueFrom") or {}).get("secretKeyRef")
        if (reference and not _NAMES.search(str(reference.get("key")))) or _expanded(variable.get("value"), holding):
            holding.add(name)
        else:
            holding.discard(name)
    return frozenset(holding)


def _expanded(text: Any, holding: set[str] | frozenset[str]) -> list[str]:
    """The variables that Kubernetes puts into a text; `$$(NAME)` stays as it is."""
    found = re.findall(r"(?<!\$)(?:\$\$)*\$\(([A-Za-z_.-][\w.-]*)\)", text) if isinstance(text, str) else []
    return [name for name in found if name in holding]


Leak = tuple[Route, str, str]


def _found(
    workload: Workload, container: dict[str, Any], holding: frozenset[str], texts: dict[str, Any]
) -> Iterator[Leak]:
    for variable in container.get("env") or []:
        if "://" in str(variable.get("value", "")) and (names := _expanded(variable.get("value"), holding)):
            message = f"the URI in {variable['name']} carries the Secret in {names[0]}"
            yield (
                ("env", Named(str(variable["name"]))),
                message,
                "URIs are logged: give the program the password by itself",
            )
    for field in ("command", "args"):
        for index, word in enumerate(container.get(field) or []):
            if names := _expanded(word, holding):
                message = f"the Secret in {names[0]} becomes an argument, which every process of the node may read"
                yield (field, index), message, "let the program read its environment, or a file"
    words = [*(container.get("command") or []), *(container.get("args") or [])]
    place: Route = ("command",) if container.get("command") else ("args",)
    yield from _scripts(place, words, workload, container, holding, texts)
    for handler in _HANDLERS:
        yield from _handler(handler, workload, container, holding, texts)


def _handler(
    handler: tuple[str, ...],
    workload: Workload,
    container: dict[str, Any],
    holding: frozenset[str],
    texts: dict[str, Any],
) -> Iterator[Leak]:
    action: Any = container
    for step in handler:
        action = action.get(step) or {}
    words = (action.get("exec") or {}).get("command") or []
    place = (*handler, "exec", "command")
    for index, word in enumerate(words):
        if names := _expanded(word, holding):
            yield (
                (*place, index),
                f"the Secret in {names[0]} becomes an argument of a probe",
                "let the command read a file",
            )
    yield from _scripts(place, words, workload, container, holding, texts)


def _scripts(
    place: Route,
    words: Sequence[str],
    workload: Workload,
    container: dict[str, Any],
    holding: frozenset[str],
    texts: dict[str, Any],
) -> Iterator[Leak]:
    """What the shell texts of a command do: those written in it, and scripts that it runs out of a ConfigMap."""
    if not words or str(words[0]).rpartition("/")[2] not in _SHELLS:
        return
    options = [word for word in words[1:] if re.fullmatch(r"-[a-z]+", str(word))]
    if any("x" in option for option in options):
        yield place, "the shell's -x writes every command, with its values, to the log", "leave it out"
    rest = [str(word) for word in words[1:] if word not in options]
    if not rest:
        return
    inline = any("c" in option for option in options)
    text, where = (rest[0], "") if inline else (_mounted(rest[0], workload, container, texts), f"{rest[0]}: ")
    for message in leaks(text, holding):
        yield place, f"{where}{message}", "hand it over on standard input, in a variable or in a file"


def _mounted(path: str, workload: Workload, container: dict[str, Any], texts: dict[str, Any]) -> str:
    """The text of a file that a container mounts from a ConfigMap; empty where it is none."""
    volumes = {volume.get("name"): volume for volume in workload.pod.get("volumes") or []}
    for mount in container.get("volumeMounts") or []:
        root = str(mount.get("mountPath", "")).rstrip("/") + "/"
        source = (volumes.get(mount.get("name")) or {}).get("configMap") or {}
        if not source or not path.startswith(root):
            continue
        items = {item.get("path"): item.get("key") for item in source.get("items") or []}
        file = path.removeprefix(root)
        return str(texts.get(str(source.get("name")), {}).get(items.get(file, file), ""))
    return ""
