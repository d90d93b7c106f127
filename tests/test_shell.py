"""What is seen of a text of shell: where it gives a variable away, and where it does not."""

from __future__ import annotations

import pytest

from compiler.shell import leaks
from tests.conftest import ROOT

PASSWORD = frozenset({"PASSWORD"})


@pytest.mark.parametrize(
    "text",
    [
        'echo "$PASSWORD"',
        "printf '%s' ${PASSWORD}",
        'curl --user "mlflow:$PASSWORD" http://store',
        'answer=$(curl --user "mlflow:${PASSWORD}" http://store)',
        'if true; then login "$PASSWORD"; fi',
        'cat x | login "${PASSWORD:-none}"',
        "set -x",
        "set -eux",
        "set -o xtrace",
        "env",
        "printenv",
        "printenv PASSWORD",
        "export -p",
        'say() {\n  echo "$PASSWORD"\n}\nsay',
        'login \\\n  --password "$PASSWORD"',
    ],
)
def test_leaks__are_seen(text: str) -> None:
    assert len(list(leaks(text, PASSWORD))) == 1


@pytest.mark.parametrize(
    "text",
    [
        'printf "%s" "$PASSWORD" | login',
        'echo "$PASSWORD" > /tmp/password',
        'PGPASSWORD="$PASSWORD" psql --host=database',
        'export PGPASSWORD="$PASSWORD"',
        'if [ "${#PASSWORD}" -lt 8 ]; then echo "too short"; fi',
        "echo 'say $PASSWORD'",
        '# echo "$PASSWORD"',
        'psql <<SQL\nALTER USER me PASSWORD "$PASSWORD";\nSQL',
        'say() {\n  echo "$PASSWORD"\n}\nsay | login',
        'quoted=$(printf "%s" "$PASSWORD")',
        'echo "$PASSWORD_FILE"',
        "env PGHOST=database psql",
        "env | sort > /tmp/environment",
        "set -eu",
        ': "${PASSWORD:?is missing}"',
        'test -n "${PASSWORD:+set}" && login',
    ],
)
def test_leaks__are_not_seen_where_there_are_none(text: str) -> None:
    assert list(leaks(text, PASSWORD)) == []


def test_leaks__of_the_base_there_are_none() -> None:
    """Every script of the base keeps what it is given, and says so of each as soon as it is told to print it."""
    scripts = sorted((ROOT / "base").rglob("*.sh"))
    assert len(scripts) >= 3
    secrets = frozenset(
        {"MLFLOW_PASSWORD", "SUPERUSER_PASSWORD", "ROOT_PASSWORD", "MINIO_ROOT_PASSWORD", "AWS_SECRET_ACCESS_KEY"}
    )
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        assert list(leaks(text, secrets)) == [], script.name
        for name in sorted(each for each in secrets if each in text):
            assert list(leaks(f'{text}\necho "${name}"\n', secrets)) == [f"`echo` writes {name} to the log"]
