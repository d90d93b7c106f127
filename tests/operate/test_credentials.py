"""What is seen of a Secret, and that no value is shown."""

from __future__ import annotations

import base64

import pytest

from compiler.operate import credentials
from compiler.operate.mask import MASKED, masked, values
from compiler.overlay import Overlay, Secret, SecretKey

PASSWORD = "hunter2 is a good one"
SECRET = Secret("mlflow-database", (SecretKey("password", "", "..."),), (), in_cluster=True)
OVERLAY = Overlay(namespace="mlflow", secrets=(SECRET,))


def secret(**data: str) -> dict[str, object]:
    """A Secret as the cluster has it."""
    return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (PASSWORD, ""),
        ('it\'s "quoted" inside', ""),
        ("'", ""),
        (f"{PASSWORD}\n", "ends with a line break"),
        (f"{PASSWORD}\r\n", "ends with a line break"),
        (f"{PASSWORD}\r", "ends with a carriage return"),
        (f" {PASSWORD}", "begins with a space"),
        (f"{PASSWORD}\t", "ends with a tab"),
        (f"'{PASSWORD}'", "stands in quotes, which are part of the value"),
        (f'"{PASSWORD}"', "stands in quotes, which are part of the value"),
        ("two\nlines", "has a line break in it"),
        ("...", "still is the placeholder of SECRETS.md"),
        ("", "is empty"),
        (" \n", "is empty"),
    ],
)
def test_flaw__what_slipped_in_is_seen(value: str, said: str) -> None:
    [data] = secret(password=value)["data"].values()  # type: ignore[attr-defined]
    assert credentials.flaw("password", data) == said


def test_flaw__a_file_has_line_breaks() -> None:
    [data] = secret(x="-----BEGIN CERTIFICATE-----\nabc\n")["data"].values()  # type: ignore[attr-defined]
    assert credentials.flaw("tls.crt", data) == ""
    assert credentials.flaw("password", data) == "ends with a line break"


def test_there__says_what_is_missing_and_what_to_do() -> None:
    [absent] = credentials.there("prod", OVERLAY, {"mlflow-database": None})
    assert (absent.failed, absent.said) == (True, "is not there")
    assert absent.mend == "create it as overlays/prod/SECRETS.md says"
    [other] = credentials.there("prod", OVERLAY, {"mlflow-database": secret(pasword=PASSWORD)})
    assert other.said == "has no key password; its keys are: pasword"
    [good] = credentials.there("prod", OVERLAY, {"mlflow-database": secret(password=PASSWORD)})
    assert not good.failed


def test_there__keys_of_a_type_that_kubernetes_knows() -> None:
    overlay = Overlay(secrets=(Secret("tls", (), (), in_cluster=False, type="tls"),))
    [bad] = credentials.there("prod", overlay, {"tls": secret(**{"tls.crt": "x"})})
    assert bad.said == "has no key tls.key; its keys are: tls.crt"


def test_mask__no_form_of_a_value_is_left() -> None:
    odd = "p@ss/w:rd#1 ü"
    hidden = values([secret(password=odd, AWS_ACCESS_KEY_ID="mlflow")])
    coded = base64.b64encode(odd.encode()).decode()
    for form in (odd, "p%40ss%2Fw%3Ard%231%20%C3%BC", "p%40ss%2Fw%3Ard%231+%C3%BC", coded):
        assert masked(f"before {form} after", hidden) == f"before {MASKED} after"
    assert masked("user mlflow", hidden) == "user mlflow"


def test_mask__each_line_of_a_file_and_what_looks_like_a_credential() -> None:
    hidden = values([secret(**{"key.json": "{\n  a-private-line\n}"})])
    assert masked("it says a-private-line here", hidden) == f"it says {MASKED} here"
    assert "hunter2" not in masked("postgresql://user:hunter2@host/db", [])
    assert masked("fine\npostgresql://user:hunter2@host/db\nfine", []).count("fine") == 2


def test_mask__a_short_value_hides_no_ordinary_words() -> None:
    assert masked("a database", values([secret(password="a")])) == "a database"
