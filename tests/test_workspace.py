"""The project on disk: what is refused, what is replaced, what an interruption leaves, and that secrets stay secret."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from compiler.cli.app import app
from compiler.errors import Missing, Unreadable, Usage
from compiler.overlay import Secret, SecretKey
from compiler.tree import HEADER, KUSTOMIZATION, SECRETS, Tree
from compiler.workspace import Workspace, find
from tests.conftest import ROOT, Project

HEAD = f"# {HEADER}\n"
PLAIN: Tree = {KUSTOMIZATION: f"{HEAD}plain\n", SECRETS: f"{HEAD}plain\n"}
OTHER: Tree = {KUSTOMIZATION: f"{HEAD}other\n", SECRETS: f"{HEAD}other\n"}
FIRST, SECOND = (f"compiled-{digest}/{KUSTOMIZATION}" for digest in ("0a1b2c3d", "4e5f6a7b"))
"""The values of an overlay beside `custom/` stand in a directory that is named for its content."""
CUSTOM: Tree = {
    KUSTOMIZATION: f"{HEAD}resources: [compiled-0a1b2c3d]\n",
    FIRST: f"{HEAD}first\n",
    SECRETS: f"{HEAD}custom\n",
}
CUSTOM_OTHER: Tree = {
    KUSTOMIZATION: f"{HEAD}resources: [compiled-4e5f6a7b]\n",
    SECOND: f"{HEAD}second\n",
    SECRETS: f"{HEAD}custom\n",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "overlays" / "prod").mkdir(parents=True)
    (tmp_path / "overlays" / "prod" / "environment.yaml").write_text("overlay: minio-postgres\n")
    return Workspace(tmp_path)


def _files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "environment.yaml"
    }


def _texts(tree: Tree) -> dict[str, bytes]:
    return {path: text.encode() for path, text in tree.items()}


# Names


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "../../etc",
        "a/b",
        "a/../b",
        "/etc",
        "a\\b",
        "A",
        "Prod",
        "a_b",
        "a.b",
        "a b",
        " a",
        "-a",
        "a-",
        "--check",
        "a\n",
        "a\nb",
        "a\0",
        "é",
        "a" * 64,
        "*",
        "~",
    ],
)
def test_directory__refuses_what_is_no_name(workspace: Workspace, name: str) -> None:
    outside = workspace.root / "outside"
    for use in (
        workspace.directory,
        workspace.environment,
        workspace.has_custom,
        lambda name: workspace.write(name, PLAIN),
        lambda name: workspace.stale(name, PLAIN),
        lambda name: workspace.create_secrets(name, SECRET),
    ):
        with pytest.raises(Usage, match="is not the name of an environment"):
            use(name)
    assert not outside.exists()
    assert [path.name for path in workspace.root.iterdir()] == ["overlays"]


@pytest.mark.parametrize("name", ["a", "1", "prod", "a-b", "0-9", "a" * 63])
def test_directory__of_a_name_is_below_overlays(workspace: Workspace, name: str) -> None:
    assert workspace.directory(name) == workspace.root / "overlays" / name


# Reading


def test_names__are_the_directories_with_an_environment(workspace: Workspace) -> None:
    (workspace.root / "overlays" / "empty").mkdir()
    (workspace.root / "overlays" / "README.md").write_text("")
    directory = workspace.root / "overlays" / "dev"
    directory.mkdir()
    (directory / "environment.yaml").write_text("")
    assert workspace.names() == ["dev", "prod"]


def test_environment__is_read_as_bytes_with_its_path(workspace: Workspace) -> None:
    assert workspace.environment("prod") == ("overlays/prod/environment.yaml", b"overlay: minio-postgres\n")


def test_environment__missing_names_those_that_are_there(workspace: Workspace) -> None:
    with pytest.raises(Missing, match=r"no overlays/dev/environment\.yaml; the environments are: prod"):
        workspace.environment("dev")


def test_environment__refuses_a_symlinked_directory(workspace: Workspace, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "environment.yaml").write_text("overlay: minio-postgres\n")
    (workspace.root / "overlays" / "linked").symlink_to(elsewhere)
    with pytest.raises(Unreadable, match="symbolic link"):
        workspace.environment("linked")


def test_environment__refuses_a_symlinked_file(workspace: Workspace, tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere.yaml"
    secret.write_text("overlay: minio-postgres\n")
    path = workspace.directory("prod") / "environment.yaml"
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(Unreadable, match="symbolic link"):
        workspace.environment("prod")


def test_environment__refuses_what_is_no_text_by_its_size(workspace: Workspace) -> None:
    with (workspace.directory("prod") / "environment.yaml").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(Unreadable, match="65 MiB"):
        workspace.environment("prod")


def test_find__looks_upwards(project: Project) -> None:
    root = project.workspace.root
    inner = project.add("prod", "") / "custom"
    inner.mkdir()
    assert find(root) == find(inner) == Workspace(root)


def test_find__outside_of_a_project(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="not inside a project"):
        find(tmp_path)


# Writing


@pytest.mark.parametrize("tree", [PLAIN, CUSTOM, {KUSTOMIZATION: f"{HEAD}é\r\n"}])
def test_write__puts_the_tree_on_disk_once(workspace: Workspace, tree: Tree) -> None:
    directory = workspace.directory("prod")
    assert set(workspace.stale("prod", tree)) == set(tree)
    assert set(workspace.write("prod", tree)) == set(tree)
    assert _files(directory) == _texts(tree)
    before = {path: (directory / path).stat().st_mtime_ns for path in tree}
    assert workspace.stale("prod", tree) == []
    assert workspace.write("prod", tree) == []
    assert {path: (directory / path).stat().st_mtime_ns for path in tree} == before


def test_write__makes_files_that_everybody_may_read(workspace: Workspace) -> None:
    workspace.write("prod", CUSTOM)
    for path in CUSTOM:
        assert stat.S_IMODE((workspace.directory("prod") / path).stat().st_mode) == 0o644


def test_write__changes_only_what_differs(workspace: Workspace) -> None:
    workspace.write("prod", CUSTOM)
    secrets = workspace.directory("prod") / SECRETS
    before = secrets.stat().st_mtime_ns
    assert set(workspace.write("prod", CUSTOM_OTHER)) == {KUSTOMIZATION, FIRST, SECOND}
    assert _files(workspace.directory("prod")) == _texts(CUSTOM_OTHER)
    assert not (workspace.directory("prod") / FIRST).parent.exists()
    assert secrets.stat().st_mtime_ns == before


@pytest.mark.parametrize("content", [b"plain\r\n", b"plain", b"plain\n\n", b"\xff\n", b""])
def test_stale__compares_byte_for_byte(workspace: Workspace, content: bytes) -> None:
    workspace.write("prod", PLAIN)
    (workspace.directory("prod") / KUSTOMIZATION).write_bytes(HEAD.encode() + content)
    assert workspace.stale("prod", PLAIN) == [KUSTOMIZATION]
    assert workspace.write("prod", PLAIN) == [KUSTOMIZATION]
    assert _files(workspace.directory("prod")) == _texts(PLAIN)


def test_write__removes_what_is_no_longer_part_of_the_overlay(workspace: Workspace) -> None:
    """When `custom/` goes, the directory beside it goes too; and so does the page of Secrets when there are none."""
    workspace.write("prod", CUSTOM)
    changed = workspace.write("prod", {KUSTOMIZATION: PLAIN[KUSTOMIZATION]})
    assert set(changed) == {KUSTOMIZATION, FIRST, SECRETS}
    assert sorted(path.name for path in workspace.directory("prod").iterdir()) == ["environment.yaml", KUSTOMIZATION]


def test_write__leaves_foreign_files(workspace: Workspace) -> None:
    directory = workspace.directory("prod")
    foreign = [
        "notes.md",
        "aws/policy.json",
        "custom/kustomization.yaml",
        "compiled-0a1b2c3d/mine.yaml",
        "secrets/db.env",
        ".hidden",
    ]
    for name in foreign:
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(f"{name}\n")
    for tree in (CUSTOM, PLAIN, CUSTOM_OTHER, PLAIN):
        workspace.write("prod", tree)
    expected = {name: f"{name}\n".encode() for name in foreign}
    assert _files(directory) == expected | _texts(PLAIN)


@pytest.mark.parametrize("path", [KUSTOMIZATION, SECRETS, "aws/main.tf", "aws/trust.json", FIRST])
@pytest.mark.parametrize("own", ["# by hand\n", "link", "directory"])
def test_write__replaces_nothing_that_it_did_not_write(
    workspace: Workspace, tmp_path: Path, path: str, own: str
) -> None:
    tree = {**CUSTOM, "aws/main.tf": HEAD, "aws/trust.json": "{}\n", "aws/README.md": f"{HEAD}- `trust.json`\n"}
    target = workspace.directory("prod") / path
    target.parent.mkdir(exist_ok=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(HEAD)
    if own == "link":
        target.symlink_to(elsewhere)
    elif own == "directory":
        target.mkdir()
    else:
        target.write_text(own)
    before = _files(workspace.directory("prod"))
    assert list(workspace.in_the_way("prod", tree)) == [path]
    with pytest.raises(Unreadable, match=path):
        workspace.write("prod", tree)
    assert _files(workspace.directory("prod")) == before
    assert elsewhere.read_text() == HEAD


@pytest.mark.parametrize("directory", ["aws", "compiled-0a1b2c3d", ""])
def test_write__follows_no_link_to_a_directory(workspace: Workspace, tmp_path: Path, directory: str) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    for name in ("README.md", "main.tf", "kustomization.yaml", "mine.txt", "environment.yaml"):
        (victim / name).write_text(HEAD)
    link = workspace.root / "overlays" / "prod" / directory
    if not directory:
        shutil.rmtree(link)
    link.symlink_to(victim)
    tree = {**CUSTOM, "aws/main.tf": HEAD + "new", "aws/README.md": HEAD}
    with pytest.raises(Unreadable, match="a symbolic link"):
        workspace.write("prod", tree)
    if directory:
        workspace.write("prod", PLAIN)
    assert {path.name: path.read_text() for path in victim.iterdir()} == dict.fromkeys(
        ("README.md", "main.tf", "kustomization.yaml", "mine.txt", "environment.yaml"), HEAD
    )


def test_write__removes_documents_that_it_wrote_alone(workspace: Workspace) -> None:
    """A document of JSON carries no header: the page beside it says that it was written."""
    directory = workspace.directory("prod")
    page = f"{HEAD}- `trust.json`\n- `permissions.json`\n"
    written = {"aws/README.md": page, "aws/trust.json": "{}", "aws/permissions.json": "{}"}
    workspace.write("prod", PLAIN | written)
    (directory / "aws" / "lifecycle.json").write_text("mine")
    assert set(workspace.write("prod", PLAIN)) == set(written)
    assert (directory / "aws" / "lifecycle.json").read_text() == "mine"


# Interruptions


def _interrupt_at(monkeypatch: pytest.MonkeyPatch, name: str, call: int, error: BaseException) -> Callable[[], int]:
    """Makes the given call, from 1, of a function of `os` fail. Returns how often it was called."""
    calls = 0
    real: Any = getattr(os, name)

    def failing(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise error
        return real(*arguments, **more)

    monkeypatch.setattr(os, name, failing)
    return lambda: calls


def _interruptions(
    monkeypatch: pytest.MonkeyPatch, prepare: Callable[[], None], run: Callable[[], object]
) -> Iterator[str]:
    """Runs something again and again, each time failing one call later, and yields after each failure what failed."""
    for name in ("fsync", "chmod", "replace"):
        for error in (OSError("no space left on device"), KeyboardInterrupt()):
            call = 0
            while True:
                call += 1
                prepare()
                with monkeypatch.context() as patch:
                    patch.setattr(os, "fsync", lambda _: None)  # hundreds of runs need not wait for the disk
                    calls = _interrupt_at(patch, name, call, error)
                    with contextlib.suppress(OSError, KeyboardInterrupt):
                        run()
                    reached = calls() >= call
                if not reached:
                    assert call > 1, f"os.{name} is never called, so nothing was interrupted"
                    break
                yield f"{error!r} at call {call} of os.{name}"


TRANSITIONS = {
    "new": ({}, PLAIN),
    "new with custom": ({}, CUSTOM),
    "a value": (PLAIN, OTHER),
    "custom comes": (PLAIN, CUSTOM),
    "custom goes": (CUSTOM, PLAIN),
    "a value beside custom": (CUSTOM, CUSTOM_OTHER),
}


def _start_from(directory: Path, tree: Tree) -> None:
    for path in (KUSTOMIZATION, SECRETS):
        (directory / path).unlink(missing_ok=True)
    for compiled in directory.glob("compiled*"):
        shutil.rmtree(compiled)
    for path, text in tree.items():
        (directory / path).parent.mkdir(exist_ok=True)
        (directory / path).write_text(text)


def _overlay(files: dict[str, bytes]) -> dict[str, bytes]:
    """What kubectl would read: the top file, and the directory that it names."""
    top = files.get(KUSTOMIZATION, b"")
    named = {path for path in (FIRST, SECOND) if path.partition("/")[0].encode() in top}
    assert named <= set(files), "the top file names a directory that is not there"
    return {path: files[path] for path in named} | {KUSTOMIZATION: top}


@pytest.mark.parametrize(("old", "new"), TRANSITIONS.values(), ids=TRANSITIONS.keys())
def test_write__interrupted_leaves_the_old_overlay_or_the_new_one_and_no_rest(
    workspace: Workspace, old: Tree, new: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever call fails: the top file is the old or the new one byte for byte, with all that belongs to it."""
    directory = workspace.directory("prod")
    seen = set()
    for what in _interruptions(monkeypatch, lambda: _start_from(directory, old), lambda: workspace.write("prod", new)):
        files = _files(directory)
        assert set(files) <= {KUSTOMIZATION, FIRST, SECOND, SECRETS}, what
        assert _overlay(files) in (_overlay(_texts(old)), _overlay(_texts(new))), what
        workspace.write("prod", new)
        assert _files(directory) == _texts(new), f"{what}: the next run does not mend it"
        seen.add(what)
    assert len(seen) >= 12


def test_write__is_not_begun_where_the_proof_fails(project: Project) -> None:
    """What was compiled last stays as it is, whatever stage refuses the environment."""
    directory = project.add("prod", "overlay: minio-postgres\n")
    run = ["compile", "prod", "--root", str(project.workspace.root)]
    assert CliRunner().invoke(app, run).exit_code == 0
    good = _files(directory)
    assert good
    mistyped = (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n"
        "  - patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: mlflow},"
        " spec: {template: {spec: {containers: [{name: mlfow}]}}}}'\n"
    )
    for environment, custom in (
        ("overlay: [", None),
        ("overlay: minio-postgres\nreplicas: 0\n", None),
        ("overlay: minio-postgres\nmlflow: {mode: direct}\n", None),
        ("overlay: minio-postgres\nnamespace: other\n", "kind: nonsense\n"),
        ("overlay: minio-postgres\nnamespace: other\n", mistyped),
    ):
        (directory / "environment.yaml").write_text(environment)
        if custom:
            (directory / "custom").mkdir(exist_ok=True)
            (directory / "custom" / KUSTOMIZATION).write_text(custom)
        answer = CliRunner().invoke(app, run)
        assert answer.exit_code == 1, answer.output
        left = {path: content for path, content in _files(directory).items() if not path.startswith("custom/")}
        assert left == good, environment


# Secrets

SECRET = (
    Secret("db", (SecretKey("password", "", "..."),), (), in_cluster=True),
    Secret("store", (SecretKey("USER", "", "mlflow", random=False), SecretKey("KEY", "", "...")), (), in_cluster=True),
)


def _values(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_create_secrets__makes_private_files_in_a_private_directory(workspace: Workspace) -> None:
    created = workspace.create_secrets("prod", SECRET)
    assert created == ["overlays/prod/secrets/db.env", "overlays/prod/secrets/store.env"]
    directory = workspace.directory("prod") / "secrets"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert sorted(path.name for path in directory.iterdir()) == [".gitignore", "db.env", "store.env"]
    for path in created:
        assert stat.S_IMODE((workspace.root / path).stat().st_mode) == 0o600
    assert (directory / ".gitignore").read_text() == "*\n"


def test_create_secrets__values_are_long_and_different_each_time(workspace: Workspace) -> None:
    seen = set()
    directory = workspace.directory("prod") / "secrets"
    for _ in range(8):
        workspace.create_secrets("prod", SECRET)
        store = _values(directory / "store.env")
        assert list(store) == ["USER", "KEY"]
        assert store["USER"] == "mlflow"
        values = [_values(directory / "db.env")["password"], store["KEY"]]
        for value in values:
            assert len(value) >= 32
            assert len(set(value)) > 10
            # Kustomize reads the file line by line; programs get the value as it is.
            assert value.isascii()
            assert value.replace("-", "").replace("_", "").isalnum()
        seen |= set(values)
        shutil.rmtree(directory)
    assert len(seen) == 16


def test_create_secrets__never_changes_a_file_that_is_there(workspace: Workspace) -> None:
    directory = workspace.directory("prod") / "secrets"
    workspace.create_secrets("prod", SECRET)
    (directory / "db.env").write_text("password=chosen by a person\n")
    (directory / "empty.env").write_text("")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in directory.iterdir()}
    more = (*SECRET, Secret("empty", (SecretKey("password", "", "..."),), (), in_cluster=True))
    assert workspace.create_secrets("prod", more) == []
    assert {
        path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in directory.iterdir()
    } == before


def test_create_secrets__makes_a_missing_one_without_touching_others(workspace: Workspace) -> None:
    directory = workspace.directory("prod") / "secrets"
    workspace.create_secrets("prod", SECRET)
    kept = (directory / "db.env").read_bytes()
    (directory / "store.env").unlink()
    assert workspace.create_secrets("prod", SECRET) == ["overlays/prod/secrets/store.env"]
    assert (directory / "db.env").read_bytes() == kept
    assert list(_values(directory / "store.env")) == ["USER", "KEY"]


def test_create_secrets__without_any_makes_no_directory(workspace: Workspace) -> None:
    assert workspace.create_secrets("prod", ()) == []
    assert not (workspace.directory("prod") / "secrets").exists()


def test_create_secrets__interrupted_never_leaves_a_value_that_git_sees(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = workspace.directory("prod") / "secrets"

    def prepare() -> None:
        shutil.rmtree(directory, ignore_errors=True)

    for what in _interruptions(monkeypatch, prepare, lambda: workspace.create_secrets("prod", SECRET)):
        left = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
        assert left <= {".gitignore", "db.env", "store.env"}, what
        assert ".gitignore" in left or not left, what
        for name in left - {".gitignore"}:
            assert all(_values(directory / name).values()), f"{what}: {name} is half written"
        kept = {name: (directory / name).read_bytes() for name in left}
        workspace.create_secrets("prod", SECRET)
        assert {name: (directory / name).read_bytes() for name in left} == kept, what


def _git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment = {**clean, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    answer = subprocess.run(["git", *identity, *arguments], cwd=root, env=environment, capture_output=True, check=True)
    return answer.stdout.decode()


@pytest.mark.parametrize(
    "ignore", ["", (ROOT / ".gitignore").read_text()], ids=["without", "with the project's .gitignore"]
)
def test_git__sees_no_secret(workspace: Workspace, ignore: str) -> None:
    """Neither a new file nor one made anew is ever offered to a commit, by the directory's own .gitignore alone."""
    (workspace.root / ".gitignore").write_text(ignore)
    _git(workspace.root, "init")
    workspace.create_secrets("prod", SECRET)
    workspace.write("prod", CUSTOM)
    (workspace.directory("prod") / "secrets" / "more").mkdir()
    (workspace.directory("prod") / "secrets" / "more" / "key.pem").write_text("mine")
    assert "secrets/" not in _git(workspace.root, "status", "--porcelain", "--untracked-files=all")
    _git(workspace.root, "add", "--all")
    staged = _git(workspace.root, "ls-files").splitlines()
    assert "overlays/prod/kustomization.yaml" in staged
    assert not [path for path in staged if "/secrets/" in path]
