"""The documents for Kubeflow Pipelines: what the backend and a profile may do, asked of MinIO and moto, and what scripts make."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.parts import Values, merged

from .environments import ISSUER, ONE, PIPELINES, PIPELINES_STORE, PODS, ROLES, TEAMS, put
from .test_access import BEYOND, allowed, denied, keys_of, needed, of_amazon, told, touching, user
from .test_amazon import associations
from .tools import ADMIN, Step, Store, programs, run, tell

BUCKET, OTHER = "acme-pipelines", "somebody-elses"
OWN = ("artifacts/team-1/", "v2/artifacts/team-1/")
BESIDE = (
    "artifacts/team-10/run/model",
    "v2/artifacts/team-10/run/model",
    "artifacts/team-1",
    "artifacts/model",
    "v2/artifacts/model",
    "v2/model",
    "pipelines/1",
    "pipelines/team-1/1",
    "team-1/model",
    "model",
)
"""Objects that are not of team-1: those of a profile with a name that begins as its own does, first of all."""
OUTSIDE = ("model", "artifacts-2/model", "pipelines2/1", "v2/model", "v2/artifacts2/model")
"""Objects that are not of Pipelines."""
OTHERS: list[Step] = [*touching(OTHER, "artifacts/team-1/model"), ("location", OTHER), ("bucket", OTHER)]
LISTS: list[Step] = [
    ("list-all", BUCKET),
    ("bucket", BUCKET),
    *(
        ("list", BUCKET, prefix)
        for start in ("", "v2/")
        for prefix in (
            start,
            *(f"{start}artifacts{end}" for end in ("", "/", "/t", "/team-1", "/team-10", "/team-10/")),
        )
    ),
    ("list", BUCKET, "pipelines/"),
    ("list", BUCKET, "pipelines/team-1/"),
    ("list", OTHER, "artifacts/team-1/"),
]
"""What a profile would see that is not its own."""


MORE: list[Step] = [(word, BUCKET if where != "one-of-my-own" else where) for word, where in BEYOND]
"""What nobody needs of any bucket."""


def objects(keys: tuple[str, ...]) -> list[Step]:
    """Everything that can be done to some objects."""
    return [step for key in keys for step in touching(BUCKET, key)]


PROFILE: list[Step] = [step for start in OWN for step in needed(BUCKET, start)]
BACKEND: list[Step] = [
    ("bucket", BUCKET),
    ("list-all", BUCKET),
    *(step for start in ("artifacts/", "pipelines/", "v2/artifacts/", *OWN) for step in needed(BUCKET, start)),
]


def setup() -> list[Step]:
    """What is there before anybody asks."""
    made: list[Step] = [("make", OTHER), ("put", OTHER, "artifacts/team-1/model")]
    return [*made, *(("put", BUCKET, key) for key in (*BESIDE, *OUTSIDE))]


def own(store: Store, **more: Values) -> Values:
    """An environment of a store of one's own, at the address of this one."""
    return merged(PIPELINES_STORE, {"artifacts": {"endpoint": store.endpoint}, **more})


def person(store: Store, folder: Path, who: str) -> dict[str, str]:
    """Somebody whose policy is among the documents."""
    keys = {"AWS_ACCESS_KEY_ID": f"kfp-example-{who}", "AWS_SECRET_ACCESS_KEY": f"secret-of-{who}"}
    user(store, folder.parent, folder / f"{who}-permissions.json", keys)
    return keys


def ready(store: Store, values: Values, folder: Path) -> Path:
    """The documents of an environment whose bucket is made by its own script."""
    documents = put(values, folder)
    for _ in range(2):
        done = store.script(documents / "bucket.sh")
        assert (done.returncode, done.stdout) == (0, f"the bucket {BUCKET} is ready\n"), done.stderr
    return documents


# MinIO, which looks at actions, resources and conditions


@pytest.mark.parametrize("which", ["s3", "aws"])
def test_store__each_has_its_own_places_alone(which: str, store: Store, tmp_path: Path) -> None:
    """With the policies for such a store, and with Amazon's, which have to mean the same."""
    folder = ready(store, own(store), tmp_path)
    if which == "aws":
        folder = put(TEAMS, tmp_path / "amazon")
    assert set(store.ask(ADMIN, setup())) == {"yes"}
    profile, backend = person(store, folder, "profile-team-1"), person(store, folder, "backend")
    bad = [*objects(BESIDE), *OTHERS, *LISTS, *MORE, ("versions", BUCKET)]
    assert told(store, profile, PROFILE + bad) == allowed(PROFILE) | denied(bad)
    bad = [*objects(OUTSIDE), *OTHERS, *MORE]
    assert told(store, backend, BACKEND + bad) == allowed(BACKEND) | denied(bad)


def test_store__below_a_prefix(store: Store, tmp_path: Path) -> None:
    folder = ready(store, own(store, artifacts={"prefix": "kfp", "endpoint": store.endpoint}), tmp_path)
    assert set(store.ask(ADMIN, setup())) == {"yes"}
    profile, backend = person(store, folder, "profile-team-1"), person(store, folder, "backend")
    good = [step for start in OWN for step in needed(BUCKET, f"kfp/{start}")]
    bad = [step for start in OWN for step in touching(BUCKET, f"{start}model")]
    assert told(store, profile, good + bad) == allowed(good) | denied(bad)
    good = needed(BUCKET, "kfp/pipelines/")
    assert told(store, backend, good + bad) == allowed(good) | denied(bad)


def test_store__one_key_of_all_profiles(store: Store, tmp_path: Path) -> None:
    shared = {"profileSecret": "pipelines", "endpoint": store.endpoint}
    folder = ready(store, own(store, artifacts=shared), tmp_path)
    assert set(store.ask(ADMIN, setup())) == {"yes"}
    keys = person(store, folder, "profiles")
    good = [*PROFILE, *needed(BUCKET, "artifacts/team-10/")]
    bad: list[Step] = [*objects(("pipelines/1", "model", "v2/model")), ("list-all", BUCKET), ("bucket", BUCKET)]
    assert told(store, keys, good + bad) == allowed(good) | denied(bad)


def test_store__what_is_missing_is_told_to_whom_it_would_belong(store: Store, tmp_path: Path) -> None:
    """Argo Workflows takes a key for a directory when the store says that there is no such object."""
    folder = ready(store, own(store), tmp_path)
    mine: list[Step] = [("head", BUCKET, "artifacts/team-1/missing"), ("get", BUCKET, "artifacts/team-1/missing")]
    others: list[Step] = [("head", BUCKET, "artifacts/team-10/missing"), ("get", BUCKET, "artifacts/team-10/missing")]
    answers = ["404", "NoSuchKey"]
    assert store.ask(person(store, folder, "profile-team-1"), mine + others) == [*answers, "no", "no"]
    assert store.ask(person(store, folder, "backend"), mine + others) == answers * 2


def test_documented__lists_the_whole_bucket(store: Store, tmp_path: Path) -> None:
    """The guide's policy of a profile: what it costs, and what it holds."""
    folder = ready(store, own(store, cloud={"iam": "documented"}), tmp_path)
    assert set(store.ask(ADMIN, setup())) == {"yes"}
    keys = person(store, folder, "profile-team-1")
    good: list[Step] = [("bucket", BUCKET), ("list-all", BUCKET), ("list", BUCKET, "artifacts/team-10/")]
    good += [("put", BUCKET, "artifacts/team-1/1"), ("get", BUCKET, "artifacts/team-1/1")]
    bad: list[Step] = [*objects(BESIDE), ("abort", BUCKET, "artifacts/team-1/1"), *OTHERS]
    assert told(store, keys, good + bad) == allowed(good) | denied(bad)


# Amazon


@pytest.mark.parametrize("name", ["kfp-teams", "kfp-roles"])
def test_amazon__what_the_script_made_may_do(name: str, moto: Store, tmp_path: Path) -> None:
    """moto takes no notice of conditions: what lists show is asked of MinIO."""
    known = {"cloud": {"oidcProvider": ISSUER}} if name == "kfp-roles" else {}
    folder = ready(moto, merged(PIPELINES[name], known), tmp_path)
    done = moto.script(folder / "iam.sh")
    assert done.returncode == 0, done.stderr
    assert set(moto.ask(ADMIN, setup())) == {"yes"}
    holders = {}
    for who, role in (("backend", "kfp-backend"), ("profile-team-1", "teams/kfp-team-1")):
        if name == "kfp-teams":
            made = moto.aws("iam", "create-access-key", "--user-name", f"kfp-example-{who}")["AccessKey"]
        else:
            arn = ("--role-arn", f"arn:aws:iam::123456789012:role/{role}", "--role-session-name", "pod")
            made = moto.aws("sts", "assume-role", *arn)["Credentials"]
        holders[who] = keys_of(made)
    tell(moto, "reset-auth", "0")
    good, bad = of_amazon(PROFILE), of_amazon([*objects(BESIDE), *OTHERS, *MORE])
    assert told(moto, holders["profile-team-1"], good + bad) == allowed(good) | denied(bad)
    good, bad = of_amazon(BACKEND), of_amazon([*objects(OUTSIDE), *OTHERS, *MORE])
    assert told(moto, holders["backend"], good + bad) == allowed(good) | denied(bad)


@pytest.mark.parametrize("name", ["kfp-one", "kfp-teams", "kfp-prefix", "kfp-shared-key"])
def test_users__are_made_once_with_their_policies(name: str, moto: Store, tmp_path: Path) -> None:
    folder = ready(moto, PIPELINES[name], tmp_path)
    start = PIPELINES[name].get("cloud", {}).get("name", "kfp-example")
    for _ in range(2):
        done = moto.script(folder / "iam.sh")
        assert done.returncode == 0, done.stderr
        files = sorted(folder.glob("*-permissions.json"))
        made = {each["UserName"] for each in moto.aws("iam", "list-users")["Users"]}
        assert made == {f"{start}-{file.name.removesuffix('-permissions.json')}" for file in files}
        for file in files:
            who = ("--user-name", f"{start}-{file.name.removesuffix('-permissions.json')}")
            policy = moto.aws("iam", "get-user-policy", *who, "--policy-name", "kfp-artifacts")["PolicyDocument"]
            assert policy == json.loads(file.read_text(encoding="utf-8"))
    rules = moto.aws("s3api", "get-bucket-lifecycle-configuration", "--bucket", BUCKET)["Rules"]
    assert rules == json.loads((folder / "lifecycle.json").read_text(encoding="utf-8"))["Rules"]


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("kfp-roles", {"kfp-backend": "backend", "kfp-team-1": "profile-team-1", "kfp-team-10": "profile-team-10"}),
        ("kfp-one-role-of-all", {"kfp-backend": "backend", "kfp-teams": "profile-team-1"}),
        ("kfp-role-of-the-backend", {"kfp-backend": "backend"}),
        ("kfp-key", {"kfp-backend": "backend", "kfp-team-1": "profile-team-1", "kfp-team-10": "profile-team-10"}),
    ],
)
def test_roles__trust_their_own_accounts(name: str, roles: dict[str, str], moto: Store, tmp_path: Path) -> None:
    """With the provider of a cluster that is asked for."""
    where = ("--role-arn", "arn:aws:iam::123456789012:role/cluster", "--resources-vpc-config", "subnetIds=subnet-1")
    cluster = moto.aws("eks", "create-cluster", "--name", "production", *where)["cluster"]
    provider = cluster["identity"]["oidc"]["issuer"].removeprefix("https://")
    folder = put(PIPELINES[name], tmp_path)
    for _ in range(2):
        done = moto.script(folder / "iam.sh", CLUSTER="production")
        assert done.returncode == 0, done.stderr
        found = {each["RoleName"]: each for each in moto.aws("iam", "list-roles")["Roles"]}
        assert set(found) == set(roles)
        for role, label in roles.items():
            trust = (folder / f"{label}-trust.json").read_text(encoding="utf-8").replace("OIDC_PROVIDER", provider)
            assert found[role]["AssumeRolePolicyDocument"] == json.loads(trust)
            policy = moto.aws("iam", "get-role-policy", "--role-name", role, "--policy-name", "kfp-artifacts")
            permissions = (folder / f"{label}-permissions.json").read_text(encoding="utf-8")
            assert policy["PolicyDocument"] == json.loads(permissions)
    assert len(moto.aws("iam", "list-open-id-connect-providers")["OpenIDConnectProviderList"]) == 1


@pytest.mark.parametrize(
    ("values", "accounts"),
    [
        (
            merged(ONE, {"overlay": "kfp-pod-identity"}),
            [
                ("kubeflow", name)
                for name in ("ml-pipeline", "ml-pipeline-ui", "pipeline-runner", "kubeflow-pipelines-viewer")
            ],
        ),
        (
            PODS,
            [
                *(("kubeflow", name) for name in ("ml-pipeline", "ml-pipeline-ui")),
                *((name, "default-editor") for name in ("team-1", "team-10")),
            ],
        ),
    ],
    ids=["one", "teams"],
)
def test_pod_identity__each_account_is_associated_once(
    values: Values, accounts: list[tuple[str, str]], moto: Store, tmp_path: Path
) -> None:
    folder = put(values, tmp_path)
    with associations() as (endpoint, known):
        for _ in range(2):
            done = moto.script(folder / "iam.sh", CLUSTER="production", AWS_ENDPOINT_URL_EKS=endpoint)
            assert done.returncode == 0, done.stderr
    start = "arn:aws:iam::123456789012:role/kfp-example"
    roles = {"kubeflow": f"{start}-backend", "team-1": f"{start}-profile-team-1", "team-10": f"{start}-profile-team-10"}
    assert [(each["namespace"], each["serviceAccount"], each["roleArn"]) for each in known] == [
        (namespace, name, roles[namespace]) for namespace, name in accounts
    ]


def test_scripts__stop_at_a_role_of_somebody_else(moto: Store, tmp_path: Path) -> None:
    folder = put(merged(ROLES, {"cloud": {"oidcProvider": ISSUER}}), tmp_path)
    trust = ("--assume-role-policy-document", '{"Version": "2012-10-17", "Statement": []}')
    moto.aws("iam", "create-role", "--role-name", "kfp-team-1", *trust)
    done = moto.script(folder / "iam.sh")
    assert done.returncode == 1
    assert "there is the role kfp-team-1 already" in done.stderr
    assert moto.aws("iam", "list-role-policies", "--role-name", "kfp-team-1")["PolicyNames"] == []


def test_page__makes_a_secret_of_keys_that_work(moto: Store, tmp_path: Path) -> None:
    """The commands of the page, with a kubectl that writes down what it gets."""
    folder = ready(moto, merged(PIPELINES["kfp-shared-key"], {"artifacts": {"accessKeyKey": "id"}}), tmp_path)
    assert moto.script(folder / "iam.sh").returncode == 0
    commands = (folder / "README.md").read_text(encoding="utf-8").partition("## Access keys")[2].split("```")[1]
    (tmp_path / "keys.sh").write_text(commands.removeprefix("sh\n"), encoding="utf-8")
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.parent.mkdir()
    kubectl.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/told\ncat > "{tmp_path}/$6.env"\n', encoding="utf-8")
    kubectl.chmod(0o755)
    path = f"{kubectl.parent}:{programs()}:{os.environ['PATH']}"
    done = run(
        "sh",
        tmp_path / "keys.sh",
        **ADMIN,
        AWS_ENDPOINT_URL=moto.endpoint,
        AWS_DEFAULT_REGION="eu-central-1",
        PATH=path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "told").read_text(encoding="utf-8").splitlines() == [
        f"create secret generic {secret} -n {namespace} --from-env-file=/dev/stdin"
        for secret, namespace in (
            ("kubeflow-pipelines--backend-object-store-auth", "kubeflow"),
            ("pipelines", "team-1"),
            ("pipelines", "team-10"),
        )
    ]
    backend, one, ten = (_pair(tmp_path / f"{name}.env") for name in ("kubeflow", "team-1", "team-10"))
    assert one == ten
    assert set(backend) == {"id", "secret_key"}
    tell(moto, "reset-auth", "0")
    steps: list[Step] = [("put", BUCKET, "pipelines/1"), ("put", BUCKET, "artifacts/team-1/1")]
    for pair, answers in ((backend, ["yes", "yes"]), (one, ["no", "yes"])):
        keys = {"AWS_ACCESS_KEY_ID": pair["id"], "AWS_SECRET_ACCESS_KEY": pair["secret_key"]}
        assert moto.ask(keys, steps) == answers


def _pair(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}
