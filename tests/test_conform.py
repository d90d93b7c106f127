"""Manifests held against the Kubernetes schemas: the same verdicts as the package that bundles them, and all of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from compiler.conform import conform, schema_versions
from compiler.errors import Missing
from compiler.manifest import Manifest
from compiler.parts.kubernetes_version import SUPPORTED
from compiler.pipeline import compile_environment
from compiler.route import ABSENT, follow, show
from compiler.workspace import Workspace
from tests.conftest import ROOT

Data = dict[str, Any]

DEPLOYMENT: Data = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "a", "labels": {"a": "b"}},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {
                "containers": [
                    {
                        "name": "a",
                        "image": "a:1",
                        "ports": [{"containerPort": 80}],
                        "livenessProbe": {"httpGet": {"port": "http"}},
                        "resources": {"limits": {"cpu": 1, "memory": "1Gi"}},
                    }
                ]
            },
        },
    },
}
SERVICE: Data = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}
CONTAINER = "spec.template.spec.containers[0]"


def _changed(data: Data, change: Callable[[Data], object]) -> Data:
    copy = deepcopy(data)
    change(copy)
    return copy


def _container(data: Data) -> Data:
    container: Data = data["spec"]["template"]["spec"]["containers"][0]
    return container


BROKEN: dict[str, tuple[Data, list[tuple[str, str]]]] = {
    "an unknown field": (
        _changed(DEPLOYMENT, lambda data: data["spec"].update(replica=1)),
        [("schema-unknown-field", "spec.replica")],
    ),
    "an unknown field at the top": (
        _changed(DEPLOYMENT, lambda data: data.update(spek={})),
        [("schema-unknown-field", "spek")],
    ),
    "an unknown field deep inside": (
        _changed(DEPLOYMENT, lambda data: _container(data)["livenessProbe"]["httpGet"].update(Path="/")),
        [("schema-unknown-field", f"{CONTAINER}.livenessProbe.httpGet.Path")],
    ),
    "a missing field": (
        _changed(DEPLOYMENT, lambda data: data["spec"].pop("selector")),
        [("schema-missing-field", "spec")],
    ),
    "a missing name": (
        _changed(DEPLOYMENT, lambda data: _container(data).pop("name")),
        [("schema-missing-field", CONTAINER)],
    ),
    "text for a number": (
        _changed(DEPLOYMENT, lambda data: data["spec"].update(replicas="1")),
        [("schema-wrong-type", "spec.replicas")],
    ),
    "a fraction for a whole number": (
        _changed(DEPLOYMENT, lambda data: data["spec"].update(replicas=1.5)),
        [("schema-wrong-type", "spec.replicas")],
    ),
    "a number for a label": (
        _changed(DEPLOYMENT, lambda data: data["metadata"]["labels"].update(a=1)),
        [("schema-wrong-type", "metadata.labels.a")],
    ),
    "a mapping for a list": (
        _changed(DEPLOYMENT, lambda data: data["spec"]["template"]["spec"].update(containers={})),
        [("schema-wrong-type", "spec.template.spec.containers")],
    ),
    "a truth for an amount": (
        _changed(DEPLOYMENT, lambda data: _container(data)["resources"]["limits"].update(cpu=True)),
        [("schema-bad-value", f"{CONTAINER}.resources.limits.cpu")],
    ),
    "a list for a port by name or number": (
        _changed(DEPLOYMENT, lambda data: _container(data)["livenessProbe"]["httpGet"].update(port=[])),
        [("schema-bad-value", f"{CONTAINER}.livenessProbe.httpGet.port")],
    ),
    "several at once": (
        _changed(
            DEPLOYMENT,
            lambda data: (
                data["spec"].update(replicas="x", nonsense=1, other=2),
                data["spec"].pop("selector"),
                _container(data).update(image=1),
                _container(data)["ports"].append({}),
            ),
        ),
        [
            ("schema-missing-field", "spec"),
            ("schema-missing-field", f"{CONTAINER}.ports[1]"),
            ("schema-unknown-field", "spec.nonsense"),
            ("schema-unknown-field", "spec.other"),
            ("schema-wrong-type", "spec.replicas"),
            ("schema-wrong-type", f"{CONTAINER}.image"),
        ],
    ),
    "a service without a port's number": (
        _changed(SERVICE, lambda data: data["spec"]["ports"][0].pop("port")),
        [("schema-missing-field", "spec.ports[0]")],
    ),
}
GOOD = {"a deployment": DEPLOYMENT, "a service": SERVICE}


def _theirs(data: Data, version: str) -> bool:
    """Whether the package itself accepts an object, strictly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            kubernetes_validate.validate(data, version, strict=True)
        except kubernetes_validate.ValidationError:
            return False
    return True


def _found(data: Data, version: str = "1.35") -> list[tuple[str, str]]:
    return sorted((fault.code, show(fault.route)) for fault in conform([Manifest(data)], version))


@pytest.mark.parametrize(("data", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_conform__returns_everything_that_is_wrong(data: Data, expected: list[tuple[str, str]]) -> None:
    assert _found(data) == expected


@pytest.mark.parametrize("version", SUPPORTED)
def test_conform__agrees_with_the_package_on_every_version(version: str) -> None:
    for name, data in GOOD.items():
        assert _found(data, version) == [], name
        assert _theirs(data, version), name
    for name, (data, _) in BROKEN.items():
        assert _found(data, version) != [], name
        assert not _theirs(data, version), name


@pytest.mark.parametrize("version", [SUPPORTED[0], SUPPORTED[-1]])
def test_conform__agrees_with_the_package_on_a_whole_overlay(version: str) -> None:
    """On every object of the largest reference environment, as it is built and with a field too many or of another type."""
    manifests = compile_environment(Workspace(ROOT), "minio-mysql").manifests
    assert len(manifests) > 15
    assert conform(manifests, version) == []
    for manifest in manifests:
        assert _theirs(manifest.data, version), manifest.ref
        metadata = {**manifest.data["metadata"], "labels": "x"}
        for broken in ({**manifest.data, "nonsense": 1}, {**manifest.data, "metadata": metadata}):
            assert _found(broken, version) != [], manifest.ref
            assert not _theirs(broken, version), manifest.ref


def test_conform__points_at_what_is_there() -> None:
    for data, _ in BROKEN.values():
        for fault in conform([Manifest(data)], "1.35"):
            assert follow(data, fault.route) is not ABSENT
            assert fault.ref == Manifest(data).ref
            assert fault.message


def test_conform__unknown_fields_have_a_hint() -> None:
    [fault] = conform([Manifest(BROKEN["an unknown field"][0])], "1.35")
    assert fault.hint == "did you mean 'replicas'?"


def test_conform__a_type_is_said_in_words() -> None:
    [fault] = conform([Manifest(BROKEN["text for a number"][0])], "1.35")
    assert fault.message == "spec.replicas is '1', and has to be of type integer"


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("apps/v1", "Deploymnt"),
        ("apps/v1", "deployment"),
        ("example.org/v1", "Gadget"),
        ("v1", "PodSpec"),
        ("v1", "../../etc/passwd"),
        ("../v1", "Service"),
        ("v1", "_definitions"),
        ("v1", "Service\n"),
    ],
)
def test_conform__a_kind_that_is_not_known_is_not_passed_over(api_version: str, kind: str) -> None:
    """The package lets pass what it does not know; a mistyped kind would never be noticed."""
    [fault] = conform([Manifest({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}})], "1.35")
    assert (fault.code, fault.route) == ("unknown-kind", ("kind",))


@pytest.mark.parametrize("data", [{}, {"kind": "Service"}, {"apiVersion": "v1"}, {"apiVersion": "", "kind": "Service"}])
def test_conform__what_is_no_object(data: Data) -> None:
    [fault] = conform([Manifest(data)], "1.35")
    assert fault.code == "not-a-manifest"


def test_conform__a_field_that_only_newer_versions_have() -> None:
    """The answer depends on the version: what 1.30 does not know is refused there and nowhere else."""
    data = _changed(
        DEPLOYMENT, lambda data: data["spec"]["template"]["spec"].update(resources={"limits": {"cpu": "1"}})
    )
    verdicts = [bool(_found(data, version)) for version in SUPPORTED]
    assert verdicts[0]
    assert not verdicts[-1]
    assert verdicts == sorted(verdicts, reverse=True)


def test_conform__an_unknown_version_is_a_missing_file() -> None:
    with pytest.raises(Missing, match=r"no schemas of Kubernetes 1\.99; there are 1\."):
        conform([Manifest(SERVICE)], "1.99")


def test_versions__every_supported_one_is_there_and_the_newest_is_supported() -> None:
    there = schema_versions()
    assert set(SUPPORTED) <= set(there)
    assert there[-1] == SUPPORTED[-1]
    minors = [int(version.split(".")[1]) for version in there]
    assert minors == sorted(minors)
    assert list(SUPPORTED) == list(there[there.index(SUPPORTED[0]) :])
