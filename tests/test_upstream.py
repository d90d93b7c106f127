"""The script that copies upstream's manifests: from directories and URLs, whole enough to build without a network."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from compiler.build import kustomize
from tests.conftest import ROOT

SCRIPT = ROOT / "scripts" / "upstream.py"
ARGO_URL = "https://github.com/argoproj/argo-workflows/manifests/base/controller?ref=v1.2.3&timeout=60s"
SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}}}\n"
PIPELINES = {
    "LICENSE": "Apache",
    "README.md": "not taken",
    "manifests/kustomize/README.md": "upstream's own",
    "manifests/kustomize/env/platform-agnostic/kustomization.yaml": "resources: [../../third-party/argo]\n",
    "manifests/kustomize/third-party/argo/kustomization.yaml": f"resources:\n- {ARGO_URL}\n",
}
ARGO = {
    "LICENSE": "Apache",
    "manifests/base/controller/kustomization.yaml": "resources: [settings.yaml, ../definitions]\n",
    "manifests/base/controller/settings.yaml": SETTINGS.format("controller"),
    "manifests/base/definitions/kustomization.yaml": "resources: [settings.yaml]\n",
    "manifests/base/definitions/settings.yaml": SETTINGS.format("definitions"),
    "manifests/base/huge/kustomization.yaml": "resources: []\n",
}


def _repository(directory: Path, files: dict[str, str]) -> str:
    """A git repository with one commit of files, and that commit."""
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    git = ["git", "-C", str(directory), "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=all"]):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, for which 2.17.0 is a repository beside it."""
    spec = spec_from_file_location("upstream", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "upstream", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "COMMITS", {"2.17.0": _repository(tmp_path / "pipelines", PIPELINES)})
    monkeypatch.setattr(module, "ARGO_COMMITS", {"v1.2.3": _repository(tmp_path / "argo", ARGO)})
    return module


def _run(script: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["upstream.py", "vendor", "2.17.0", *arguments])
    try:
        script.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_vendor__builds_without_a_network(
    scheme: str, script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = tmp_path / "vendor" / "2.17.0"
    sources = (f"--pipelines={scheme}{tmp_path}/pipelines", f"--argo={scheme}{tmp_path}/argo")
    for _ in range(2):
        assert _run(script, monkeypatch, f"--to={to}", *sources) == 0
    text, error = kustomize(to / "env" / "platform-agnostic")
    assert error == ""
    assert [line for line in text.splitlines() if "name:" in line] == ["  name: controller", "  name: definitions"]
    files = {path.relative_to(to).as_posix() for path in to.rglob("*") if path.is_file()}
    assert {"LICENSE", "third-party/argo-workflows/LICENSE", "COPY.md"} <= files
    assert not [name for name in files if "huge" in name]
    assert (to / "README.md").read_text(encoding="utf-8") == "upstream's own"
    note = (to / "COPY.md").read_text(encoding="utf-8")
    assert all(commit in note for commit in (script.COMMITS["2.17.0"], script.ARGO_COMMITS["v1.2.3"]))
    assert [path.name for path in to.parent.iterdir()] == ["2.17.0"]


@pytest.mark.parametrize(
    ("pipelines", "words"),
    [
        ("{}/nowhere", "is neither a directory nor a URL"),
        ("file://{}/nowhere", "is there a network? --pipelines and --argo take directories of this machine"),
        ("{}/argo", "has no commit"),
    ],
)
def test_vendor__says_what_is_missing(
    pipelines: str,
    words: str,
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sources = (f"--pipelines={pipelines.format(tmp_path)}", f"--argo={tmp_path}/argo")
    assert _run(script, monkeypatch, f"--to={tmp_path}/copy", *sources) == 3
    assert words in capsys.readouterr().err
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://github.com/argoproj/argo-workflows/manifests/base/controller?ref=v9", "Argo Workflows v9"),
        ("https://github.com/argoproj/argo-workflows/manifests/base/none?ref=v1.2.3", "has no base/none"),
        ("https://example.com/manifests?ref=v1", "the copy would need a network"),
    ],
)
def test_vendor__takes_nothing_that_it_does_not_know(
    url: str,
    words: str,
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = {**PIPELINES, "manifests/kustomize/third-party/argo/kustomization.yaml": f"resources:\n- {url}\n"}
    monkeypatch.setitem(script.COMMITS, "2.17.0", _repository(tmp_path / "other", files))
    sources = (f"--pipelines={tmp_path}/other", f"--argo={tmp_path}/argo")
    assert _run(script, monkeypatch, f"--to={tmp_path}/copy", *sources) == 3
    assert words in capsys.readouterr().err


def test_vendor__leaves_what_is_no_copy(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    sources = (f"--pipelines={tmp_path}/pipelines", f"--argo={tmp_path}/argo")
    assert _run(script, monkeypatch, f"--to={tmp_path}/mine", *sources) == 2
    assert "is no copy of the manifests" in capsys.readouterr().err
    assert (tmp_path / "mine" / "file").exists()
