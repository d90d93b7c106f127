"""How the compiler is layered: imports point down, and what touches the world stands in few places."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

LAYERS = (
    (
        "route",
        "errors",
        "secrecy",
        "printable",
        "shell",
        "peer",
        "codes",
        "hooks",
        "tree",
        "dialect",
        "quantity",
        "block",
        "formats",
    ),
    ("kind", "outline", "files", "published"),
    ("diagnostic", "overlay"),
    ("source", "manifest", "part", "policy", "report", "fix", "bounds", "quick", "identity", "split", "pool"),
    (
        "footprint",
        "image",
        "volume",
        "workload",
        "catalog",
        "store",
        "cron",
        "database",
        "external",
        "controller",
        "autoscaler",
        "affinity",
    ),
    ("bucket", "lifecycle", "oidc", "registry"),
    ("stores",),
    ("backup", "garbage"),
    ("cloud",),
    ("kinds", "parts", "releases"),
    ("kubeflow",),
    ("environment", "document"),
    ("plan", "emit", "waive"),
    ("system",),
    ("schema", "scaffold"),
    ("inputs",),
    ("understand", "build", "conform", "rules", "editor", "patch"),
    ("kustomization", "cluster", "archive", "change", "git"),
    ("audit",),
    ("workspace", "origin", "contract"),
    ("explain", "locate", "validate"),
    ("gather",),
    ("pipeline", "cache"),
    ("batch", "touched", "compare"),
    ("operate", "tell", "live"),
    ("cli",),
)
"""Every module of the compiler; one imports only from the rows above its own, or from its own package."""
RANK = {name: rank for rank, row in enumerate(LAYERS) for name in row}

ONLY = {
    "typer": {"cli"},
    "subprocess": {"build", "cluster", "git"},
    "time": {"cluster"},
    "yaml": {"source", "quick", "block", "manifest"},
    "jsonschema": {"schema", "conform"},
    "jsonschema_rs": {"schema", "conform"},
    "referencing": {"conform"},
    "kubernetes_validate": set[str](),
    "secrets": {"build", "workspace"},
    "tempfile": {"build", "workspace", "compare"},
    "os": {"archive", "build", "workspace", "cache", "batch", "gather", "cli", "files", "inputs", "git"},
    "shutil": {"build", "git"},
    "traceback": {"cli"},
    "datetime": {"cli"},
    "socket": {"operate"},
    "urllib.request": {"operate"},
    "getpass": {"cli"},
}
"""What a module may import only where it is named here."""
NOWHERE = ("random", "uuid", "logging", "locale", "platform")
"""What no module imports: a compilation is the same at any time, on any machine. `time` waits for a cluster, and `socket` and
`urllib.request` speak with a server that runs; no module that compiles knows one of those."""
EFFECTS = {
    "archive",
    "build",
    "workspace",
    "catalog",
    "kustomization",
    "touched",
    "cache",
    "batch",
    "gather",
    "files",
    "inputs",
    "git",
    "published",
    "compare",
    "cli",
}
"""The modules that may know the file system; `footprint` reads a table that is installed with it."""


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


SENT = ROOT / "compiler" / "operate" / "programs"
"""Programs that are sent into pods as texts: no module imports them, and they import what the pods have."""
MODULES = {_module(path): path for path in sorted((ROOT / "compiler").rglob("*.py")) if SENT not in path.parents}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def _room(module: str) -> str:
    """The row entry of a module: `compiler.parts.host` stands in `parts`."""
    return module.split(".")[1] if "." in module else ""


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs: not the imports for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from _run(child)


def imports(tree: ast.AST) -> set[str]:
    """Every module that a module imports, at the top or inside a function."""
    found: set[str] = set()
    for node in _run(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            base = node.module or ""
            inner = {f"{base}.{alias.name}" for alias in node.names}
            modules = inner & set(MODULES)
            found |= modules | ({base} if inner - modules else set())
    return found


IMPORTS = {name: imports(tree) for name, tree in TREES.items()}


def _own(module: str) -> set[str]:
    return {each for each in IMPORTS[module] if each in MODULES and each != "compiler"}


def test_imports__are_found() -> None:
    """The parser of this file sees both forms, inside functions too, and nothing that is for type checkers alone."""
    tree = ast.parse(
        "import os\nfrom compiler.parts import host\nfrom compiler.route import Route\n"
        "if TYPE_CHECKING:\n    from compiler.cli import app\ndef f():\n    import yaml.nodes\n"
    )
    assert imports(tree) == {"os", "compiler.parts.host", "compiler.route", "yaml.nodes"}
    assert _own("compiler.pipeline") >= {"compiler.build", "compiler.rules.jobs", "compiler.workspace"}


def test_layers__hold_every_module() -> None:
    assert {_room(module) for module in MODULES if module != "compiler"} == set(RANK)
    assert _own("compiler") == set()


@pytest.mark.parametrize("module", [name for name in MODULES if name != "compiler"])
def test_layers__imports_point_down(module: str) -> None:
    here = _room(module)
    upwards = {each for each in _own(module) if _room(each) != here and RANK[_room(each)] >= RANK[here]}
    assert upwards == set()


@pytest.mark.parametrize("package", ["parts", "kinds", "rules", "stores"])
def test_packages__modules_do_not_know_each_other(package: str) -> None:
    """A part, kind or rule is added or removed without touching another; only the table of the package knows them all."""
    head = f"compiler.{package}"
    members = {name for name in MODULES if name.startswith(f"{head}.")}
    assert members
    for member in members:
        assert not {each for each in _own(member) if each == head or each.startswith(f"{head}.")}, member
    users = {each for name in MODULES if name not in members for each in _own(name)}
    assert members <= (users if package == "rules" else _own(head))


def test_kinds__are_values_of_kind_alone() -> None:
    for name in MODULES:
        if name.startswith("compiler.kinds."):
            assert IMPORTS[name] <= {"compiler.kind", "__future__"}, name


@pytest.mark.parametrize("library", ONLY)
def test_libraries__are_imported_where_they_belong(library: str) -> None:
    users = {
        _room(name)
        for name, found in IMPORTS.items()
        if any(each == library or each.startswith(f"{library}.") for each in found)
    }
    assert users <= ONLY[library]


def test_world__no_clock_no_chance_no_network() -> None:
    for name, found in IMPORTS.items():
        assert not {each for each in found if each in NOWHERE}, name


def test_world__files_are_known_to_few() -> None:
    for name, tree in TREES.items():
        if _room(name) in EFFECTS:
            continue
        assert not IMPORTS[name] & {"pathlib", "io", "glob", "os.path"}, name
        called = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert "open" not in called, name


def test_world__environment_variables_are_read_where_a_run_starts() -> None:
    users = set()
    for name, tree in TREES.items():
        words = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if words & {"environ", "environb", "getenv", "expandvars"}:
            users.add(_room(name))
    assert users <= {"build", "git", "cli"}


def test_printing__is_left_to_the_command_line() -> None:
    for name, tree in TREES.items():
        if _room(name) == "cli":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in ("print", "typer.echo", "sys.stdout.write", "sys.stderr.write"), (
                    name
                )
            if isinstance(node, ast.Attribute):
                assert ast.unparse(node) not in ("sys.stdout", "sys.stderr", "sys.exit"), name


def test_start__is_lean() -> None:
    """What is slow to import is imported when it is needed: `--help` and a mistyped command answer at once."""
    heavy = (
        "jsonschema",
        "jsonschema_rs",
        "kubernetes_validate",
        "referencing",
        "rich",
        "hypothesis",
        "importlib.metadata",
    )
    code = f"import sys, compiler.cli; print([name for name in {heavy!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("line", "unread"),
    [
        (
            ["lint", "overlays/prod/environment.yaml"],
            ("typer", "jsonschema", "subprocess", "compiler.rules", "compiler.report"),
        ),
        (["check", "prod"], ("typer", "jsonschema", "referencing", "compiler.report", "compiler.locate")),
        (["compile", "--", "prod"], ("typer", "jsonschema", "referencing", "compiler.report", "compiler.locate")),
    ],
    ids=lambda value: value[0],
)
def test_start__a_plain_line_without_findings_reads_little(line: list[str], unread: tuple[str, ...]) -> None:
    code = (
        f"import sys; from compiler.cli import main; sys.argv = ['mlflow-overlays', *{line!r}]; main();"
        f"print([name for name in {unread!r} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[]"


def test_start__kubectl_is_at_work_before_the_compiler_is_read() -> None:
    code = (
        "import sys, compiler.batch; print([name for name in ('yaml', 'dataclasses', 'json') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
