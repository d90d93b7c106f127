"""Brings an environment into a cluster: Secrets first, then what would change, applying it, waiting, and trying it out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from compiler.change.owner import HINT, foreign
from compiler.operate import credentials, rollout
from compiler.operate.changes import MEND, changes, judged, raise_away, refusals
from compiler.operate.target import Target
from compiler.operate.verdict import Result, Tell, any_failed, failed, passed
from compiler.operate.verify import verify
from compiler.operate.watch import PATIENCE_SECONDS, wait
from compiler.overlay import Secret
from compiler.workspace import different

APPLY_SECONDS = 300
_OWNED = "deployments,statefulsets,services,configmaps,ingresses,persistentvolumeclaims,jobs,cronjobs"


class Options(NamedTuple):
    """How a deployment is made: how long it is waited for, what is left out, and what makes its test run its own."""

    seconds: float
    patience: float = PATIENCE_SECONDS
    dry_run: bool = False
    verify: bool = True
    new_secrets: tuple[str, ...] = ()
    """Generated Secrets whose values may be other than those in the cluster."""
    stamp: str = ""
    millis: int = 0


def deploy(target: Target, options: Options, tell: Tell) -> Iterator[Result]:
    """Deploys, and yields what came of each step; the first failure is the last."""
    ready = [*_foreign(target), *_secrets(target, options)]
    yield from ready
    if any_failed(ready):
        return
    tell("asking the API server what would change")
    found = judged(target, changes(target))
    yield found
    if found.failed or options.dry_run:
        return
    for result in _applied(target, tell):
        yield result
        if result.failed:
            return
    for result in wait(target, objects(target), tell, options.seconds, options.patience):
        yield result
        if result.failed:
            return
    if options.verify:
        tell("trying it out")
        yield from verify(target, options.stamp, options.millis)


def objects(target: Target) -> list[tuple[str, str]]:
    """What is waited for, by kind and name: Jobs first, since the server waits for one of them."""
    return [(kind, each.ref.name) for kind in rollout.KINDS for each in target.built(kind)]


def _foreign(target: Target) -> Iterator[Result]:
    """Objects of the same names that belong to somebody else, as to a release of Helm."""
    for each in foreign(target.find(_OWNED), target.manifests):
        yield failed(f"{each.ref.kind} {each.ref.name}", each.message, HINT)


def _secrets(target: Target, options: Options) -> Iterator[Result]:
    wanted = credentials.provided(target.overlay)
    there = bool(target.cluster.get("namespace", target.namespace))
    found = {each.name: target.get("secret", each.name) if there else None for each in wanted}
    for result in credentials.there(target.name, target.overlay, found):
        if result.failed and not there:
            own = f"kubectl apply -k overlays/{target.name} -l app.kubernetes.io/component=namespace"
            how = f"make the namespace first: {own}; then {result.mend}"
            result = result._replace(mend=how)  # noqa: PLW2901 - the same with more words
        yield result
    yield from credentials.sound(target.overlay, found)
    for secret in target.overlay.generated_secrets():
        yield _generated(target, secret, may_change=secret.name in options.new_secrets, there=there)


def _generated(target: Target, secret: Secret, *, may_change: bool, there: bool) -> Result:
    """A Secret that is made from a file. Another value than the cluster has would lock the server out of its own volumes."""
    name, file = f"Secret {secret.name}", target.workspace.secret_file(target.name, secret)
    values = target.workspace.secret_values(target.name, secret)
    live = target.get("secret", secret.name) if there else None
    if values is None and live:
        mend = f"fetch its values: mlflow-overlays secrets {target.name} --context {target.cluster.context}"
        return failed(name, f"is in the cluster, and {file} is not here", mend)
    if values is None:
        return failed(name, f"{file} is not here", f"make it: mlflow-overlays secrets {target.name}")
    data = (live or {}).get("data") or {}
    differs = different(values, data)
    if differs and not may_change:
        mend = (
            f"bring the file that the cluster was deployed from; docs/secrets.md has how a value is changed,"
            f" and --new-secret {secret.name} lets it"
        )
        return failed(name, f"{file} has another value of {', '.join(differs)} than the cluster", mend)
    return passed(name, f"is made from {file}")


def _applied(target: Target, tell: Tell) -> Iterator[Result]:
    """Applies the overlay. A migration that failed before is taken away first, since a Job is never run again."""
    for job in target.built("Job"):
        live = target.get("job", job.ref.name)
        if live and rollout.condition(live, "Failed"):
            target.cluster.must("delete", "job", job.ref.name, f"--namespace={target.namespace}")
            yield passed(f"Job {job.ref.name}", "failed before, and is made anew")
    tell(f"applying {target.directory}")
    answer = target.cluster.run("apply", f"--kustomize={target.directory}", seconds=APPLY_SECONDS)
    if answer.code:
        raise_away(target, answer)
        yield failed("apply", "the API server refuses a part of it", MEND, target.masked(refusals(answer.words)))
        return
    yield passed("apply", f"{len(answer.out.splitlines())} objects are applied")
