"""The way in: the hosts that the server knows, those that lead to it, and the certificates on the way."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from compiler.operate.inside import ask, program
from compiler.operate.mask import decoded
from compiler.operate.patient import Patient
from compiler.operate.target import CONTAINER
from compiler.operate.verdict import Result, failed, passed, skipped

ALLOWED = "MLFLOW_SERVER_ALLOWED_HOSTS"
SOON_DAYS = 14
_MEND = "set host in environment.yaml to the name that leads to the server, and deploy"


def hosts(patient: Patient) -> Iterator[Result]:
    """The server knows every host that an Ingress or a route sends to it."""
    known = patient.settings.get(ALLOWED, "")
    leads = sorted(set(_hosts(patient)))
    if not leads:
        yield skipped("hosts", "no Ingress and no HTTPRoute leads to the server")
        return
    unknown = [host for host in leads if not allowed(known, host)]
    if unknown:
        yield failed("hosts", f"the server answers 403 for {', '.join(unknown)}: {ALLOWED} does not have it", _MEND)
    else:
        yield passed("hosts", f"the server knows {', '.join(leads)}")


def _hosts(patient: Patient) -> Iterator[str]:
    """The hosts of whatever leads to the Service, whoever made it."""
    for ingress in patient.target.find("ingresses.networking.k8s.io"):
        for rule in ingress["spec"].get("rules") or []:
            paths = (rule.get("http") or {}).get("paths") or []
            if rule.get("host") and any(
                ((each["backend"].get("service") or {}).get("name")) == "mlflow" for each in paths
            ):
                yield rule["host"]
    for route in patient.target.find("httproutes.gateway.networking.k8s.io"):
        backs = [each for rule in route["spec"].get("rules") or [] for each in rule.get("backendRefs") or []]
        if any(each.get("name") == "mlflow" for each in backs):
            yield from route["spec"].get("hostnames") or []


def allowed(known: str, host: str) -> bool:
    """Whether MLflow answers to a host: an entry with `*` is a pattern, another has to be equal.

    So does `mlflow.server.security_utils` of MLflow 3.17.2.
    """
    entries = [each.strip() for each in known.split(",") if each.strip()]
    return any(fnmatchcase(host, each) if "*" in each else host == each for each in entries)


def certificates(patient: Patient) -> Iterator[Result]:
    """No certificate on the way in is over, or nearly, and each names the host."""
    names = _certificates(patient)
    if not names:
        yield skipped("certificates", "the overlay knows of none")
        return
    live = {name: patient.target.get("secret", name) for name in names}
    for name in (each for each in names if live[each] is None):
        mend = "create it, or see what cert-manager says: kubectl describe certificate -n " + patient.target.namespace
        yield failed("certificates", f"there is no Secret {name}", mend)
    there = [name for name in names if live[name] is not None]
    pems = [decoded(((live[name] or {}).get("data") or {}).get("tls.crt", "")) for name in there]
    if not there:
        return
    answers = ask(patient.shell(CONTAINER), patient.target.overlay, program("certificates"), pems)
    for name, answer in zip(there, answers, strict=True):
        yield judged(name, answer, names[name])


def _certificates(patient: Patient) -> dict[str, str]:
    """The Secrets of certificates, each with the host that it has to name; none for one inside the cluster."""
    environment, found = patient.target.environment, dict[str, str]()
    if environment.tls:
        found[environment.tls.existing_secret] = ""
    for each in patient.target.built("Ingress"):
        for tls in each.spec.get("tls") or []:
            if tls.get("secretName"):
                found[tls["secretName"]] = str((tls.get("hosts") or [""])[0])
    return found


def judged(name: str, answer: dict[str, Any], host: str) -> Result:
    """What there is to say of a certificate. In: the days that are left and its names, and the host that it is for."""
    if "error" in answer:
        return failed("certificates", f"Secret {name} holds no certificate in tls.crt", "create it anew, as PEM")
    mend = "renew it; cert-manager does so by itself where clusterIssuer is set"
    days = int(answer["days"])
    if days < 0:
        return failed("certificates", f"that of Secret {name} is over since {-days} days", mend)
    if days < SOON_DAYS:
        return failed("certificates", f"that of Secret {name} is over in {days} days", mend)
    if host and not any(_names(each, host) for each in answer["hosts"]):
        said = f"that of Secret {name} is for {', '.join(answer['hosts']) or 'no name'}, not for {host}"
        return failed("certificates", said, "have one made for that host")
    return passed("certificates", f"that of Secret {name} is good for {days} days")


def _names(pattern: str, host: str) -> bool:
    """Whether a name of a certificate is that of a host: `*` stands for one label."""
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:]
    return pattern == host
