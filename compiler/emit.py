"""An overlay as the text of its files, byte-stable.

The overlay is one file, `kustomization.yaml`, so that replacing it is replacing the overlay: nobody ever builds half of an old
one and half of a new one. Where an environment has a component of its own in `custom/`, that has to come after every value set
here; so the values move to a directory that is named for its content, and the file at the top puts the two together.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from compiler.block import dump
from compiler.document import secrets_page
from compiler.external import external_secret
from compiler.overlay import CRON_POD, POD, Change, Image, Overlay, Ref, Secret
from compiler.route import Named, Route, Step
from compiler.tree import BASE, HEADER, KUSTOMIZATION, PROFILES, SECRETS, Tree

LABELS = {"app.kubernetes.io/part-of": "mlflow"}
"""What every object of the base is labelled with, and so what is generated."""

_TOP = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_PODS: Mapping[str, Route] = {"Deployment|Job|StatefulSet": POD, "CronJob": CRON_POD}
"""The kinds of the base that make pods, and where those stand."""
_RENAMED = re.compile(
    r"""  - target:
      group: "([^"]*)"
      version: "([^"]*)"
      kind: "(Job)"
      name: "([^"]*)"
    patch: \|-
      - op: "replace"
        path: "/metadata/name"
        value: "([^"]*)"
"""
)


def emit(name: str, overlay: Overlay) -> Tree:
    """The files of an overlay. In: the environment's name, for the reader of the files."""
    header = f"# {HEADER} Don't change it here: change environment.yaml,\n# and run `make overlay ENV={name}`.\n"
    top = dict(_TOP) | ({"namespace": overlay.namespace} if overlay.namespace else {})
    generators = _generators(overlay.generated_secrets())
    documents = ({SECRETS: secrets_page(name, overlay)} if overlay.secrets else {}) | overlay.documents
    external = _external(header, overlay)
    documents |= external | _profiles(header, overlay)
    if not overlay.custom:
        inputs = _inputs(overlay, "../..")
        inputs["resources"] += external
        return {KUSTOMIZATION: header + _text(top, inputs, generators, overlay), **documents}
    values = header + _text(top, _inputs(overlay, "../../.."), {}, overlay)
    directory = f"compiled-{hashlib.sha256(values.encode()).hexdigest()[:8]}"
    whole = _sections({**top, "resources": [directory, *external], "components": ["custom"], **generators})
    if overlay.own:
        whole += "patches:\n" + "".join(_patches(Overlay(changes=overlay.own)))
    return {f"{directory}/{KUSTOMIZATION}": values, KUSTOMIZATION: header + whole, **documents}


def _external(header: str, overlay: Overlay) -> Tree:
    """The file of what an operator makes Secrets of, named for its content: an overlay never has another version of it."""
    if overlay.external is None or not overlay.external_secrets():
        return {}
    objects = [external_secret(overlay.external, secret, LABELS) for secret in overlay.external_secrets()]
    text = header + "---\n".join(map(dump, objects))
    return {f"externalsecrets-{hashlib.sha256(text.encode()).hexdigest()[:8]}.yaml": text}


def _profiles(header: str, overlay: Overlay) -> Tree:
    """The objects of profiles, a file each, in a directory that is applied after the overlay."""
    if not overlay.profiles:
        return {}
    files = {f"{name}.yaml": header + "---\n".join(map(dump, each)) for name, each in overlay.profiles.items()}
    top = header + _sections({**_TOP, "resources": list(files)})
    return {f"{PROFILES}/{path}": text for path, text in {**files, KUSTOMIZATION: top}.items()}


def _inputs(overlay: Overlay, root: str) -> dict[str, Any]:
    resources = [each if "://" in each else f"{root}/{each}" for each in overlay.resources or (BASE,)]
    components = [f"{root}/base/components/{component}" for component in overlay.components]
    return {"resources": resources, "components": components}


def _generators(secrets: Iterable[Secret]) -> dict[str, Any]:
    generators = [
        # The name is fixed: a password is set when a volume is new, and a changed file must not rename it.
        {
            "name": secret.name,
            "envs": [f"secrets/{secret.name}.env"],
            "options": {"disableNameSuffixHash": True, "labels": LABELS},
        }
        for secret in secrets
    ]
    return {"secretGenerator": generators} if generators else {}


def _text(top: dict[str, Any], inputs: dict[str, Any], generators: dict[str, Any], overlay: Overlay) -> str:
    text = _sections({**top, **inputs, **generators})
    images = [_image(image) for image in overlay.images]
    if images:
        text += dump({"images": images})
    return text + "patches:\n" + "".join(_patches(overlay))


def _sections(data: dict[str, Any]) -> str:
    return "".join(dump({key: value}) for key, value in data.items())


def _image(image: Image) -> dict[str, str]:
    entry = {"name": image.name}
    if image.repository != image.name:
        entry["newName"] = image.repository
    if image.tag:
        entry["newTag"] = image.tag
    if image.digest:
        entry["digest"] = image.digest
    return entry


def _patches(overlay: Overlay) -> Iterable[str]:
    merges: dict[Ref, list[Change]] = {}
    operations: dict[Ref, list[Change]] = {}
    for change in overlay.changes:
        by_index = any(isinstance(step, int) for step in change.route)
        (operations if by_index else merges).setdefault(change.target, []).append(change)
    for target in sorted(merges):
        yield _patch(_merge(target, merges[target], overlay.within))
    for target in sorted(operations):
        changes = [
            {"op": "add", "path": _pointer(change.route), "value": change.value} for change in operations[target]
        ]
        yield _patch(changes, target=_target(target))
    yield from _every_pod(overlay)
    for target in sorted(overlay.names):
        rename = [{"op": "replace", "path": "/metadata/name", "value": overlay.names[target]}]
        yield _patch(rename, target=_target(target))


def _every_pod(overlay: Overlay) -> Iterable[str]:
    """What is set in every pod: one patch for all kinds whose pods stand in the same place."""
    for kinds, pod in _PODS.items() if overlay.pods else ():
        fields = [{"op": "add", "path": _pointer((*pod, each.field)), "value": each.value} for each in overlay.pods]
        yield _patch(fields, target={"kind": kinds})


def _patch(body: Any, **more: Any) -> str:
    inner = dump(body).rstrip("\n").replace("\n", "\n      ")
    item = dump([more]).replace("\n", "\n  ").rstrip() + "\n    patch: |-" if more else "- patch: |-"
    return f"  {item}\n      {inner}\n"


def _merge(target: Ref, changes: Iterable[Change], namespace: str) -> dict[str, Any]:
    """A strategic-merge patch that sets every change of one object. In: the namespace that it has already, if it has one."""
    metadata = {"name": target.name} | ({"namespace": namespace} if namespace else {})
    body: dict[str, Any] = {"apiVersion": target.api_version, "kind": target.kind, "metadata": metadata}
    for change in changes:
        here: Any = body
        for step, following in zip(change.route, [*change.route[1:], None], strict=True):
            here = _descend(here, step, following, change.value)
    return body


def _descend(here: Any, step: Step, following: Step | None, value: Any) -> Any:
    """Makes the step inside `here`, holding `value` where the route ends, and returns what stands there."""
    fresh: Any = value if following is None else [] if isinstance(following, Named) else {}
    if isinstance(step, Named):
        item = next((item for item in here if item["name"] == step.name), None)
        if item is None:
            item = {"name": step.name}
            here.append(item)
        return item
    if following is None:
        here[step] = value
        return value
    return here.setdefault(step, fresh)


def _pointer(route: Route) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in route)


def renamed(tree: Tree) -> dict[Ref, str]:
    """The Jobs that an emitted tree gives names to, as `Overlay.names` has them; a tree that was written otherwise has none."""
    return {
        Ref(f"{group}/{version}", kind, name): given
        for text in tree.values()
        for group, version, kind, name, given in _RENAMED.findall(text)
    }


def _target(target: Ref) -> dict[str, str]:
    group, _, version = target.api_version.rpartition("/")
    return {**({"group": group} if group else {}), "version": version, "kind": target.kind, "name": target.name}
