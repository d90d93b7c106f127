"""What strangers may write into a repository: nothing of it runs, is fetched, leads out of the project or ends the process."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from compiler import build
from tests.conftest import ROOT, Project, Run

KEYS = "overlay: aws-keys\nartifacts: {bucket: acme-mlflow, region: eu-central-1}\n"
COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
COMMANDS = (
    ("check", "dev"),
    ("compile", "dev"),
    ("plan", "dev"),
    ("explain", "dev", "deployment/mlflow"),
    ("audit", "dev"),
)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is there once a program of a repository has run: a `git` on PATH makes it, too."""
    marker = tmp_path / "planted"
    programs = tmp_path / "programs"
    programs.mkdir()
    fake = programs / "git"
    fake.write_text(f"#!/bin/sh\necho git >>{shlex.quote(str(marker))}\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return marker


class Listener:
    """A server on this machine, and what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fetched}\n")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def _resource(marker: Path) -> str:
    return f'resources: ["file:///nonexistent//x?ref=--upload-pack=touch%20{marker}%20%23"]\n'


# Programs


@pytest.mark.parametrize(
    "line",
    [
        "resources: ['git::file:///nonexistent//x?ref=main']",
        "resources: ['ssh://git@localhost/x//y?ref=main']",
        "resources: ['git@localhost:x/y']",
        "resources: ['github.com/acme/x']",
        "Resources: ['https://github.com/acme/x']",
        "re\u017fources: ['https://github.com/acme/x']",
        '"\\x72esources": ["\\x68ttps://github.com/acme/x"]',
        "resources: [!!binary aHR0cHM6Ly9naXRodWIuY29tL2FjbWUveA==]",
        "bases: ['https://github.com/acme/x']",
        "components: ['https://github.com/acme/x']",
        "a: &a ['https://github.com/acme/x']\nresources: *a",
    ],
)
def test_validate__runs_no_git(run: Run, tmp_path: Path, planted: Path, line: str) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "kustomization.yaml").write_text(f"{line}\n", encoding="utf-8")
    answer = run("validate", "v")
    assert (answer.code, answer.err) == (1, ""), answer
    assert answer.codes() == ["remote-resource"], answer.out
    assert not planted.exists()


def test_validate__an_option_of_git_is_no_revision(run: Run, tmp_path: Path, planted: Path) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "kustomization.yaml").write_text(_resource(planted))
    for options in ((), ("--allow-remote",)):
        answer = run("validate", "v", *options)
        assert (answer.code, answer.codes()) == (1, ["remote-resource"]), answer
    assert not planted.exists()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_custom__runs_no_git(project: Project, run: Run, planted: Path, command: tuple[str, ...]) -> None:
    custom = project.add("dev", "overlay: local\n") / "custom"
    custom.mkdir()
    (custom / "kustomization.yaml").write_text(COMPONENT + _resource(planted))
    answer = run(*command)
    assert (answer.code, answer.codes()) == (1, ["remote-resource"]), answer
    assert not planted.exists()


@pytest.mark.parametrize("command", [("compile", "--check", "dev"), ("check", "dev"), ("lint",), ("compile", "dev")])
def test_committed__runs_no_git(project: Project, run: Run, planted: Path, command: tuple[str, ...]) -> None:
    directory = project.add("dev", "overlay: local\n")
    run("compile", "dev")
    head = (directory / "kustomization.yaml").read_text().split("\n", 2)[:2]
    (directory / "kustomization.yaml").write_text("\n".join(head) + "\n" + _resource(planted))
    answer = run(*command)
    assert answer.code == (1 if "--check" in command else 0), answer
    assert not planted.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("core.fsmonitor", "{program}"),
        ("diff.external", "{program}"),
        ("core.pager", "{program}"),
        ("filter.own.smudge", "{program}"),
        ("diff.own.textconv", "{program}"),
        ("core.sshCommand", "{program}"),
        ("core.hooksPath", "{hooks}"),
        ("alias.rev-parse", "!{program}"),
    ],
)
def test_plan__runs_nothing_of_the_configuration_of_a_repository(
    project: Project, run: Run, tmp_path: Path, name: str, value: str
) -> None:
    marker, hooks = tmp_path / "planted", tmp_path / "hooks"
    hooks.mkdir()
    program = hooks / "post-index-change"
    program.write_text(f"#!/bin/sh\ntouch {shlex.quote(str(marker))}\ncat\n")
    program.chmod(0o755)
    project.add("dev", "overlay: local\n")
    assert run("compile", "dev").code == 0
    (project.workspace.root / ".gitattributes").write_text("* filter=own diff=own\n")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "overlays", "base"], [*identity, "commit", "-qm", "x"]):
        subprocess.run(["git", *arguments], cwd=project.workspace.root, check=True)
    settings = value.format(program=program, hooks=hooks)
    subprocess.run(["git", "config", name, settings], cwd=project.workspace.root, check=True)
    answer = run("plan", "dev")
    assert answer.code == 0, answer
    assert "nothing changes" in answer.out
    assert not marker.exists()


# The network


@pytest.mark.parametrize(
    "line",
    [
        "resources: ['{url}']",
        "resources: ['{upper}']",
        "crds: ['{url}']",
        "configurations: ['{url}']",
        "openapi: {{path: '{url}'}}",
        "patches: [{{path: '{url}'}}]",
        "patchesStrategicMerge: ['{url}']",
        "patchesJson6902: [{{path: '{url}', target: {{kind: X, version: v1, name: x}}}}]",
        "replacements: [{{path: '{url}'}}]",
        "configMapGenerator: [{{name: x, files: ['a={url}']}}]",
        "secretGenerator: [{{name: x, Envs: ['{url}']}}]",
        "secretGenerator: [{{name: x, env: '{url}'}}]",
        "transformers: ['{url}']",
        "generators: ['{url}']",
        'transformers: ["apiVersion: builtin\\nkind: PatchTransformer\\nmetadata: {{name: x}}\\npath: {url}\\n"]',
        "transformers: [own.yaml]",
        "resources: [below]",
    ],
)
def test_network__nothing_is_fetched(run: Run, tmp_path: Path, listener: Listener, line: str) -> None:
    url = f"http://127.0.0.1:{listener.port}/x.yaml"
    top = tmp_path / "v"
    (top / "below").mkdir(parents=True)
    (top / "below" / "kustomization.yml").write_text(f"resources: ['{url}']\n")
    own = f"apiVersion: builtin\nkind: PatchTransformer\nmetadata: {{name: x}}\npath: {url}\n"
    (top / "own.yaml").write_text(own)
    written = line.format(url=url, upper=url.replace("http", "HTTP"))
    (top / "kustomization.yaml").write_text(f"{written}\n")
    answer = run("validate", "v")
    assert (answer.code, answer.codes()) == (1, ["remote-resource"]), answer
    assert listener.asked == []


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:{}/x", "https://127.0.0.1:{}/x?ref=-x", "HTTPS://127.0.0.1:{}/x"]
)
def test_allow_remote__takes_one_form(run: Run, tmp_path: Path, listener: Listener, address: str) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "kustomization.yaml").write_text(f"resources: ['{address.format(listener.port)}']\n")
    answer = run("validate", "v", "--allow-remote")
    assert (answer.code, answer.codes()) == (1, ["remote-resource"]), answer
    assert listener.asked == []


# Files


def _link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


ODD: dict[str, Callable[[Path], None]] = {
    "link": _link,
    "dangling": lambda path: path.symlink_to("gone"),
    "itself": lambda path: path.symlink_to("."),
    "device": lambda path: path.symlink_to("/dev/zero"),
    "pipe": os.mkfifo,
    "socket": _socket,
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("where", ["custom/stolen", "custom/deep/stolen", "custom"])
def test_custom__holds_files_alone(project: Project, run: Run, odd: str, where: str) -> None:
    directory = project.add("dev", "overlay: local\n")
    (directory / where).parent.mkdir(parents=True, exist_ok=True)
    if where != "custom":
        generator = "configMapGenerator: [{name: leak, files: [stolen]}]\n"
        (directory / "custom" / "kustomization.yaml").write_text(COMPONENT + generator)
    ODD[odd](directory / where)
    answer = run("check", "dev")
    assert answer.code == 1, answer
    assert set(answer.codes()) == {"not-a-file"}
    assert f"overlays/dev/{where}: error: " in answer.out


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["a.yaml", "kustomization.yaml", "directory"])
def test_validate__reads_files_alone(run: Run, tmp_path: Path, odd: str, name: str) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "good.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n")
    ODD[odd](tmp_path / "v" / name)
    answer = run("validate", "v", "--summary")
    if name == "directory" and odd != "itself":
        # Only what may hold manifests is looked at: files of some names, and directories.
        assert (answer.code, answer.codes()) == (0, [])
        return
    assert answer.codes() == ["not-a-file"], answer
    assert answer.code == (1 if name == "kustomization.yaml" else 0), answer


@pytest.mark.parametrize("odd", ODD)
def test_kustomization__names_files_alone(run: Run, tmp_path: Path, odd: str) -> None:
    (tmp_path / "v" / "deep").mkdir(parents=True)
    ODD[odd](tmp_path / "v" / "deep" / "stolen")
    for number, line in enumerate(
        ("resources: [deep/stolen]", "patches: [{path: deep/stolen}]", "crds: [deep/stolen]")
    ):
        (tmp_path / "v" / "kustomization.yaml").write_text(f"{line}\n")
        answer = run("validate", "v")
        assert (answer.code, answer.codes()) == (1, ["not-a-file"]), (number, answer)


def test_kustomization__reads_nothing_outside_of_the_repository(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "kustomization.yaml").write_text("configMapGenerator: [{name: x, literals: [a=b]}]\n")
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    (tmp_path / "repository" / "kustomization.yaml").write_text("resources: [../other]\n")
    answer = run("validate", "repository")
    assert (answer.code, answer.codes()) == (1, ["outside-project"]), answer


def test_environment__of_a_gibibyte_is_not_read(project: Project, run: Run) -> None:
    directory = project.add("dev", "overlay: local\n")
    project.add("other", "overlay: local\nreplicas: many\n")
    with (directory / "environment.yaml").open("wb") as file:
        file.truncate(1024**3)
    for command in ("compile", "check", "lint"):
        answer = run(command)
        assert answer.code == 3, answer
        assert "overlays/dev/environment.yaml: the file has 1024 MiB" in answer.err
        assert answer.codes() == ["wrong-type"], "the other environment is still looked at"


@pytest.mark.parametrize(
    "text",
    [
        "- " * 100_000 + "a",
        "".join(" " * depth + "a:\n" for depth in range(2_000)),
        "[" * 100_000,
        "{a: " * 50_000,
        "a: " + "[" * 200 + "]" * 200,
    ],
)
def test_depth__has_a_limit_in_every_reader(tmp_path: Path, text: str) -> None:
    """In a process of its own, since a reader without a limit ends it."""
    for name in ("a.yaml", "v/kustomization.yaml", "overlays/dev/environment.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "base" / "mlflow").mkdir(parents=True)
    (tmp_path / "base" / "mlflow" / "kustomization.yaml").write_text("resources: []\n")
    for command in (("validate", "a.yaml"), ("validate", "v"), ("check", "dev")):
        done = subprocess.run(
            [sys.executable, "-m", "compiler.cli", *command],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1, (command, done.stdout[-500:], done.stderr[-500:])
        assert re.search(r"\[too-(deep|large)\]", done.stdout)


def test_build__deeper_than_any_object_is_a_finding(project: Project, run: Run) -> None:
    """Kustomize puts a deep text of JSON into an object, and so makes of a flat file a deep one."""
    custom = project.add("dev", "overlay: local\n") / "custom"
    custom.mkdir()
    deep = json.dumps(json.loads("[" * 300 + "]" * 300))
    patch = (
        f'patches: [{{target: {{kind: ConfigMap}}, patch: \'[{{"op": "add", "path": "/deep", "value": {deep}}}]\'}}]\n'
    )
    (custom / "kustomization.yaml").write_text(COMPONENT + patch)
    answer = run("check", "dev")
    assert (answer.code, answer.codes()) == (1, ["build-failed"]), answer
    assert "nested more than 100 levels" in answer.out


# kubectl


@pytest.mark.parametrize(
    "script", ["kill -9 $$", "kill -11 $$", "exit 2", "exit 1", "echo 'fatal error: no memory' >&2; exit 2"]
)
@pytest.mark.parametrize("command", [*COMMANDS, ("validate", "v")], ids=lambda command: command[0])
def test_kubectl__that_fails_is_never_clean(
    project: Project, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, command: tuple[str, ...]
) -> None:
    project.add("dev", "overlay: local\n")
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "kustomization.yaml").write_text("configMapGenerator: [{name: x, literals: [a=b]}]\n")
    broken = tmp_path / "kubectl"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o755)
    monkeypatch.setattr(build, "kubectl", lambda: build.Kubectl(str(broken), "PATH"))
    answer = run(*command)
    assert answer.code == 3, answer
    assert answer.out == ""
    assert "kubectl kustomize " in answer.err
    assert "base/" not in answer.err


def test_kubectl__that_prints_nothing_is_a_finding(
    project: Project, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.add("dev", "overlay: local\n")
    monkeypatch.setattr(build, "kubectl", lambda: build.Kubectl("/bin/true", "PATH"))
    answer = run("check", "dev")
    assert (answer.code, answer.codes()) == (1, ["build-failed"]), answer


def test_kubectl__knows_nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBECONFIG", "GIT_SSH_COMMAND", "HTTPS_PROXY", "AWS_SECRET_ACCESS_KEY", "KUBERC"):
        monkeypatch.setenv(name, "planted")
    process = build._start(["/usr/bin/env"])
    out, _ = process.communicate()
    assert "planted" not in out
    assert "PATH=\n" in out


# Ends


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_ended__leaves_nothing_behind(project: Project, tmp_path: Path, number: int, code: int) -> None:
    root = project.workspace.root
    directory = project.add("dev", "overlay: local\n")
    scratch, ready = tmp_path / "scratch", tmp_path / "ready"
    scratch.mkdir()
    os.mkfifo(ready)
    slow = tmp_path / "kubectl"
    # It says that it runs, and then never ends by itself: `read` waits for a pipe that nobody writes to.
    slow.write_text(f"#!/bin/sh\necho runs >{shlex.quote(str(ready))}\nread x <{shlex.quote(str(ready))}\n")
    slow.chmod(0o755)
    program = (
        "import signal, sys; from compiler import build; from compiler.cli import main;"
        # Where this runs in the background of a shell, SIGINT is ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        f"build.kubectl = lambda: build.Kubectl({str(slow)!r}, 'PATH'); sys.argv = ['mlflow-overlays', 'compile', 'dev']; main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(scratch)}
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=root, env=environment, stderr=subprocess.PIPE
    ) as process:
        assert ready.read_text() == "runs\n"
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    # A kubectl whose start the signal cut short reads on: it ends here.
    with contextlib.suppress(OSError):
        os.close(os.open(ready, os.O_WRONLY | os.O_NONBLOCK))
    assert (process.returncode, error) == (code, b"")
    assert list(scratch.iterdir()) == []
    assert [path.name for path in directory.iterdir()] == ["environment.yaml"]


def test_one_bad_directory__does_not_hide_the_others(project: Project, run: Run) -> None:
    for name in ("a", "z"):
        project.add(name, "overlay: local\nreplicas: many\n")
    (project.workspace.root / "overlays" / "linked").symlink_to("a")
    project.add("Bad Name", "overlay: local\n")
    for command in ("lint", "check", "compile"):
        answer = run(command)
        assert answer.code == 3, answer
        assert answer.codes() == ["wrong-type", "wrong-type"], answer
        assert "overlays/linked: this is a symbolic link" in answer.err
        assert "'Bad Name' is not the name of an environment" in answer.err


@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_secrets__with_wide_permissions_are_closed(project: Project, run: Run, mode: int) -> None:
    directory = project.add("dev", "overlay: minio-postgres\n") / "secrets"
    directory.mkdir()
    directory.chmod(mode)
    (directory / "mlflow-database.env").write_text("password=x\n")
    (directory / "mlflow-database.env").chmod(0o644)
    assert run("secrets", "dev").code == 0
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.glob("*.env")} == {0o600}


def test_documents__follow_no_link(project: Project, run: Run, tmp_path: Path) -> None:
    directory, victim = project.add("dev", KEYS), tmp_path / "victim"
    victim.mkdir()
    for name in ("README.md", "main.tf", "bucket.sh", "mine.txt"):
        (victim / name).write_text("precious")
    (directory / "aws").symlink_to(victim)
    answer = run("compile", "dev")
    assert (answer.code, set(answer.codes())) == (1, {"foreign-file"}), answer
    assert {path.read_text() for path in victim.iterdir()} == {"precious"}
    assert len(list(victim.iterdir())) == 4
    assert [path.name for path in sorted(directory.iterdir())] == ["aws", "environment.yaml"]
