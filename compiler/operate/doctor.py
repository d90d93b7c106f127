"""Examines an environment from outside and from inside the cluster: every check there is, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from compiler.cluster import Refused
from compiler.errors import Usage
from compiler.operate.checks import database, identity, network, overlay, pods, secrets, store, volumes
from compiler.operate.inside import Silent
from compiler.operate.patient import Absent, Patient
from compiler.operate.verdict import Result, Tell, failed, skipped


class Check(NamedTuple):
    """A check: what it is called, and what it looks at."""

    name: str
    look: Callable[[Patient], Iterator[Result]]

    @property
    def question(self) -> str:
        """What it looks for, in a sentence."""
        return (self.look.__doc__ or "").strip().partition("\n")[0]


CHECKS = (
    Check("overlay", overlay.proof),
    Check("cluster", overlay.server),
    Check("namespace", overlay.namespace),
    Check("objects", overlay.objects),
    Check("secrets", secrets.there),
    Check("values of Secrets", secrets.values),
    Check("age of Secrets", secrets.younger),
    Check("service account", identity.account),
    Check("token", identity.token),
    Check("pods", pods.running),
    Check("migration", pods.migration),
    Check("service", pods.service),
    Check("usage", pods.usage),
    Check("log", pods.log),
    Check("volumes", volumes.bound),
    Check("room", volumes.room),
    Check("hosts", network.hosts),
    Check("certificates", network.certificates),
    Check("store", store.store),
    Check("database", database.database),
    Check("experiments", database.experiments),
)
"""Every check, in the order in which one rests on the other."""
_ALWAYS = ("overlay", "cluster", "namespace")


def chosen(names: Sequence[str]) -> tuple[Check, ...]:
    """The checks of these names, or all. Raises `Usage` for one that there is not."""
    known = {check.name: check for check in CHECKS}
    for name in names:
        if name not in known:
            raise Usage(f"there is no check '{name}'; there are: {', '.join(known)}")
    return tuple(known[name] for name in names) or CHECKS


def examine(patient: Patient, tell: Tell, checks: Sequence[Check] = CHECKS) -> Iterator[Result]:
    """Makes checks, and yields what came of each. Without the namespace, there is nothing more to look at."""
    for check in checks:
        tell(check.question)
        if check.name not in _ALWAYS and patient.namespace is None:
            yield skipped(check.name, "there is no namespace")
            continue
        yield from one(check, patient)


def one(check: Check, patient: Patient) -> Iterator[Result]:
    """Makes one check. What it needs and does not find, or may not look at, is its answer."""
    try:
        yield from check.look(patient)
    except Absent as reason:
        yield skipped(check.name, str(reason))
    except Refused as reason:
        yield skipped(check.name, f"the cluster does not show it: {patient.target.masked([str(reason)])[0]}")
    except Silent as said:
        words = patient.target.masked([str(said)])
        yield failed(check.name, "the program in the server's pod gave no answer", "its last words say why", words)
