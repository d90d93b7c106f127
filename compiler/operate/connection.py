"""Whether a server works from here, as a client sees it: a run with a parameter, a metric and an artifact, and back again.

What was made is deleted at the end. MLflow only marks runs and experiments as deleted; garbage collection takes them away.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from compiler.operate.rest import Problem, Reply, Server
from compiler.operate.verdict import Result, failed, passed, skipped

NAME = "mlflow-overlays-test"
FILE = "test.txt"
CONTENT = b"written by mlflow-overlays test-connection\n"
PARAM = {"key": "question", "value": "does it work?"}
VALUE = 42.0
REDIRECTS = range(300, 400)
CREDENTIALS = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"


@dataclass(frozen=True)
class Made:
    """What the test made, and has to take away."""

    experiment: str
    location: str
    run: str = ""
    artifacts: str = ""


def test(server: Server, stamp: str, millis: int) -> Iterator[Result]:
    """Tests a server, and yields what came of each step; a failure is the last but for the clean-up.

    In: words that make the name of the experiment its own, and the time in milliseconds.
    """
    try:
        for result in (_health(server), _version(server), _login(server)):
            yield result
            if result.failed:
                return
        yield from _work(server, f"{NAME}-{stamp}", millis)
    except Problem as problem:
        yield failed("connection", str(problem), problem.mend)


def _health(server: Server) -> Result:
    reply = server.ask("GET", "/health")
    if reply.status == 200 and reply.text == "OK":
        return passed("health", f"{server.uri}/health answers")
    return failed("health", f"{server.uri}/health answers {reply.problem}", _way(server, reply))


def _way(server: Server, reply: Reply) -> str:
    """What an answer means that no MLflow gives."""
    if reply.status in REDIRECTS:
        return f"it leads elsewhere, to {reply.headers.get('Location', 'nowhere')}: use that address, or log in there first"
    if reply.status == 404:
        path = urlsplit(server.uri).path
        if path:
            return f"the server may not have {path} as its static prefix (mlflow.staticPrefix), or the ingress takes it away"
        return "the server may have a static prefix (mlflow.staticPrefix), which belongs to the address: https://host/prefix"
    if reply.status in (502, 503, 504):
        return "whatever is in front of the server does not reach it: look at its pods, its Service and its NetworkPolicies"
    if reply.status in (401, 403):
        return f"something in front of the server asks for a login, or refuses: {CREDENTIALS}"
    return "something other than MLflow answers there: look at the address"


def _version(server: Server) -> Result:
    reply = server.ask("GET", "/version")
    if reply.status == 200:
        return passed("version", f"MLflow {reply.text}")
    return skipped("version", f"the server does not tell: {reply.problem}")


def _login(server: Server) -> Result:
    reply = server.call("POST", "experiments/search", {"max_results": 1})
    if reply.status == 200:
        return passed("access", "the API answers" + (f" {server.login.user}" if server.login.user else ""))
    said = f"the API answers {reply.problem}"
    return failed("access", said, _refusal(server, reply))


def _refusal(server: Server, reply: Reply) -> str:
    """What to do where the API does not let us in."""
    if reply.status == 403 and b"Invalid Host header" in reply.body:
        host = urlsplit(server.uri).netloc
        return (
            f"MLflow does not know itself as {host}: set host in environment.yaml to that name, or use one that it knows;"
            " MLFLOW_SERVER_ALLOWED_HOSTS has them all"
        )
    if reply.status == 401 and server.login.header:
        return "the login is wrong: look at the user and the password or token"
    if reply.status == 401 or reply.status in REDIRECTS:
        return (
            f"the server asks for a login: {CREDENTIALS}, or MLFLOW_TRACKING_TOKEN behind a provider of OpenID Connect"
        )
    if reply.status == 403:
        return "the user may not do this: ask whoever administers the server for permission"
    if reply.status >= 500:
        return "the server fails by itself, often for its database: see kubectl logs deployment/mlflow, or doctor"
    return _way(server, reply)


def _work(server: Server, name: str, millis: int) -> Iterator[Result]:
    """The run with all that belongs to it. It is taken away whatever happens."""
    reply = server.call("POST", "experiments/create", {"name": name})
    if reply.status != 200:
        yield failed("experiment", f"none can be made: {reply.problem}", _refusal(server, reply))
        return
    experiment = str(reply.json["experiment_id"])
    found = server.call("GET", f"experiments/get?experiment_id={experiment}").json.get("experiment") or {}
    made = Made(experiment, str(found.get("artifact_location") or ""))
    yield passed("experiment", f"{name} is made, and keeps artifacts at {made.location}")
    try:
        made = yield from _run(server, made, millis)
        if made.run:
            yield from _artifact(server, made)
    finally:
        yield _deleted(server, made)


def _run(server: Server, made: Made, millis: int) -> Generator[Result, None, Made]:
    """Logs a run and reads it back; returns what was made with it."""
    reply = server.call("POST", "runs/create", {"experiment_id": made.experiment, "start_time": millis})
    info = (reply.json.get("run") or {}).get("info") or {}
    if reply.status != 200 or not info.get("run_id"):
        yield failed("run", f"none can be logged: {reply.problem}", _refusal(server, reply))
        return made
    made = Made(made.experiment, made.location, str(info["run_id"]), str(info.get("artifact_uri") or ""))
    metric = {"key": "answer", "value": VALUE, "timestamp": millis, "step": 0}
    reply = server.call("POST", "runs/log-batch", {"run_id": made.run, "params": [PARAM], "metrics": [metric]})
    if reply.status != 200:
        yield failed("run", f"a parameter and a metric cannot be logged: {reply.problem}", _refusal(server, reply))
        return made
    data = (server.call("GET", f"runs/get?run_id={made.run}").json.get("run") or {}).get("data") or {}
    params = [(each["key"], each["value"]) for each in data.get("params") or []]
    metrics = [(each["key"], float(each["value"])) for each in data.get("metrics") or []]
    if params == [(PARAM["key"], PARAM["value"])] and metrics == [("answer", VALUE)]:
        yield passed("run", "a parameter and a metric come back as they were logged")
    else:
        yield failed("run", "what comes back is not what was logged", "look whether several servers share the database")
    return made


def proxied(location: str) -> str | None:
    """The path of an artifact location below the server's artifact API; None where the server does not serve it."""
    url = urlsplit(location)
    return url.path.strip("/") if url.scheme == "mlflow-artifacts" else None


def keeper(server: Server, location: str) -> Server:
    """The server that keeps artifacts at a location: the one that the location names, where it names one."""
    there = urlsplit(location).netloc
    if not there:
        return server
    return Server(f"{urlsplit(server.uri).scheme}://{there}", server.login, server.tls, server.seconds)


def _artifact(server: Server, made: Made) -> Iterator[Result]:
    path = proxied(made.artifacts)
    if path is None:
        scheme = urlsplit(made.artifacts).scheme
        yield skipped(
            "artifact",
            f"clients go to {made.artifacts} themselves, with credentials of their own for {scheme}: nothing here can test that",
        )
        return
    server = keeper(server, made.artifacts)
    place = f"{path}/{FILE}"
    reply = server.artifact("PUT", place, CONTENT)
    if reply.status != 200:
        yield failed("artifact", f"none can be sent: {reply.problem}", _store(reply))
        return
    back = server.artifact("GET", place)
    if back.status != 200 or back.body != CONTENT:
        said = back.problem if back.status != 200 else "other bytes come back than were sent"
        yield failed("artifact", f"it cannot be read back: {said}", _store(back))
        return
    yield passed("artifact", f"{len(CONTENT)} bytes went through the server and came back")
    yield _signed(server, place)


def _store(reply: Reply) -> str:
    """What to do where the server does not keep or give an artifact."""
    if reply.status == 413:
        return "something in front of the server limits the size of uploads: ingress.maxUploadSize"
    if reply.status in (401, 403):
        return "the user may not write artifacts, or something in front of the server refuses PUT"
    return "the server does not get along with its store: mlflow-overlays doctor <env> says with what"


def _signed(server: Server, place: str) -> Result:
    """Whether large transfers go past the server, by URLs that it signs, which this test does not do."""
    info = server.ask("GET", "/api/3.0/mlflow/server-info").json
    if not info.get("multipart_downloads_enabled") and not info.get("multipart_uploads_enabled"):
        return skipped("signed URLs", "the server gives none out: all artifacts go through it")
    reply = server.ask("GET", f"/api/2.0/mlflow-artifacts/presigned/{place}")
    host = urlsplit(str(reply.json.get("url") or "")).hostname
    if reply.status != 200 or not host:
        return skipped(
            "signed URLs", f"the server gives none out: {reply.problem if reply.status != 200 else 'it names no host'}"
        )
    return skipped(
        "signed URLs", f"clients that ask for it go to {host} themselves; whether they reach it is not tested here"
    )


def _deleted(server: Server, made: Made) -> Result:
    """Takes away what was made."""
    left = []
    try:
        path = proxied(made.artifacts) if made.run else None
        if path:
            reply = keeper(server, made.artifacts).artifact("DELETE", path)
            left += [f"artifacts at {made.artifacts} ({reply.problem})"] if reply.status not in (200, 204, 404) else []
        if made.run:
            reply = server.call("POST", "runs/delete", {"run_id": made.run})
            left += [f"run {made.run} ({reply.problem})"] if reply.status != 200 else []
        reply = server.call("POST", "experiments/delete", {"experiment_id": made.experiment})
        left += [f"experiment {made.experiment} ({reply.problem})"] if reply.status != 200 else []
    except Problem as problem:
        left.append(f"experiment {made.experiment} ({problem})")
    if left:
        return failed("clean-up", f"left behind: {', '.join(left)}", "delete it by hand")
    return passed("clean-up", "run, artifact and experiment are deleted; garbage collection takes them away for good")
