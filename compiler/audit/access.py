"""Who may come in, by what way, and with what credentials."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from compiler.audit.verdict import Built, Verdict, failed, named, passed, unseen
from compiler.manifest import Manifest
from compiler.route import show
from compiler.secrecy import credential_in
from compiler.workload import containers

_PASSWORD = re.compile(r"(?:PASSWORD|PASSWD|_PWD|SECRET|TOKEN)$|^PGPASSWORD$")
_BALANCER = ("alb.ingress.kubernetes.io/certificate-arn", "alb.ingress.kubernetes.io/listen-ports")
_VERIFIED = ("verify-ca", "verify-full")


def database_password(built: Built) -> Verdict:
    """No password stands in a variable or a URI."""
    for pod in built.pods:
        for route, container in containers(pod):
            for each in container.get("env") or []:
                if _PASSWORD.search(str(each.get("name"))) and each.get("value"):
                    where = f"{pod.ref} has a value for {each['name']} at {show(route)}"
                    return failed(where, "read it from a Secret: valueFrom.secretKeyRef")
    for name, value in built.settings.items():
        if credential_in(value):
            reason = f"the setting {name} seems to hold a credential"
            return failed(reason, "leave it out; the password is read from a Secret")
    uri = built.settings.get("MLFLOW_BACKEND_STORE_URI", "")
    if uri.startswith("sqlite"):
        return passed("SQLite is a file of the server, and has none")
    made = {secret.name for secret in built.overlay.generated_secrets()}
    names = [
        secret.name
        for secret in built.overlay.secrets
        if secret.because[:1] == ("database",) and secret.because[-1:] != ("caSecret",)
    ]
    how = "made up at random" if set(names) <= made else "yours: nothing here has a default for it"
    return passed(f"it is in a Secret ({', '.join(dict.fromkeys(names))}), and {how}")


def database_encryption(built: Built) -> Verdict:
    """How far the way to a database outside is trusted."""
    uri = urlsplit(built.settings.get("MLFLOW_BACKEND_STORE_URI", ""))
    engine, host = uri.scheme.partition("+")[0], uri.hostname or ""
    if engine == "sqlite":
        return passed("SQLite is a file of the server")
    if built.of_name("StatefulSet", host) is not None:
        if not built.broken("no-network-policy"):
            return passed("the database is beside the server, and NetworkPolicies let nobody else to it")
        reason = "the database is in the cluster, without TLS, and no NetworkPolicy keeps others away"
        return failed(reason, "remove networkPolicy.enabled: false", ("networkPolicy", "enabled"))
    mode = built.settings.get("PGSSLMODE", "")
    if mode in _VERIFIED or "ssl_ca=" in uri.query:
        return passed(f"it is encrypted, and the certificate is verified{f' ({mode})' if mode else ''}")
    if engine == "mssql":
        return unseen(
            "the driver of SQL Server takes no authority",
            "look at who can come between: the network is what protects it",
        )
    way = "set database.tls: {mode: verify-full, caSecret: ...}"
    reason = "the certificate of the database is not verified, so that anybody in between could be it"
    return failed(reason, way, ("database", "tls", "mode"))


def traffic_encryption(built: Built) -> Verdict:
    """Every way in has TLS."""
    if not built.published:
        return passed("nothing outside of the cluster reaches it")
    probe = (built.server.get("readinessProbe") or {}).get("httpGet") or {}
    if probe.get("scheme") == "HTTPS":
        return passed("the server itself speaks TLS")
    bare = [each for each in built.published if not _encrypted(each)]
    if bare:
        names = ", ".join(str(each.ref) for each in bare)
        return failed(
            f"{names} lets in what is not encrypted", "set ingress.tlsSecret, ingress.clusterIssuer, or the key tls"
        )
    if built.of("HTTPRoute"):
        return unseen(
            "the certificate is the Gateway's", "kubectl get gateway --all-namespaces --output yaml (listeners.tls)"
        )
    return passed("each way in has a certificate")


def _encrypted(way: Manifest) -> bool:
    """Whether a way in has TLS; that of a route is its Gateway's."""
    if way.ref.kind == "HTTPRoute":
        return True
    notes = (way.data.get("metadata") or {}).get("annotations") or {}
    if any("HTTPS" in str(notes.get(key, "")) or str(notes.get(key, "")).startswith("arn:") for key in _BALANCER):
        return True
    if way.ref.kind == "Service":
        return any("ssl-cert" in key or "tls" in key for key in notes)
    covered = {host for each in way.spec.get("tls") or [] for host in each.get("hosts") or []}
    hosts = {rule.get("host") for rule in way.spec.get("rules") or []}
    return bool(hosts) and hosts <= covered


def login(built: Built) -> Verdict:
    """Who comes from outside is asked who it is."""
    names = {container.get("name") for pod in built.pods for _, container in containers(pod)}
    if "--app-name=basic-auth" in (built.server.get("command") or []):
        return passed("MLflow itself asks for user and password")
    if any("oauth2-proxy" in str(name) for name in names):
        return passed("a provider of OpenID Connect is asked")
    if built.published:
        ways = ", ".join(str(each.ref) for each in built.published)
        return failed(
            f"whoever reaches {ways} may read and delete everything", "set auth, or let the ingress ask", ("host",)
        )
    return passed("nothing outside of the cluster reaches it; inside, NetworkPolicies say who does")


def host_names(built: Built) -> Verdict:
    """The list of hosts has no wildcard that lets every name in."""
    off = "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE"
    if built.settings.get(off, "").lower() in ("true", "1") or "--disable-security-middleware" in (
        built.server.get("args") or []
    ):
        reason = f"no request fails for the host or the origin that it names: {off} is on"
        return failed(reason, f"remove {off}, and name every host in host", ("mlflow", "env", off))
    allowed = built.settings.get("MLFLOW_SERVER_ALLOWED_HOSTS", "")
    if "*" in allowed.split(",") or not allowed:
        reason = "it answers to any name, so that a page elsewhere can reach it by a name of its own"
        return failed(reason, "leave MLFLOW_SERVER_ALLOWED_HOSTS to host", ("host",))
    return passed(f"{len(allowed.split(','))} names, each of the Service, of localhost or of host")


def network_policies(built: Built) -> Verdict:
    """Every pod is bound, both ways."""
    broken = built.broken("no-network-policy")
    if broken:
        return failed(named(broken), "remove networkPolicy.enabled: false", ("networkPolicy", "enabled"))
    count = len(built.of("NetworkPolicy"))
    return passed(
        f"{count} policies bind all {len(built.pods)} kinds of pods" if count != 1 else "one policy binds every pod"
    )


def rights(built: Built) -> Verdict:
    """No pod has a token, and no role is wide."""
    broken = built.broken("mounted-token", "wide-role")
    if broken:
        return failed(named(broken), "take the token or the rule away")
    return passed(
        "no pod has a token of the API server" + ("" if built.of("Role", "ClusterRole") else ", and there is no role")
    )


def store_of_secrets(built: Built) -> Verdict:
    """Whether an operator makes the Secrets."""
    overlay = built.overlay
    if not overlay.secrets:
        return passed("there is no Secret")
    made = [secret.name for secret in overlay.generated_secrets()]
    if made:
        return failed(
            f"{', '.join(made)}: made from files beside the overlay, on whatever machine applies it",
            "set secrets: existing, and externalSecrets",
            ("secrets",),
        )
    covered = {secret.name for secret in overlay.external_secrets()}
    rest = list(dict.fromkeys(secret.name for secret in overlay.secrets if secret.name not in covered))
    if not rest:
        return passed("the External Secrets Operator makes every Secret")
    return unseen(f"who makes {', '.join(rest)} is not in a build", _owners(built, rest))


def rotation(built: Built) -> Verdict:
    """When credentials were changed last."""
    overlay = built.overlay
    names = list(dict.fromkeys(secret.name for secret in overlay.secrets))
    if not names:
        return passed("there is no credential")
    if overlay.external and {secret.name for secret in overlay.external_secrets()} == set(names):
        every = overlay.external.refresh_interval
        return passed(f"the operator looks for new values every {every}; docs/secrets.md has the steps")
    columns = "NAME:.metadata.name,CREATED:.metadata.creationTimestamp"
    command = f"kubectl get secret {' '.join(names)} -n {built.namespace} -o custom-columns={columns}"
    return unseen("how old they are is not in a build; docs/secrets.md has the steps", command)


def _owners(built: Built, names: list[str]) -> str:
    columns = "NAME:.metadata.name,OWNER:.metadata.ownerReferences[*].kind"
    return f"kubectl get secret {' '.join(names)} -n {built.namespace} -o custom-columns={columns}"


def audit_log(built: Built) -> Verdict:
    """The log is the cluster's."""
    provider = {
        "amazon": 'aws eks describe-cluster --name CLUSTER --query "cluster.logging"',
        "google": "gcloud logging logs list --filter=cloudaudit",
        "azure": "az monitor diagnostic-settings list --resource ID-OF-THE-CLUSTER",
    }
    otherwise = "--audit-policy-file among the flags of kube-apiserver"
    return unseen("it is a setting of the cluster", provider.get(built.store.provider, otherwise))
