"""doctor, against a real API server: an environment that is well, and one thing after the other that is not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from compiler.operate.doctor import CHECKS, examine
from compiler.operate.patient import Patient
from compiler.operate.verdict import Result, Verdict
from tests.conftest import Run

from . import controllers
from .apiserver import Server
from .operating import PASSWORD, Stand, stand, waiting

pytestmark = pytest.mark.cluster
TEXT = """\
overlay: eks-irsa
artifacts: {bucket: acme-mlflow, region: us-east-1, roleArn: "arn:aws:iam::123456789012:role/mlflow"}
host: mlflow.acme.example
ingress: {className: nginx, tlsSecret: mlflow-tls}
"""
TOKEN = {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"}


@pytest.fixture(scope="module")
def there(server: Server, directory: Path) -> Stand:
    """An environment that is deployed, with a pod of the server, a volume, and an end of its Service."""
    found = stand(server, directory / "doctor", "doctor-it", TEXT)
    found.secrets(s3_credentials=None)
    found.kubectl.must("apply", f"--kustomize={found.stage.overlay(found.name)}")
    certificate = (f"--cert={server.certificate}", f"--key={server.key}")
    found.kubectl.must("create", "secret", "tls", "mlflow-tls", *certificate, f"--namespace={found.name}")
    claims = controllers.claims(found.kubectl.objects("statefulsets", f"--namespace={found.name}"))
    assert found.kubectl.create(claims).code == 0
    controllers.bind(found.kubectl, found.name)
    found.complete("mlflow-migrate")
    owner = found.object("statefulsets", "postgres")
    [pod] = controllers.pods([owner])
    assert found.kubectl.create([pod]).code == 0
    server_pod(found, [TOKEN])
    ends(found, ready=True)
    return found


def server_pod(there: Stand, variables: list[dict[str, str]]) -> None:
    """A pod of the server, as the webhook of its cloud lets it in."""
    [pod] = controllers.pods([there.object("deployments", "mlflow")])
    pod["metadata"] |= {"name": "mlflow-1", "generateName": None}
    server = next(each for each in pod["spec"]["containers"] if each["name"] == "mlflow")
    server["env"] = [*(server.get("env") or []), *variables]
    there.kubectl.run("delete", "pod", "mlflow-1", f"--namespace={there.name}", "--grace-period=0", "--force")
    answer = there.kubectl.create([pod])
    assert answer.code == 0, answer
    there.status(there.object("pods", "mlflow-1"), phase="Pending", startTime="2100-01-01T00:00:00Z")


def ends(there: Stand, *, ready: bool) -> None:
    """Where the Service leads to."""
    made = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "mlflow-1",
            "namespace": there.name,
            "labels": {"kubernetes.io/service-name": "mlflow"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}],
        "ports": [{"name": "http", "port": 5000}],
    }
    there.kubectl.must("apply", "--filename=-", text=json.dumps(made))


def examined(there: Stand) -> dict[str, list[Result]]:
    """What each check says."""
    found: dict[str, list[Result]] = {}
    for result in examine(Patient(there.target(), "test"), lambda _: None):
        found.setdefault(result.check, []).append(result)
    return found


def bad(there: Stand) -> dict[str, Result]:
    """The checks that fail, each with its first failure."""
    failures = {name: next((each for each in found if each.failed), None) for name, found in examined(there).items()}
    return {name: result for name, result in failures.items() if result}


def test_what_is_well_passes_and_what_cannot_be_seen_is_skipped(there: Stand) -> None:
    found = examined(there)
    assert bad(there) == {}
    verdicts = {name: {result.verdict for result in results} for name, results in found.items()}
    good = {
        "overlay",
        "namespace",
        "objects",
        "values of Secrets",
        "age of Secrets",
        "service account",
        "token",
        "pods",
    }
    good |= {"migration", "service", "volumes", "hosts", "Secret mlflow-database", "Secret mlflow-tls"}
    assert {name: verdicts[name] for name in good} == {name: {Verdict.PASSED} for name in good}
    # No node runs the pods, so that no program runs in one.
    for name in ("store", "database", "experiments", "certificates", "usage", "log", "room"):
        assert verdicts[name] == {Verdict.SKIPPED}, name
        assert all(result.said for result in found[name])


def test_every_check_gives_an_answer(there: Stand) -> None:
    answered = set(examined(there))
    for check in CHECKS:
        assert check.question.endswith("."), check
        assert check.name in answered or check.name == "secrets"


def patched(there: Stand, resource: str, patch: Any) -> None:
    there.kubectl.must("patch", resource, f"--namespace={there.name}", "--type=merge", f"--patch={json.dumps(patch)}")


def value(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret_newline(there: Stand) -> None:
    patched(there, "secret/mlflow-database", {"data": {"password": value(f"{PASSWORD}\n")}})


def secret_key(there: Stand) -> None:
    patched(there, "secret/mlflow-database", {"data": {"password": None, "pass": value(PASSWORD)}})


def annotation(there: Stand) -> None:
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/other"}
    patched(there, "serviceaccount/mlflow", {"metadata": {"annotations": role}})


def no_token(there: Stand) -> None:
    server_pod(there, [])


def image(there: Stand) -> None:
    status = waiting("mlflow", "ImagePullBackOff", "denied")
    there.status(there.object("pods", "mlflow-1"), containerStatuses=[status])


def settings(there: Stand) -> None:
    change = {"name": "mlflow", "image": "example.com/mlflow:other"}
    there.kubectl.must(
        "set", "image", "deployment/mlflow", f"{change['name']}={change['image']}", f"--namespace={there.name}"
    )


def gone(there: Stand) -> None:
    there.kubectl.must("delete", "service", "mlflow", f"--namespace={there.name}")


def no_ends(there: Stand) -> None:
    ends(there, ready=False)


def host(there: Stand) -> None:
    patched(there, "ingress/mlflow", {"spec": {"rules": [rule("other.acme.example")]}})


def rule(name: str) -> Any:
    backend = {"service": {"name": "mlflow", "port": {"name": "http"}}}
    return {"host": name, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}


def unbound(there: Stand) -> None:
    there.status(there.object("persistentvolumeclaims", "data-postgres-0"), phase="Pending")
    claim = there.object("persistentvolumeclaims", "data-postgres-0")
    there.event(claim, "ProvisioningFailed", f"no room; {PASSWORD}")


def migration(there: Stand) -> None:
    there.kubectl.must("delete", "jobs", "--all", f"--namespace={there.name}")
    there.kubectl.must("apply", f"--kustomize={there.stage.overlay(there.name)}")
    there.fail("mlflow-migrate", "no more tries")


def stale(there: Stand) -> None:
    file = there.stage.overlay(there.name) / "kustomization.yaml"
    file.write_text(file.read_text() + "# changed\n")


BREAKS = (
    (secret_newline, "Secret mlflow-database", "the value of password ends with a line break", "--from-literal"),
    (secret_key, "Secret mlflow-database", "has no key password; its keys are: pass", "SECRETS.md"),
    (annotation, "service account", "role-arn of mlflow is arn:aws:iam::123456789012:role/other", "role/mlflow"),
    (no_token, "token", "AWS_WEB_IDENTITY_TOKEN_FILE is not in mlflow-1", "webhook"),
    (image, "pods", "mlflow-1, container mlflow: ImagePullBackOff: denied", "registry"),
    (settings, "objects", "other settings or another image", "deploy doctor-it"),
    (gone, "objects", "not in the cluster: Service mlflow", "deploy doctor-it"),
    (no_ends, "service", "no pod behind it is ready", "pods"),
    (host, "hosts", "403 for other.acme.example", "set host in environment.yaml"),
    (unbound, "volumes", "data-postgres-0 is Pending", "provisioner"),
    (migration, "migration", "BackoffLimitExceeded: no more tries", "runs it anew"),
    (stale, "overlay", "not what environment.yaml asks for", "make overlay ENV=doctor-it"),
)


@pytest.fixture
def mended(there: Stand) -> Iterator[None]:
    """All is well again afterwards."""
    file = there.stage.overlay(there.name) / "kustomization.yaml"
    kept = file.read_text()
    yield
    file.write_text(kept)
    there.kubectl.must("delete", "jobs", "--all", f"--namespace={there.name}")
    there.kubectl.must("apply", f"--kustomize={there.stage.overlay(there.name)}")
    there.complete("mlflow-migrate")
    controllers.bind(there.kubectl, there.name)
    patched(there, "ingress/mlflow", {"spec": {"rules": [rule("mlflow.acme.example")]}})
    patched(there, "secret/mlflow-database", {"data": {"password": value(PASSWORD), "pass": None}})
    server_pod(there, [TOKEN])
    ends(there, ready=True)


@pytest.mark.parametrize(("broken", "check", "said", "mend"), BREAKS, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.usefixtures("mended")
def test_what_is_not_well_is_said(
    there: Stand, broken: Callable[[Stand], None], check: str, said: str, mend: str
) -> None:
    broken(there)
    failures = bad(there)
    assert check in failures, failures
    assert said in failures[check].said
    assert mend in failures[check].mend
    assert PASSWORD not in str(failures)


def test_without_a_namespace_there_is_one_answer(server: Server, directory: Path, command_line: Run) -> None:
    none = stand(server, directory / "doctor-none", "doctor-none")
    answer = command_line("doctor", *none.arguments, "--output=json")
    report = json.loads(answer.out)
    assert answer.code == 1
    failures = [row for row in report["results"] if row["verdict"] == "failed"]
    assert [row["check"] for row in failures] == ["namespace"]
    assert {row["said"] for row in report["results"] if row["verdict"] == "skipped"} == {"there is no namespace"}
