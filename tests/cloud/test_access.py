"""What policies allow and deny, asked of those who enforce them: moto as Amazon, and MinIO.

moto looks at actions and resources, and takes no notice of conditions; MinIO looks at all three.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.parts import Values, merged
from tests.stack.programs import server

from .environments import BACKUP, ELSEWHERE, ENVIRONMENTS, TEAM, put
from .tools import ADMIN, Step, Store, mc, tell

BUCKET, OTHER, BACKUPS = "acme-mlflow", "somebody-elses", "acme-backups"
KEYS = {"AWS_ACCESS_KEY_ID": "mlflow-of-team-1", "AWS_SECRET_ACCESS_KEY": "secret-of-team-1"}
BESIDE = (
    "team-10/model",
    "team-1",
    "team-2/model",
    "model",
    "backups/other/dump",
    "backups/mlflow-2/dump",
    "Team-1/model",
)
"""Objects beside `team-1/` and `backups/mlflow/`: the names that start as those do, first of all."""


def setup() -> list[Step]:
    """What is there before anybody asks."""
    objects = ("team-1/model", "team-1/old", "backups/mlflow/dump", *BESIDE)
    made: list[Step] = [("make", OTHER), ("put", OTHER, "team-1/model"), ("put", OTHER, "dumps/mlflow/1")]
    return [*made, *(("put", BUCKET, key) for key in objects)]


def needed(bucket: str, start: str) -> list[Step]:
    """What MLflow's server does in a place."""
    return [
        ("location", bucket),
        ("put", bucket, f"{start}1/a/model"),
        ("complete", bucket, f"{start}1/a/large"),
        ("abort", bucket, f"{start}1/a/given-up"),
        ("get", bucket, f"{start}1/a/model"),
        ("head", bucket, f"{start}1/a/large"),
        ("list", bucket, start),
        ("list", bucket, f"{start}1/a"),
        ("list", bucket, f"{start}1/a/"),
        ("delete", bucket, f"{start}1/a/model"),
        ("delete-several", bucket, f"{start}1/a/large"),
    ]


def touching(bucket: str, key: str) -> list[Step]:
    """Everything that can be done to an object."""
    words = ("get", "head", "put", "delete", "delete-several", "complete", "abort")
    return [(word, bucket, key) for word in words]


OBJECTS = [step for key in BESIDE for step in touching(BUCKET, key)]
"""What the policy of a prefix denies by its resources."""
ELSEWHERES = [*touching(OTHER, "team-1/model"), ("location", OTHER)]
LISTS: list[Step] = [
    ("list-all", BUCKET),
    *(("list", BUCKET, prefix) for prefix in ("", "t", "team-1", "team-10/", "team-10", "team-2/", "backups/", "b")),
    ("list", OTHER, "team-1/"),
    ("list", OTHER, ""),
]
"""What it denies by its conditions."""
BEYOND: list[Step] = [
    *((word, BUCKET) for word in ("versioning", "suspend", "policy", "open", "forget", "uploads", "remove")),
    ("make", "one-of-my-own"),
]
"""What no server needs of any bucket."""
VERSIONS: Step = ("versions", BUCKET)
"""Who may list the whole of a bucket lists versions too, for MinIO."""


def told(store: Store, keys: dict[str, str], steps: list[Step]) -> dict[Step, str]:
    """What came of each step."""
    return dict(zip(steps, store.ask(keys, steps), strict=True))


def allowed(steps: list[Step]) -> dict[Step, str]:
    return dict.fromkeys(steps, "yes")


def denied(steps: list[Step]) -> dict[Step, str]:
    return dict.fromkeys(steps, "no")


# MinIO


def user(store: Store, folder: Path, policy: Path, keys: dict[str, str] = KEYS) -> None:
    """Creates a user with a policy, as the page of the documents says."""
    name = keys["AWS_ACCESS_KEY_ID"]
    admin = f"{ADMIN['AWS_ACCESS_KEY_ID']}\n{ADMIN['AWS_SECRET_ACCESS_KEY']}\n"
    mc(folder, "alias", "set", "store", store.endpoint, said=admin)
    mc(folder, "admin", "policy", "create", "store", name, str(policy))
    mc(folder, "admin", "user", "add", "store", said="\n".join(keys.values()) + "\n")
    mc(folder, "admin", "policy", "attach", "store", name, "--user", name)


def own(values: Values, store: Store) -> Values:
    """An environment of a store of one's own, at the address of this one."""
    return merged(values, {"overlay": "s3-compatible", "artifacts": {"endpoint": store.endpoint}})


def test_store__a_prefix_and_its_backups_alone(store: Store, tmp_path: Path) -> None:
    folder = put(own(merged(TEAM, BACKUP), store), tmp_path)
    done = store.script(folder / "bucket.sh")
    assert (done.returncode, done.stdout) == (0, f"the bucket {BUCKET} is ready\n"), done.stderr
    user(store, tmp_path, folder / "permissions.json")
    assert set(store.ask(ADMIN, setup())) == {"yes"}
    good = [*needed(BUCKET, "team-1/"), *needed(BUCKET, "backups/mlflow/")]
    bad = [*OBJECTS, *ELSEWHERES, *LISTS, *BEYOND, VERSIONS]
    assert told(store, KEYS, good + bad) == allowed(good) | denied(bad)


def test_store__amazons_policy_means_the_same(store: Store, tmp_path: Path) -> None:
    """The conditions of Amazon's policy, judged by the one that looks at them."""
    amazon = put(merged(TEAM, BACKUP), tmp_path)
    user(store, tmp_path, amazon / "permissions.json")
    assert set(store.ask(ADMIN, [("make", BUCKET), *setup()])) == {"yes"}
    good, bad = needed(BUCKET, "team-1/"), [*OBJECTS, *ELSEWHERES, *LISTS, *BEYOND]
    assert told(store, KEYS, good + bad) == allowed(good) | denied(bad)


def test_store__backups_in_a_bucket_of_their_own(store: Store, tmp_path: Path) -> None:
    folder = put(own(merged(TEAM, ELSEWHERE), store), tmp_path)
    assert store.script(folder / "bucket.sh").returncode == 0
    user(store, tmp_path, folder / "permissions.json")
    good = [*needed(BUCKET, "team-1/"), *needed(BACKUPS, "dumps/mlflow/")]
    bad: list[Step] = [
        *touching(BACKUPS, "dumps/mlflow-2/1"),
        *touching(BACKUPS, "team-1/1"),
        *touching(BUCKET, "dumps/mlflow/1"),
        *(("list", BACKUPS, prefix) for prefix in ("", "dumps/", "dumps/mlflow", "dumps/mlflow-2/", "team-1/")),
        ("list", BUCKET, "dumps/mlflow/"),
    ]
    assert told(store, KEYS, good + bad) == allowed(good) | denied(bad)


def test_store__the_bucket_keeps_what_it_is_told_to(store: Store, tmp_path: Path) -> None:
    folder = put(own(TEAM, store), tmp_path)
    for _ in range(2):
        done = store.script(folder / "bucket.sh")
        assert done.returncode == 0, done.stderr
        assert store.aws("s3api", "get-bucket-versioning", "--bucket", BUCKET) == {"Status": "Enabled"}
        [rule] = store.aws("s3api", "get-bucket-lifecycle-configuration", "--bucket", BUCKET)["Rules"]
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
        assert rule["Filter"] == {"Prefix": "team-1/"}


def test_documented__allows_the_whole_bucket(store: Store, tmp_path: Path) -> None:
    """The guides' policy, and what it costs: neighbours are open, and an upload can't be given up."""
    folder = put(own(ENVIRONMENTS["documented"], store), tmp_path)
    assert store.script(folder / "bucket.sh").returncode == 0
    user(store, tmp_path, folder / "permissions.json")
    assert set(store.ask(ADMIN, setup())) == {"yes"}
    # The probe asks for the parts of an upload, which these policies do not allow either.
    good = [step for step in needed(BUCKET, "team-1/") if step[0] != "abort" and "large" not in step[-1]]
    good += [("get", BUCKET, "team-10/model"), ("list", BUCKET, "")]
    bad: list[Step] = [("abort", BUCKET, "team-1/1"), *ELSEWHERES, *BEYOND]
    assert told(store, KEYS, good + bad) == allowed(good) | denied(bad)


def test_cluster__the_job_of_minio_opens_its_buckets_alone(store: Store, tmp_path: Path) -> None:
    """MinIO in the cluster: the policy that its set-up applies."""
    setup_job = ROOT / "base" / "components" / "artifacts-minio" / "setup.sh"
    text = setup_job.read_text(encoding="utf-8").replace("/tmp/", f"{tmp_path}/")
    (tmp_path / "setup.sh").write_text(text, encoding="utf-8")
    variables = {
        "ENDPOINT": store.endpoint,
        "BUCKET": BUCKET,
        "BACKUP_BUCKET": BACKUPS,
        "MINIO_ROOT_USER": ADMIN["AWS_ACCESS_KEY_ID"],
        "MINIO_ROOT_PASSWORD": ADMIN["AWS_SECRET_ACCESS_KEY"],
        "MC_CONFIG_DIR": str(tmp_path / "mc"),
        "PATH": f"{Path(server('mc')['path']).parent}:/usr/bin:/bin",
        **KEYS,
    }
    done = subprocess.run(
        ["sh", str(tmp_path / "setup.sh")], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(store.ask(ADMIN, [("make", OTHER), ("put", OTHER, "team-1/model")])) == {"yes"}
    good = [*needed(BUCKET, ""), *needed(BACKUPS, "backups/mlflow/")]
    bad = [*ELSEWHERES, ("list", OTHER, ""), *(step for step in BEYOND if step[0] != "uploads")]
    assert told(store, KEYS, good + bad) == allowed(good) | denied(bad)


# Amazon


def keys_of(made: dict[str, str]) -> dict[str, str]:
    token = {"AWS_SESSION_TOKEN": made["SessionToken"]} if "SessionToken" in made else {}
    return {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"], **token}


def of_amazon(steps: list[Step]) -> list[Step]:
    """moto, unlike Amazon, wants the right to delete several objects on the bucket, and one of its own for HeadBucket."""
    return [step for step in steps if step[0] not in ("delete-several", "bucket")]


@pytest.mark.parametrize("name", ["team", "role-known"])
def test_amazon__what_the_script_made_may_do(name: str, moto: Store, tmp_path: Path) -> None:
    values = ENVIRONMENTS["team"]
    if name != "team":
        known = {"cloud": {**ENVIRONMENTS[name]["cloud"], "iam": "least"}}
        values = merged(ENVIRONMENTS[name], {"artifacts": values["artifacts"], **BACKUP, **known})
    folder = put(values, tmp_path)
    for script in ("bucket.sh", "iam.sh"):
        done = moto.script(folder / script)
        assert done.returncode == 0, done.stderr
    assert set(moto.ask(ADMIN, setup())) == {"yes"}
    if name == "team":
        keys = keys_of(moto.aws("iam", "create-access-key", "--user-name", "mlflow-example")["AccessKey"])
    else:
        role = ("--role-arn", "arn:aws:iam::123456789012:role/mlflow", "--role-session-name", "pod")
        keys = keys_of(moto.aws("sts", "assume-role", *role)["Credentials"])
    tell(moto, "reset-auth", "0")
    good = of_amazon([*needed(BUCKET, "team-1/"), *needed(BUCKET, "backups/mlflow/")])
    bad = of_amazon(
        [*OBJECTS, *ELSEWHERES, *BEYOND, VERSIONS, ("list", OTHER, "team-1/"), ("put-tagged", BUCKET, "team-2/x")]
    )
    assert told(moto, keys, good + bad) == allowed(good) | denied(bad)


def test_amazon__what_uploads_are_told_is_allowed_where_it_is_asked_for(moto: Store, tmp_path: Path) -> None:
    folder = put(ENVIRONMENTS["told"], tmp_path)
    actions = json.loads((folder / "permissions.json").read_text(encoding="utf-8"))["Statement"][-1]["Action"]
    assert {"s3:PutObjectAcl", "s3:PutObjectTagging"} <= set(actions)
    plain = put(ENVIRONMENTS["keys"], tmp_path / "plain")
    assert "Tagging" not in (plain / "permissions.json").read_text(encoding="utf-8")
