"""Kubeflow Pipelines and a MinIO: what its programs are told is used as they use it, with the credentials of each alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.tools import ADMIN, Step, Store, mc, minio
from tests.parts import Values

from .launcher import Session, session
from .pipelines import LOG, RELEASES, SYSTEM, Installed, argo, installed
from .programs import Missing

BUCKET, OTHER = "acme-pipelines", "somebody-elses"
TEAMS = ("team-1", "team-10")
KEYS = {each: (f"key-of-{each}", f"secret/of+{each}==") for each in (SYSTEM, *TEAMS)}
PREFIXES = ("", "ml/kfp")
FILE = b"what a step of a pipeline made"


@dataclass(frozen=True)
class Place:
    """An installation, the MinIO that it was compiled for, and a folder for files. `below` is what every key begins with."""

    installation: Installed
    store: Store
    folder: Path
    below: str

    def ask(self, who: str, *steps: Step, **more: str) -> list[str]:
        """What comes of each step for the holder of the keys of a namespace."""
        identity = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), KEYS[who], strict=True))
        return self.store.ask(identity | more, steps)

    def objects(self) -> set[str]:
        """Every object of the bucket, as its administrator sees it."""
        listed = self.store.aws("s3api", "list-objects-v2", "--bucket", BUCKET) or {}
        return {entry["Key"] for entry in listed.get("Contents", ())}

    def session(self, namespace: str) -> Session:
        """What a step of a namespace makes of its ConfigMap."""
        data = self.installation.config(namespace, "kfp-launcher")["data"]
        return session(data, self.installation.secrets[namespace])


@pytest.fixture(scope="module", params=[(release, prefix) for release in RELEASES for prefix in PREFIXES], ids=str)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An installation with two profiles, one of whose names begins with the other's, each with a user of its own."""
    release, prefix = request.param
    folder = tmp_path_factory.mktemp("pipelines")
    try:
        with minio(folder) as store:
            found = installed(environment(store.endpoint, release, prefix), folder, KEYS)
            place = Place(found, store, folder, f"{prefix}/" if prefix else "")
            _set_up(place)
            yield place
    except Missing as reason:
        pytest.skip(str(reason))


def environment(endpoint: str, release: str, prefix: str) -> Values:
    """An environment of a store of one's own."""
    artifacts = {"bucket": BUCKET, "endpoint": endpoint, **({"prefix": prefix} if prefix else {})}
    profiles = [{"name": each, "owner": f"owner@{each}.example"} for each in TEAMS]
    pipelines = {"version": release}
    return {"overlay": "kfp-keys", "artifacts": artifacts, "pipelines": pipelines, "profiles": profiles}


def _set_up(place: Place) -> None:
    folder, store = place.folder, place.store
    mc(folder, "alias", "set", "store", store.endpoint, said="\n".join(ADMIN.values()) + "\n")
    for bucket in (BUCKET, OTHER):
        mc(folder, "mb", f"store/{bucket}")
    for name, policy in policies(place).items():
        file = folder / f"{name}.json"
        file.write_text(json.dumps(policy), encoding="utf-8")
        mc(folder, "admin", "policy", "create", "store", name, str(file))
        mc(folder, "admin", "user", "add", "store", said="\n".join(KEYS[name]) + "\n")
        mc(folder, "admin", "policy", "attach", "store", name, "--user", KEYS[name][0])


def test_launcher__a_step_keeps_its_artifacts_under_the_prefix_of_its_namespace(place: Place) -> None:
    """What the ConfigMap says leads to the store, and to no key but the namespace's."""
    for team in (SYSTEM, *TEAMS):
        told = place.session(team)
        key = f"{told.prefix}training/run-1/train/model"
        assert told.prefix == f"{place.below}v2/artifacts/{team}/"
        assert (told.bucket, told.endpoint, told.path_style) == (BUCKET, place.store.endpoint, True)
        assert told.keys == KEYS[team]
        steps: list[Step] = [
            ("put", BUCKET, key),
            ("get", BUCKET, key),
            ("list", BUCKET, key),
            ("complete", BUCKET, key),
        ]
        assert place.store.ask(told.variables, steps) == ["yes"] * 4
        assert key in place.objects()


def test_argo__a_log_is_archived_under_the_prefix_of_its_namespace(place: Place) -> None:
    """The workflow controller takes its ConfigMap, a profile's own one wins, and the key is that of the namespace."""
    (place.folder / "main.log").write_bytes(FILE)
    for namespace in (SYSTEM, *TEAMS):
        saved = argo(place.installation, namespace, "save", place.folder / "main.log")
        assert (saved.error, saved.bucket) == ("", BUCKET)
        assert saved.key == f"{place.below}artifacts/{namespace}/{LOG}"
        assert saved.key in place.objects()
        back = place.folder / f"{namespace}.log"
        assert not argo(place.installation, namespace, "load", back).error
        assert back.read_bytes() == FILE
        listed = argo(place.installation, namespace, "list", key=str(Path(saved.key).parent))
        assert (listed.error, listed.found) == ("", (saved.key,))


def test_argo__a_profile_can_not_load_the_log_of_another(place: Place) -> None:
    """Not even of one whose name begins with its own, nor of the installation."""
    (place.folder / "main.log").write_bytes(FILE)
    for namespace in (SYSTEM, *TEAMS):
        assert not argo(place.installation, namespace, "save", place.folder / "main.log").error
    for other in (SYSTEM, "team-10"):
        key = f"{place.below}artifacts/{other}/{LOG}"
        for action in ("save", "load", "list"):
            got = argo(place.installation, "team-1", action, place.folder / "main.log", key)
            assert "Access Denied" in got.error, got


def touching(key: str) -> list[Step]:
    """Everything that can be done to an object."""
    return [(word, BUCKET, key) for word in ("put", "get", "head", "complete", "abort", "delete")]


def told(place: Place, who: str, steps: Sequence[Step]) -> dict[Step, str]:
    """What came of each step."""
    return dict(zip(steps, place.ask(who, *steps), strict=True))


def test_profile__its_own_prefixes_and_nothing_else(place: Place) -> None:
    """A profile reads, writes and lists its own; nothing of another profile, of all, of the installation, or of the bucket."""
    below = place.below
    own = [f"{below}artifacts/team-1/", f"{below}v2/artifacts/team-1/"]
    others = [
        *(
            f"{below}{kind}/{name}"
            for kind in ("artifacts", "v2/artifacts")
            for name in ("team-10/x", "team-1", "kubeflow/x", "x")
        ),
        *(f"{below}pipelines/{name}" for name in ("x", "team-1/x")),
        f"{below}team-1/x",
        "x",
        "team-1/x",
    ]
    if below:
        others += ["artifacts/team-1/x", "v2/artifacts/team-1/x"]
    ready = [("put", BUCKET, key) for key in others] + [("put", OTHER, "artifacts/team-1/x")]
    assert set(place.store.ask(ADMIN, ready)) == {"yes"}
    good: list[Step] = [("location", BUCKET)]
    good += [
        step
        for start in own
        for step in (*touching(f"{start}a/x"), ("list", BUCKET, start), ("list", BUCKET, f"{start}a"))
    ]
    bad: list[Step] = [step for key in others for step in touching(key)]
    lists = {"", "artifacts/", "v2/", "v2/artifacts/", "pipelines/", below, below[:3]}
    lists |= {
        f"{below}{kind}{end}"
        for kind in ("artifacts", "v2/artifacts")
        for end in ("", "/", "/t", "/team-1", "/team-10/", "/team-10")
    }
    bad += [("list", BUCKET, prefix) for prefix in sorted(lists)]
    bad += [(word, BUCKET) for word in ("list-all", "bucket", "versions", "uploads", "policy", "remove")]
    bad += [("make", "one-of-my-own"), ("get", OTHER, "artifacts/team-1/x"), ("list", OTHER, "artifacts/team-1/")]
    assert told(place, "team-1", good + bad) == dict.fromkeys(good, "yes") | dict.fromkeys(bad, "no")


def test_api_server__what_it_does_at_its_start_and_with_definitions(place: Place) -> None:
    """It finds the bucket, and keeps definitions of pipelines under their prefix."""
    known = place.installation.environment("ml-pipeline")
    given = {
        key.removeprefix("OBJECTSTORECONFIG_"): value for key, value in known.items() if key.startswith("OBJECTSTORE")
    }
    scheme = "https" if given["SECURE"] == "true" else "http"
    address = given["HOST"] + (f":{given['PORT']}" if given["PORT"] else "")
    assert f"{scheme}://{address}" == place.store.endpoint
    assert (given["BUCKETNAME"], given["PIPELINEPATH"]) == (BUCKET, f"{place.below}pipelines")
    assert (given["ACCESSKEY"], given["SECRETACCESSKEY"]) == KEYS[SYSTEM]
    key = f"{given['PIPELINEPATH']}/11111111-2222-3333-4444-555555555555"
    steps: list[Step] = [("bucket", BUCKET), ("put", BUCKET, key), ("get", BUCKET, key), ("delete", BUCKET, key)]
    assert place.ask(SYSTEM, *steps, AWS_DEFAULT_REGION=given["REGION"]) == ["yes"] * 4


def test_ui__reads_what_steps_and_logs_left(place: Place) -> None:
    """The UI finds the store, the log by its key, and an artifact of a profile."""
    known = place.installation.environment("ml-pipeline-ui")
    scheme = "https" if known["MINIO_SSL"] == "true" else "http"
    assert not known["MINIO_NAMESPACE"]
    assert f"{scheme}://{known['MINIO_HOST']}:{known['MINIO_PORT']}" == place.store.endpoint
    assert (known["MINIO_ACCESS_KEY"], known["MINIO_SECRET_KEY"]) == KEYS[SYSTEM]
    assert (known["ARGO_ARCHIVE_ARTIFACTORY"], known["ARGO_ARCHIVE_BUCKETNAME"]) == ("minio", BUCKET)
    (place.folder / "main.log").write_bytes(FILE)
    saved = argo(place.installation, "team-1", "save", place.folder / "main.log")
    assert rendered(known["ARGO_KEYFORMAT"], "team-1") == str(Path(saved.key).parent)
    artifact = f"{place.session('team-1').prefix}training/run-1/train/model"
    assert place.ask("team-1", ("put", BUCKET, artifact)) == ["yes"]
    # Without a region, its client asks the bucket for it first.
    assert place.ask(SYSTEM, ("location", BUCKET), ("get", BUCKET, saved.key), ("get", BUCKET, artifact)) == ["yes"] * 3


def rendered(text: str, namespace: str) -> str:
    """A format of keys for the workflow of the tests, as the UI fills it in."""
    parts = LOG.split("/")
    names = ("workflow.name", *(f"workflow.creationTimestamp.{letter}" for letter in "Ymd"), "pod.name")
    for name, value in {"workflow.namespace": namespace, **dict(zip(names, parts[:5], strict=True))}.items():
        text = text.replace("{{" + name + "}}", value)
    assert "{" not in text, text
    return text


def test_backend__three_prefixes_and_no_other_bucket(place: Place) -> None:
    """The API server and the UI reach all runs, and neither what is beside them nor another bucket."""
    below = place.below
    own = [f"{below}{kind}/any/x" for kind in ("artifacts", "pipelines", "v2/artifacts")]
    others = ["x", "mlflow/x", f"{below}x", f"{below}v2/x", f"{below}artifacts", f"{below}artifacts-2/x"]
    good: list[Step] = [("location", BUCKET), ("bucket", BUCKET), *(step for key in own for step in touching(key))]
    bad: list[Step] = [step for key in others for step in touching(key)]
    bad += [("make", "one-of-my-own"), ("remove", BUCKET), ("policy", BUCKET), ("bucket", OTHER), ("list", OTHER, "")]
    assert told(place, SYSTEM, good + bad) == dict.fromkeys(good, "yes") | dict.fromkeys(bad, "no")


def policies(place: Place) -> dict[str, Any]:
    """The policies of the documents, by namespace."""
    documents = place.installation.overlay.documents
    names = {SYSTEM: "backend", **{team: f"profile-{team}" for team in TEAMS}}
    return {namespace: json.loads(documents[f"s3/{name}-permissions.json"]) for namespace, name in names.items()}
