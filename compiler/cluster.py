"""A cluster whose context somebody named, as kubectl reaches it. Beside `build`, the only place that runs a subprocess.

kubectl is the one that builds. It finds its configuration as it always does, in KUBECONFIG or ~/.kube/config, unless a file is
named. Commands are lists of arguments, and what may hold a secret goes in on standard input: no argument ever does.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, NamedTuple, Protocol

from compiler.build import kubectl
from compiler.errors import FINDINGS, Fatal, Missing, Usage
from compiler.published import require_published

Object = dict[str, Any]

TIMEOUT_SECONDS = 60
POLL_SECONDS = 1.0
REQUEST_TIMEOUT = "30s"
LATE = 124
"""The code of an answer that did not come in time, as `timeout` of a shell has it."""
_FORWARDING = re.compile(r"Forwarding from (127\.0\.0\.1:\d+)")
_ABSENT = ("(NotFound)", "the server doesn't have a resource type")
_AWAY = re.compile(
    r"connection refused|no such host|i/o timeout|context deadline exceeded|connection to the server|TLS handshake timeout"
    r"|network is unreachable|no route to host|Client\.Timeout|tls: |x509: |client to provide credentials"
    r"|\(Unauthorized\)|exec plugin|getting credentials|unable to connect to the server",
    re.IGNORECASE,
)
"""How kubectl words that it did not get through, or was not let in."""


class Refused(Fatal):
    """The cluster answers, and does not do what it is asked."""

    exit_code = FINDINGS


class Context(NamedTuple):
    """A context of the kubeconfig, and the address of its API server."""

    name: str
    server: str


class Answer(NamedTuple):
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """What it said of a failure: kubectl's own words, without what it prefixes."""
        return re.sub(r"^(error: |Error from server )", "", self.err.strip() or self.out.strip(), flags=re.IGNORECASE)


class Shell(Protocol):
    """A container that programs can be run in."""

    def execute(self, command: Sequence[str], text: str = "", seconds: float = TIMEOUT_SECONDS) -> Answer:
        """Runs a command with a text on its standard input."""

    def read(self, command: Sequence[str], sink: IO[bytes]) -> Answer:
        """Runs a command whose standard output goes into a file. `out` of the answer is empty."""

    def write(self, command: Sequence[str], source: IO[bytes]) -> Answer:
        """Runs a command that a file is the standard input of."""


class Cluster(NamedTuple):
    """The cluster of one context. Make one with `cluster`, which looks whether there is such a context."""

    context: str
    kubeconfig: str = ""

    def run(self, *arguments: str, text: str = "", seconds: float = TIMEOUT_SECONDS) -> Answer:
        """The answer of kubectl to arguments, with a text on its standard input. Raises `Missing` without kubectl."""
        command = [*self._command(), *arguments]
        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
                command, input=text, capture_output=True, text=True, encoding="utf-8", errors="replace",
                timeout=seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Answer(LATE, "", f"no answer within {seconds:g} seconds")
        return Answer(done.returncode, done.stdout, done.stderr)

    def must(self, *arguments: str, text: str = "", seconds: float = TIMEOUT_SECONDS) -> str:
        """What kubectl prints. Raises `Missing` where the cluster cannot be reached, and `Refused` where it says no."""
        answer = self.run(*arguments, text=text, seconds=seconds)
        if answer.code:
            raise self.failure(answer)
        return answer.out

    def failure(self, answer: Answer) -> Fatal:
        """An answer as what it means for the run: the cluster is away, or says no."""
        if answer.code == LATE or _AWAY.search(answer.err):
            return Missing(f"the cluster of context '{self.context}' cannot be reached: {answer.words}")
        return Refused(answer.words)

    def get(self, kind: str, name: str, namespace: str = "", *, history: bool = False) -> Object | None:
        """An object, or None where there is none, or nothing of its kind; with who changed what when, if asked.

        Raises what `must` raises.
        """
        fields = ["--show-managed-fields"] if history else []
        answer = self.run("get", kind, name, *_in(namespace), *fields, *_JSON)
        if answer.code and any(words in answer.err for words in _ABSENT):
            return None
        if answer.code:
            raise self.failure(answer)
        found: Object = json.loads(answer.out)
        return found

    def find(self, kind: str, namespace: str = "", selector: str = "", field: str = "") -> list[Object]:
        """The objects of a kind, or of several with commas between; those that a selector of labels or of fields takes.

        There are none where the kind is not known. Raises what `must` raises.
        """
        chosen = [*([f"--selector={selector}"] if selector else []), *([f"--field-selector={field}"] if field else [])]
        answer = self.run("get", kind, *_in(namespace), *chosen, *_JSON)
        if answer.code and any(words in answer.err for words in _ABSENT):
            return []
        if answer.code:
            raise self.failure(answer)
        items: list[Object] = json.loads(answer.out)["items"]
        return items

    def apply(self, objects: Sequence[Object], *arguments: str) -> Answer:
        """Applies objects, which go in on standard input, as `kubectl apply` does by itself."""
        many = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        return self.run("apply", "--filename=-", *arguments, text=json.dumps(many), seconds=5 * TIMEOUT_SECONDS)

    def logs(self, pod: str, container: str, namespace: str, lines: int = 20, *, previous: bool = False) -> str:
        """The last lines that a container logged, now or in its life before; empty where there are none."""
        before = ["--previous"] if previous else []
        answer = self.run("logs", pod, f"--container={container}", *_in(namespace), f"--tail={lines}", *before)
        return answer.out if answer.code == 0 else ""

    def shell(self, pod: str, container: str, namespace: str) -> Inside:
        """A container of a pod, to run programs in."""
        return Inside(self, pod, container, namespace)

    @contextmanager
    def forward(self, target: str, port: int, namespace: str) -> Iterator[str]:
        """The address on this machine, like `127.0.0.1:41234`, that leads to a port of `service/mlflow` or of a pod.

        Raises what `must` raises.
        """
        command = [*self._command(), "port-forward", target, f":{port}", "--address=127.0.0.1", *_in(namespace)]
        with subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        ) as process:
            try:
                # It prints one line when it listens, or ends with the reason.
                found = _FORWARDING.search(process.stdout.readline() if process.stdout else "")
                if not found:
                    process.terminate()
                    _, error = process.communicate(timeout=TIMEOUT_SECONDS)
                    raise self.failure(Answer(1, "", error))
                yield found[1]
            finally:
                process.kill()

    def _command(self) -> list[str]:
        config = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return [program(), *config, f"--context={self.context}"]


class Inside(NamedTuple):
    """A `Shell` in a container of a pod, through `kubectl exec`."""

    cluster: Cluster
    pod: str
    container: str
    namespace: str

    def execute(self, command: Sequence[str], text: str = "", seconds: float = TIMEOUT_SECONDS) -> Answer:
        """Runs a command with a text on its standard input."""
        return self.cluster.run(*self._arguments(), *command, text=text, seconds=seconds)

    def read(self, command: Sequence[str], sink: IO[bytes]) -> Answer:
        """Runs a command whose standard output goes into a file."""
        return self._streamed(command, None, sink)

    def write(self, command: Sequence[str], source: IO[bytes]) -> Answer:
        """Runs a command that a file is the standard input of."""
        return self._streamed(command, source, subprocess.PIPE)

    def _streamed(self, command: Sequence[str], source: IO[bytes] | None, sink: IO[bytes] | int) -> Answer:
        whole = [*self.cluster._command(), *self._arguments(), *command]  # noqa: SLF001 - of this module
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            whole, stdin=source or subprocess.DEVNULL, stdout=sink, stderr=subprocess.PIPE, check=False
        )
        return Answer(done.returncode, _text(done.stdout), _text(done.stderr))

    def _arguments(self) -> list[str]:
        return ["exec", "--stdin", self.pod, f"--container={self.container}", *_in(self.namespace), "--"]


def cluster(context: str, kubeconfig: str = "") -> Cluster:
    """The cluster of a context that somebody named. Raises `Usage` where the kubeconfig has none of that name."""
    known = _config(kubeconfig, "get-contexts", "--output=name").out.split("\n")
    if context not in known or not context:
        others = ", ".join(filter(None, known)) or "none"
        raise Usage(f"there is no context '{context}' in the kubeconfig; there are: {others}")
    return Cluster(context, kubeconfig)


def program() -> str:
    """Return the path of the kubectl that meets a cluster.

    Raises `Missing` where there is none, or the package has one that Kubernetes did not publish. One on PATH is its owner's.
    """
    found = kubectl()
    if found.source == "package":
        require_published(found.path)
    return found.path


def current(kubeconfig: str = "") -> Context:
    """The context that kubectl would take by itself, for a person to confirm. Raises `Missing` where there is none."""
    answer = _config(kubeconfig, "view", "--minify", "--output=json")
    view = json.loads(answer.out) if answer.code == 0 else {}
    name = str(view.get("current-context") or "")
    if not name:
        raise Missing("the kubeconfig has no current context: name one with --context")
    servers = [str(each["cluster"].get("server") or "") for each in view.get("clusters") or []]
    return Context(name, servers[0] if servers else "")


def ticks(seconds: float, pause: float = POLL_SECONDS) -> Iterator[float]:
    """The seconds that have gone by, now and after each pause, until so many are over."""
    begin = time.monotonic()
    while (gone := time.monotonic() - begin) < seconds:
        yield gone
        time.sleep(pause)


_JSON = ("--output=json", f"--request-timeout={REQUEST_TIMEOUT}")


def _in(namespace: str) -> list[str]:
    return [f"--namespace={namespace}"] if namespace else []


def _text(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "replace")


def _config(kubeconfig: str, *arguments: str) -> Answer:
    config = [f"--kubeconfig={kubeconfig}"] if kubeconfig else []
    command = [program(), *config, "config", *arguments]
    done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
        command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )
    return Answer(done.returncode, done.stdout, done.stderr)
