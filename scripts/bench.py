"""Measures the compiler beside public tools that do less, side by side in one run, and writes docs/bench.md.

Example: .venv/bin/python scripts/bench.py --rounds 15 --output docs/bench.md

Every command is a fresh process. Contenders take turns, so that a busy moment of the machine meets them all; wall time and
processor time are medians, memory is the highest of any process of a command. Commands run in a copy of the project.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

SUMMARY, _, EXAMPLE = (__doc__ or "").partition("\n\n")
ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
COMPILER = str(BIN / "mlflow-overlays")
NOTE = "<!-- Written by scripts/bench.py. Run `make bench` to measure anew. -->\n"
ENVIRONMENT = "overlays/prod/environment.yaml"
KUBERNETES = "1.34"
OBJECTS_A_FILE = 100
AS_INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Python keeps what it has compiled of a program, unless it is told not to, and then only some contenders would lose."""


@dataclass(frozen=True)
class Run:
    """One run of a command: seconds on the clock, seconds of processors, memory in MiB, and its exit code."""

    wall: float
    cpu: float
    memory: float
    code: int


@dataclass(frozen=True)
class Contender:
    """A command and where it runs; `before` is done each time before it starts, off the clock."""

    name: str
    command: str
    folder: Path
    before: Callable[[], None] | None = None
    runs: list[Run] = field(default_factory=list)

    def run(self) -> None:
        """Runs the command once and keeps what it took."""
        if self.before:
            self.before()
        start = time.perf_counter()
        process = subprocess.Popen(
            ["sh", "-c", f"exec {self.command}" if "|" not in self.command else self.command],
            cwd=self.folder,
            env=AS_INSTALLED,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        self.runs.append(Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, process.returncode))

    def of(self, what: str) -> float:
        """The median of a measure."""
        return float(median(getattr(run, what) for run in self.runs))


def main() -> int:
    """Measures what was asked for and writes the page. Returns the exit code: 1 where a command fails."""
    parser = argparse.ArgumentParser(
        description=SUMMARY, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15, help="how often each command runs (long ones less)")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="what is measured")
    parser.add_argument("--environments", nargs="+", type=int, default=[1, 100, 1000], help="how many are compiled")
    parser.add_argument("--objects", nargs="+", type=int, default=[1, 100, 10000], help="how many are validated")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "bench.md", help="the page")
    options = parser.parse_args()
    failed = False
    pages = [NOTE, "# Speed\n", machine()]
    with tempfile.TemporaryDirectory(prefix="mlflow-overlays-bench-") as folder:
        for part in options.parts:
            text, contenders = PARTS[part](Path(folder) / part, options)
            pages.append(text)
            for each in (each for each in contenders if any(run.code for run in each.runs)):
                print(f"bench: {each.command}: exit code {each.runs[-1].code}", file=sys.stderr)
                failed = True
    options.output.write_text("\n".join(pages), encoding="utf-8")
    print(f"wrote {options.output}")
    return int(failed)


def machine() -> str:
    """When and where this was measured."""
    model = next(_lines("/proc/cpuinfo", "model name"), platform.machine())
    memory = next(_lines("/proc/meminfo", "MemTotal"), "?")
    load = f"{os.getloadavg()[0]:.1f}"
    kubectl = json.loads(_says(str(BIN / "kubectl"), "version", "--client", "--output=json"))["clientVersion"][
        "gitVersion"
    ]
    return (
        f"Measured on {time.strftime('%Y-%m-%d', time.gmtime())}: {os.cpu_count()} processors ({model}), {memory} of memory, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, kubectl {kubectl}; "
        f"load {load} when it began.\n\n"
        "Every command is a fresh process, and contenders take turns. Times are medians in seconds; *processor* adds up all "
        "processors and is what a busy machine changes least. *Memory* is the highest of any one process of a command, in MiB. "
        "A *ratio* is to the public tool.\n"
    )


def _lines(path: str, key: str) -> Iterator[str]:
    if Path(path).is_file():
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            if line.startswith(key):
                yield line.partition(":")[2].strip()


def _says(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def take_turns(contenders: Sequence[Contender], rounds: int) -> None:
    """Runs each contender in each round; the first round warms the machine up and does not count."""
    for number in range(rounds + 1):
        for each in contenders:
            each.run()
            print(f"bench: {each.name}: {each.runs[-1].wall:.3f} s", file=sys.stderr)
            if not number:
                each.runs.clear()


def table(contenders: Sequence[Contender], against: Contender | None = None) -> str:
    """A row a contender; the ratios are to one of them."""
    rows = ["| command | wall | processor | memory | ratio, wall | ratio, processor |", "|---|---|---|---|---|---|"]
    for each in contenders:
        ratios = [f"{each.of(what) / against.of(what):.2f}" if against else "" for what in ("wall", "cpu")]
        memory = max(run.memory for run in each.runs)
        rows.append(
            f"| {each.name} | {each.of('wall'):.3f} | {each.of('cpu'):.3f} | {memory:.0f} | {' | '.join(ratios)} |"
        )
    return "\n".join(rows) + "\n"


def project(folder: Path) -> Path:
    """A copy of the project's base, schema and environments."""
    for name in ("base", "schema", "overlays"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("secrets"))
    return folder


def lint(folder: Path, options: argparse.Namespace) -> tuple[str, list[Contender]]:
    """The hook of pre-commit for environments, and check-jsonschema on the same file."""
    project(folder)
    check = f"{BIN}/check-jsonschema --schemafile schema/environment.schema.json {ENVIRONMENT}"
    other = Contender("`check-jsonschema`", check, folder)
    contenders = [Contender("`mlflow-overlays lint`", f"{COMPILER} lint {ENVIRONMENT}", folder), other]
    take_turns(contenders, options.rounds)
    says = f"One file, `{ENVIRONMENT}`: `lint` also holds it against what no schema can say. Goal: at most 0.5.\n"
    return f"## The hook for environments\n\n{says}\n{table(contenders, other)}", contenders


def check(folder: Path, options: argparse.Namespace) -> tuple[str, list[Contender]]:
    """One environment compiled and proved, and a chain of tools that does less."""
    project(folder)
    build = f"{BIN}/kubectl kustomize overlays/prod"
    chain = (
        f"{BIN}/check-jsonschema --schemafile schema/environment.schema.json {ENVIRONMENT} && "
        f"{build} | {BIN}/kubernetes-validate -k {KUBERNETES} --strict -"
    )
    other = Contender("`check-jsonschema` and `kubectl kustomize \\| kubernetes-validate`", chain, folder)
    contenders = [
        Contender("`mlflow-overlays check prod`", f"{COMPILER} check prod", folder),
        other,
        Contender("`kubectl kustomize` alone", build, folder),
    ]
    take_turns(contenders, options.rounds)
    says = "The chain neither compiles nor holds the build to any rule. Goal: at most 0.4. No cache is asked.\n"
    return f"## One environment, proved\n\n{says}\n{table(contenders, other)}", contenders


def validate(folder: Path, options: argparse.Namespace) -> tuple[str, list[Contender]]:
    """Manifests held against the schemas of Kubernetes, and kubeconform with the same schemas from the disk."""
    answer = json.loads(_says(sys.executable, str(ROOT / "scripts" / "servers.py"), "ensure", "kubeconform"))
    program, version = answer["kubeconform"]["path"], answer["kubeconform"]["version"]
    location = shlex.quote(f"{schemas(folder / 'schemas')}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json")
    pages = [
        f"## Manifests\n\nkubeconform {version} reads the same schemas from the disk. Goal: ahead from 100 objects on.\n"
    ]
    everyone: list[Contender] = []
    for count in options.objects:
        target = folder / str(count)
        manifests(target, count)
        conform = f"{program} -strict -kubernetes-version {KUBERNETES}.0 -schema-location {location} ."
        other = Contender("`kubeconform`", conform, target)
        own = Contender(
            "`mlflow-overlays validate`", f"{COMPILER} validate . --kubernetes-version {KUBERNETES}", target
        )
        take_turns([own, other], options.rounds if count < 1000 else max(options.rounds // 3, 3))
        pages.append(f"{count} objects:\n\n{table([own, other], other)}")
        everyone += [own, other]
    return "\n".join(pages), everyone


def schemas(folder: Path) -> Path:
    """The schemas that kubernetes-validate bundles, with references that kubeconform finds on the disk."""
    folder.mkdir(parents=True)
    [bundle] = sorted(
        (_package("kubernetes_validate") / "kubernetes-json-schema").glob(f"v{KUBERNETES}.*-local-strict")
    )
    for path in bundle.glob("*.json"):
        text = path.read_text(encoding="utf-8").replace('"/api/_definitions.json', '"_definitions.json')
        schema = {key: value for key, value in json.loads(text).items() if key != "$id"}
        (folder / path.name).write_text(json.dumps(schema), encoding="utf-8")
    return folder


def _package(name: str) -> Path:
    return Path(_says(sys.executable, "-c", f"import {name}; print({name}.__path__[0])").strip())


def manifests(folder: Path, count: int) -> None:
    """Writes that many valid objects, by turns of three kinds, a hundred a file."""
    folder.mkdir(parents=True)
    texts = [json.dumps(_object(number)) for number in range(count)]
    for start in range(0, count, OBJECTS_A_FILE):
        text = "---\n".join(f"{each}\n" for each in map(_yaml, texts[start : start + OBJECTS_A_FILE]))
        (folder / f"objects-{start:05}.yaml").write_text(text, encoding="utf-8")


def _yaml(text: str) -> str:
    import yaml

    return str(yaml.safe_dump(json.loads(text), sort_keys=False))


def _object(number: int) -> dict[str, object]:
    name, kind = f"app-{number // 3}", number % 3
    labels = {"app.kubernetes.io/name": name}
    if kind == 0:
        metadata = {"name": name, "namespace": "bench"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"LEVEL": "info", "NAME": name}}
    if kind == 1:
        container = {
            "name": "app",
            "image": "registry.example/app:1.0.0",
            "envFrom": [{"configMapRef": {"name": name}}],
            "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}},
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        }
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
        metadata = {"name": name, "namespace": "bench"}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    metadata = {"name": name, "namespace": "bench"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": labels, "ports": ports}}


def compile_(folder: Path, options: argparse.Namespace) -> tuple[str, list[Contender]]:
    """Many environments: new ones, the same again, and again when one changed."""
    everyone: list[Contender] = []
    for count in options.environments:
        target = project(folder / str(count))
        written = (target / ENVIRONMENT).read_text(encoding="utf-8")
        shutil.rmtree(target / "overlays")
        for number in range(count):
            (target / "overlays" / f"env-{number:04}").mkdir(parents=True)
            (target / "overlays" / f"env-{number:04}" / "environment.yaml").write_text(written, encoding="utf-8")
        cold = Contender(f"{count} new", f"{COMPILER} compile", target)
        for _ in range(3 if count < 100 else 1):
            _forget(target)
            cold.run()
        same = Contender(f"{count}, nothing changed", f"{COMPILER} compile", target)
        changed = Contender(f"{count}, one changed", f"{COMPILER} compile", target, lambda: _change(target))  # noqa: B023
        take_turns([same, changed], max(options.rounds // 2, 3))
        everyone += [cold, same, changed]
    says = (
        f"`mlflow-overlays compile` of copies of `{ENVIRONMENT}`. A new environment takes two builds with kubectl, a changed "
        "one one or two; what is unchanged since it was proved takes none. Goal: 1,000 unchanged environments in less than 1 s.\n"
    )
    return f"## Many environments\n\n{says}\n{table(everyone)}", everyone


def _forget(folder: Path) -> None:
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    for path in (folder / "overlays").glob("*/*"):
        if path.name != "environment.yaml":
            path.unlink()


def _change(folder: Path) -> None:
    """Adds a comment to the first environment."""
    path = folder / "overlays" / "env-0000" / "environment.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")


PARTS: dict[str, Callable[[Path, argparse.Namespace], tuple[str, list[Contender]]]] = {
    "lint": lint,
    "check": check,
    "validate": validate,
    "compile": compile_,
}
"""What can be measured."""


if __name__ == "__main__":
    sys.exit(main())
