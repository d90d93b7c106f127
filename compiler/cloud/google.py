"""What an environment needs of Google: a bucket, and a role on the environment's paths of it for the server's account.

A role on a bucket is narrowed by a condition. A list has no object that it is about, and so is judged by the prefix that is
asked for: https://cloud.google.com/iam/docs/conditions-attribute-reference
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote
from typing import TYPE_CHECKING, Any

from compiler.cloud.hcl import block, data, file, resource, settings, text, texts, variable
from compiler.cloud.place import Bucket, Kept, Place, account, buckets, kept
from compiler.cloud.policy import text as as_json
from compiler.cloud.script import Input, note, page, script, steps

if TYPE_CHECKING:
    from compiler.environment import Environment

_ROLE = "roles/storage.objectUser"
_USER = "roles/iam.workloadIdentityUser"
_LONGEST = 30
_NEEDS = "Run again, it changes nothing. It needs the gcloud CLI, logged in as somebody who may do that."
_REPLACES = "Rules of lifecycle that it has are replaced."


def documents(environment: Environment) -> dict[str, str]:
    """The files of `google/`."""
    files, what = {}, {}
    if environment.cloud.tool == "terraform":
        files["main.tf"] = _main(environment)
        what["main.tf"] = "the bucket, and who may use it, for Terraform or OpenTofu"
        commands = ["terraform init", "terraform apply"]
    else:
        for bucket in buckets(environment):
            path = bucket.file("lifecycle")
            files[path] = as_json({"lifecycle": {"rule": _rules(bucket.places, kept(environment))}})
            what[path] = f"what the bucket {bucket.name} deletes by itself"
            if condition := _condition(bucket):
                path = bucket.file("condition")
                files[path] = as_json(condition)
                what[path] = f"the paths of {bucket.name} that the server may use"
        files["bucket.sh"], files["iam.sh"] = _bucket_script(environment), _iam_script(environment)
        what["bucket.sh"] = "creates the bucket, with versions, lifecycle and no public access"
        what["iam.sh"] = "lets the server use it"
        commands = ["sh bucket.sh", "sh iam.sh"]
    about = f"What the environment {environment.name} needs of Google: its bucket, and a role on it for the server."
    run = steps(environment.name, "google", commands, _inputs(environment))
    return {**files, "README.md": page(environment.name, "Google Cloud", about, what, run, _keys(environment))}


def _inputs(environment: Environment) -> list[Input]:
    address = environment.artifacts.settings.account
    owner = address.partition("@")[2].removesuffix(".iam.gserviceaccount.com") if address else None
    project = environment.cloud.project or owner
    return [
        Input("project", "the id of the project of the bucket and of the cluster", project),
        Input("location", "where the bucket is, as europe-west3", environment.cloud.location),
    ]


def _service_account(environment: Environment) -> tuple[str, str, str] | None:
    """The name, project and address of the Google service account; None where the Kubernetes one needs none.

    A project that only the one who runs a script knows is `$project`.
    """
    if address := environment.artifacts.settings.account:
        name, _, domain = address.partition("@")
        return name, domain.removesuffix(".iam.gserviceaccount.com"), address
    if environment.kind.identity != "keys":
        return None
    name = environment.cloud.name or f"mlflow-{environment.name}"[:_LONGEST].rstrip("-")
    project = environment.cloud.project or "$project"
    return name, project, f"{name}@{project}.iam.gserviceaccount.com"


def _rules(places: Sequence[Place], kept: Kept) -> list[dict[str, Any]]:
    """https://cloud.google.com/storage/docs/lifecycle#configuration."""
    where = {} if any(not place.prefix for place in places) else {"matchesPrefix": [place.start for place in places]}
    rules: list[dict[str, Any]] = [
        {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": kept.incomplete_days, **where}}
    ]
    if kept.noncurrent_days:
        condition = {"daysSinceNoncurrentTime": kept.noncurrent_days, **where}
        rules.append({"action": {"type": "Delete"}, "condition": condition})
    return rules


def _condition(bucket: Bucket) -> dict[str, str] | None:
    """What narrows a role to the places of a bucket; None where one of them is the whole."""
    if any(not place.prefix for place in bucket.places):
        return None
    parts = []
    for place in bucket.places:
        objects = _cel(f"projects/_/buckets/{bucket.name}/objects/{place.start}")
        parts.append(f"resource.name.startsWith({objects})")
        listed = 'api.getAttribute("storage.googleapis.com/objectListPrefix", "")'
        parts.append(f"{listed}.startsWith({_cel(place.start)})")
    return {"title": "mlflow", "description": "The paths of MLflow", "expression": " || ".join(parts)}


def _cel(value: str) -> str:
    return f'"{value}"'


def _bucket_script(environment: Environment) -> str:
    every = buckets(environment)
    versioning = "--versioning" if kept(environment).versioning else "--no-versioning"
    names = " and the bucket ".join(bucket.name for bucket in every)
    about = f"Creates the bucket {names}, or sets it up where it is there. {_REPLACES} {_NEEDS}"
    parts = [
        f"""bucket={quote(bucket.name)}
if ! gcloud storage buckets describe "gs://$bucket" > /dev/null 2>&1; then
  gcloud storage buckets create "gs://$bucket" --project="$project" --location="$location" \\
    --uniform-bucket-level-access --public-access-prevention
fi
gcloud storage buckets update "gs://$bucket" --uniform-bucket-level-access --public-access-prevention \\
  {versioning} --lifecycle-file={bucket.file("lifecycle")}
echo "the bucket $bucket is ready"
"""
        for bucket in every
    ]
    return script(environment.name, about, "\n".join(given.shell for given in _inputs(environment)), *parts)


def _iam_script(environment: Environment) -> str:
    about = f"Lets the server use the bucket, and nothing else. {_NEEDS}"
    known = _service_account(environment)
    parts = [_inputs(environment)[0].shell, _created(known) if known else _federated(environment)]
    if known and environment.kind.identity != "keys":
        subject = f"{environment.namespace.name}/{account(environment)}"
        owner = quote(known[1])
        parts.append(
            f'gcloud iam service-accounts add-iam-policy-binding "$account" --project={owner} --role={_USER} \\\n'
            f'  --member="serviceAccount:$project.svc.id.goog[{subject}]" --condition=None > /dev/null'
        )
    for bucket in buckets(environment):
        narrowed = f"--condition-from-file={bucket.file('condition')}" if _condition(bucket) else "--condition=None"
        parts.append(
            f"gcloud storage buckets add-iam-policy-binding {quote(f'gs://{bucket.name}')} --role={_ROLE} \\\n"
            f'  --member="$member" {narrowed} > /dev/null\necho "$member may use {bucket.name}"'
        )
    return script(environment.name, about, *parts)


def _created(known: tuple[str, str, str]) -> str:
    name, project, address = known
    owner = '"$project"' if project == "$project" else quote(project)
    return f"""account="{address}"
if ! gcloud iam service-accounts describe "$account" --project={owner} > /dev/null 2>&1; then
  gcloud iam service-accounts create {name} --project={owner} --display-name=MLflow
fi
member="serviceAccount:$account"
"""


def _federated(environment: Environment) -> str:
    """https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity#authenticating_to."""
    pool = "principal://iam.googleapis.com/projects/$number/locations/global/workloadIdentityPools/$project.svc.id.goog"
    subject = f"ns/{environment.namespace.name}/sa/{account(environment)}"
    return f"""number=$(gcloud projects describe "$project" --format='value(projectNumber)')
member="{pool}/subject/{subject}"
"""


def _main(environment: Environment) -> str:
    return file(
        note(environment.name),
        settings("google", "hashicorp/google", ">= 5.0", ("project", "var.project")),
        *(variable(given) for given in _inputs(environment)),
        *_identity(environment),
        *(each for bucket in buckets(environment) for each in _bucket(environment, bucket)),
    )


def _identity(environment: Environment) -> Iterator[str]:
    """Who the server is, as `local.member`."""
    known = _service_account(environment)
    subject = f"{environment.namespace.name}/{account(environment)}"
    if known is None:
        yield data("google_project", "project", ("project_id", "var.project"))
        number = "${data.google_project.project.number}"
        pool = f"projects/{number}/locations/global/workloadIdentityPools/${{var.project}}.svc.id.goog"
        namespace, _, name = subject.partition("/")
        yield block("locals", ("member", f'"principal://iam.googleapis.com/{pool}/subject/ns/{namespace}/sa/{name}"'))
        return
    owner = "var.project" if known[1] == "$project" else text(known[1])
    called = ("account_id", text(known[0]))
    yield resource("google_service_account", "mlflow", called, ("project", owner), ("display_name", text("MLflow")))
    yield block("locals", ("member", "google_service_account.mlflow.member"))
    if environment.kind.identity != "keys":
        yield resource(
            "google_service_account_iam_member",
            "mlflow",
            ("service_account_id", "google_service_account.mlflow.name"),
            ("role", text(_USER)),
            ("member", f'"serviceAccount:${{var.project}}.svc.id.goog[{subject}]"'),
        )


def _bucket(environment: Environment, bucket: Bucket) -> Iterator[str]:
    keeps, what = kept(environment), bucket.what
    yield resource(
        "google_storage_bucket",
        what,
        ("name", text(bucket.name)),
        ("location", "var.location"),
        ("uniform_bucket_level_access", "true"),
        ("public_access_prevention", text("enforced")),
        block("versioning", ("enabled", "true" if keeps.versioning else "false")),
        *(_rule(rule) for rule in _rules(bucket.places, keeps)),
        block("lifecycle", ("prevent_destroy", "true")),
    )
    narrowed = _condition(bucket)
    yield resource(
        "google_storage_bucket_iam_member",
        what,
        ("bucket", f"google_storage_bucket.{what}.name"),
        ("role", text(_ROLE)),
        ("member", "local.member"),
        *([block("condition", *((key, text(value)) for key, value in narrowed.items()))] if narrowed else []),
    )


def _rule(rule: dict[str, Any]) -> str:
    words = {"age": "age", "daysSinceNoncurrentTime": "days_since_noncurrent_time", "matchesPrefix": "matches_prefix"}
    condition = [
        (words[key], texts(value) if isinstance(value, list) else str(value))
        for key, value in rule["condition"].items()
    ]
    action = block("action", ("type", text(rule["action"]["type"])))
    return block("lifecycle_rule", action, block("condition", *condition))


def _keys(environment: Environment) -> str:
    """How a key file becomes the Secret."""
    known = _service_account(environment)
    if known is None or environment.kind.identity != "keys":
        return ""
    secret, namespace = environment.artifacts.settings.existing_secret, environment.namespace.name
    address = known[2].replace("$project", "$PROJECT")
    return f"""## The key file

No document has any. This creates one, and the Secret of it, and removes the file:

```sh
gcloud iam service-accounts keys create keyfile.json --iam-account="{address}"
kubectl create secret generic {secret} -n {namespace} --from-file=keyfile.json
rm keyfile.json
```
"""
