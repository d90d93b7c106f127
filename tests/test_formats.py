"""The formats of strings: what the API server accepts and refuses, and what Kustomize makes of names without their quotes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from compiler.build import build
from compiler.conform import conform
from compiler.dialect import go
from compiler.emit import emit
from compiler.formats import (
    BYTES,
    DATA_KEY,
    LABEL,
    LABEL_VALUE,
    LINE,
    NAME,
    PRINTABLE,
    QUALIFIED,
    REPOSITORY,
    Format,
    whole,
)
from compiler.overlay import SERVICE_ACCOUNT
from compiler.peer import unreadable
from compiler.rules import faults
from tests.conftest import Project
from tests.parts import MINIO, planned, understood

LOCAL = {"overlay": "local"}
SERVED = {**LOCAL, "host": "a.example"}
OTHER_TYPES = (
    *("Null", "True", "YES", "1_000", "0xFF", "1E3", "1."),
    *("null", "true", "false", "yes", "no", "on", "off", "y", "n", "2001-01-01", "2001-1-1"),
    *("8", "12", "08", "010", "0x1", "0xff", "0o7", "0b1", "1.0", "0.5", "1e3", "1e-3", "1.5e3"),
)


def matches(form: Format, text: str) -> bool:
    return bool(re.search(whole(form.pattern), text)) and len(text) <= form.longest


@pytest.mark.parametrize("form", [NAME, LABEL, QUALIFIED])
@pytest.mark.parametrize("text", OTHER_TYPES)
def test_name__is_no_other_type(form: Format, text: str) -> None:
    assert not matches(form, text)


@pytest.mark.parametrize(
    "text", ["a", "8a", "1-2", "1e", "0x", "nulls", "on1", "yes-no", "trues", "2001-01-01a", "0b2a"]
)
def test_name__that_only_begins_like_another_type(text: str) -> None:
    assert matches(NAME, text)
    assert matches(LABEL, text)
    assert isinstance(go(text), str)


@pytest.mark.parametrize("word", ["null", "8", "true", "1e3", "0x1", "1.0", "2001-01-01"])
def test_name__of_another_type_is_noticed_in_the_build(project: Project, word: str) -> None:
    """Kustomize drops the quotes of a reference to what it renames; the build is read as kubectl reads it, which shows it."""
    overlay = replace(planned(LOCAL), names={SERVICE_ACCOUNT: word})
    built = build(project.workspace.root, "example", emit("example", overlay), ())
    assert built.error == ""
    found = conform(built.manifests, "1.35") or faults(overlay, built.manifests, ())
    assert "serviceAccountName" in {fault.route[-1] for fault in found}


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    [
        (NAME, ["a.b", "a-b.c", "1.2.3", "a" * 253], ["a..b", "a-.b", ".a", "-a", "A", "a_b", "a\n", "", "a" * 254]),
        (BYTES, ["1Ki", "512Mi", "999Ti", "3Pi"], ["0Gi", "1", "1G", "4Pi", "1000Ti", "1.5Gi", "1Gi\n"]),
        (LABEL, ["a" * 63], ["a.b", "a" * 64, "a-", "a\n"]),
        (DATA_KEY, ["a", "_", ".a", "ca.crt", "-", "a..b"], [".", "..", "..a", "a b", "a/b", "a" * 254, "a\n"]),
        (LABEL_VALUE, ["", "a", "A.b_c-d", "a" * 63], ["-a", "a-", "a b", "a" * 64, "a\n"]),
        (
            QUALIFIED,
            ["a", "a.b/c", "A_b", f"{'a' * 253}/{'b' * 63}"],
            ["", "/a", "a/", "a/b/c", "A.b/c", "a b", "a..b/c", f"{'a' * 254}/b", "a/" + "b" * 64, "a\n"],
        ),
        (
            REPOSITORY,
            ["a", "a/b", "r.example:5000/a/b__c", "ghcr.io/mlflow/mlflow"],
            ["a:b", "A", "a//b", "a/", "/a", "a...b", "r.example:0/a", "a\n"],
        ),
        (Format(PRINTABLE, 99, ""), ["", "a\nb\t", "é"], ["\0", "a\x1b", "\x85", "\ufffe"]),
        (Format(LINE, 99, ""), ["a, b", "a"], ["", " a", "a  b", "a\nb", "a "]),
    ],
)
def test_format(form: Format, right: list[str], wrong: list[str]) -> None:
    assert [text for text in right if not matches(form, text)] == []
    assert [text for text in wrong if matches(form, text)] == []


@pytest.mark.parametrize("text", ["10.1.0.0/16", "1.2.3.4/32", "::/0", "0.0.0.0/0", "2001:db8::/32"])
def test_range__right(text: str) -> None:
    assert unreadable(text) == ("", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1.2.3.4", "1.2.3.4/32"),
        ("::1", "::1/128"),
        ("10.0.0.1/8", "10.0.0.0/8"),
        ("10.0.0.0/33", "not appear"),
        ("01.0.0.0/8", "not appear"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:0db8::/32", "2001:db8::/32"),
        ("::ffff:10.0.0.0/104", "IPv4 in the form of IPv6"),
    ],
)
def test_range__wrong(text: str, reason: str) -> None:
    assert reason in " ".join(unreadable(text))


@pytest.mark.parametrize(
    ("values", "keys"),
    [
        ({**LOCAL, "serviceAccount": {"name": "null"}}, ["serviceAccount.name"]),
        ({**LOCAL, "serviceAccount": {"name": "8"}}, ["serviceAccount.name"]),
        (
            {**SERVED, "service": {"type": "LoadBalancer", "loadBalancerClass": "no slash here"}},
            ["service.loadBalancerClass"],
        ),
        ({**MINIO, "maintenance": {"gc": {"schedule": "0 22-6 * * *"}}}, ["22-6"]),
        ({**MINIO, "maintenance": {"gc": {"schedule": "TZ=UTC 0 2 * * *"}}}, ["maintenance.gc.schedule"]),
        ({**MINIO, "maintenance": {"gc": {"schedule": "*/0 2 * * *"}}}, ["maintenance.gc.schedule"]),
        ({**MINIO, "maintenance": {"gc": {"schedule": "0 2 * * 7"}}}, ["maintenance.gc.schedule"]),
        ({**LOCAL, "artifacts": {"storage": {"className": "Bad_Class"}}}, ["artifacts.storage.className"]),
        ({**LOCAL, "mlflow": {"envFrom": [{"secretRef": {"name": "a..b"}}]}}, ["mlflow.envFrom[0].secretRef.name"]),
        (
            {**SERVED, "ingress": {"className": "Bad Name!", "tlsSecret": "t", "clusterIssuer": "x y\n"}},
            ["ingress.className", "ingress.clusterIssuer"],
        ),
        ({**MINIO, "maintenance": {"backup": {"size": "1Mi"}}}, ["maintenance.backup.size"]),
        ({**LOCAL, "scheduling": {"tolerations": [{"key": "a b", "operator": "Exists"}]}}, ["tolerations[0].key"]),
        ({**LOCAL, "scheduling": {"tolerations": [{"key": "a", "value": "a b"}]}}, ["tolerations[0].value"]),
        ({**MINIO, "database": {"storage": {"className": "Fast SSD"}}}, ["database.storage.className"]),
        ({**MINIO, "database": {"passwordKey": ".."}}, ["database.passwordKey"]),
        ({**LOCAL, "mlflow": {"env": {"A": "a\0b"}}}, ["mlflow.env.A"]),
        ({**LOCAL, "mlflow": {"staticPrefix": "/a/../b"}}, ["mlflow.staticPrefix"]),
        ({**MINIO, "autoscaling": {"max": 1}}, ["autoscaling.max"]),
        (
            {
                **SERVED,
                "tls": {"existingSecret": "t"},
                "service": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["1.2.3.4"]},
            },
            ["'1.2.3.4'"],
        ),
        ({**MINIO, "host": "10.1.2.3", "ingress": {"tlsSecret": "t"}}, ["'10.1.2.3'"]),
    ],
)
def test_what_the_api_server_refuses_is_refused_at_its_key(values: dict[str, Any], keys: list[str]) -> None:
    found = [each for each in understood(values).diagnostics if each.severity == "error"]
    assert [each.code for each in found] == ["bad-value"] * len(keys)
    assert [key for key in keys if not any(key in each.message for each in found)] == []
    assert all(each.place.line for each in found)
