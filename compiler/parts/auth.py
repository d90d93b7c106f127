"""Who may use the server. Without the key, everybody who reaches it may do everything.

`auth: {}` turns on MLflow's own login: users with passwords, and what each may do. They are kept in a database of their own,
`auth.database`, on the same server and under the same user as the runs: one in the cluster is created, on a volume in use
too; on a server of yours, create it first. The migration brings it to its schema before the server starts.

- The administrator `adminUser` has the password of the Secret `existingSecret`, key `admin-password`: at least 12 characters
  of printable ASCII, because MLflow refuses others where artifacts are uploaded. It is set at every start of a pod, so a
  password is changed, or a lost one replaced, by changing the Secret and `kubectl rollout restart deployment/mlflow`.
- The key `session-key` of the same Secret signs the server's own pages. It is the same for every pod.
- Clients set `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`. The administrator creates other users, in the UI or
  with `mlflow.server.get_app_client("basic-auth", ...)`; a user may do what `defaultPermission` says until told otherwise.
- Probes need no login: MLflow answers `/health` to anybody.
- The server of artifacts of `mlflow.mode: split` asks for the same login, with MLflow 3.17 or later.

The password goes along with every request, so serve a public host with TLS. MLflow calls its login experimental.

`auth: {mode: oidc}` asks a provider of OpenID Connect who somebody is: Keycloak, Entra ID, Google, Okta, Dex. oauth2-proxy stands
in the server's own pod, and MLflow listens on the loopback address alone, so that nothing else in the cluster reaches it: only
who may `exec` into the pod or forward its ports gets past. Whoever is let in may do everything.

- `emailDomains` says who is let in, and `allowedGroups` narrows it. With a provider that knows the whole world, `["*"]` is the
  whole world.
- Register the client with the address `https://<host><staticPrefix>/oauth2/callback`. The Secret `existingSecret`
  (`mlflow-oidc` by default) has its `client-secret`, and a `cookie-secret` of 32 letters and digits. A new `cookie-secret` and
  `kubectl rollout restart deployment/mlflow` log everybody out.
- Browsers are led to the login; programs get 401, which MLflow's client calls `INTERNAL_ERROR: Response: {}`, and bring a
  token instead: `MLFLOW_TRACKING_TOKEN`, an ID token whose audience is `clientId`. `tokens` adds other issuers: with that of the
  cluster, pods bring the token of their service account, projected for that audience. Such a token has no address, which only
  `emailDomains: ["*"]` lets through, and no groups.
- Everybody gets an answer at `/health`, load balancers too, and at the proxy's own `/ping` and `/ready`.
- `metrics` stay as they are: they have a port of their own.

There is no LDAP: MLflow has none of its own, and this project runs no image of somebody else's server in its place. A provider
in front of the directory, like Dex or Keycloak, turns it into OpenID Connect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler import database, oidc
from compiler.database import NAME, NAME_WORDS
from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.oidc import Oidc
from compiler.overlay import ARTIFACT_SERVER, POD, SERVER, Change, Overlay, Ref, Secret, SecretKey, setting
from compiler.part import Schema, choice, object_of, secret_name, text
from compiler.route import Named, Route

if TYPE_CHECKING:
    from compiler.environment import Environment

_SECRET = "mlflow-auth"  # noqa: S105 - a name

KEYS: dict[str, Schema] = {
    "auth": object_of(
        "Asks for a login. Everybody who reaches the server may do everything without it.",
        {
            "mode": choice(
                "Who keeps the users.",
                {"basic": "MLflow itself, with passwords.", "oidc": "A provider of OpenID Connect."},
                default="basic",
            ),
            "adminUser": text(
                "The administrator.",
                r"[A-Za-z0-9_.@-]{1,64}",
                "letters, digits and '_.@-', at most 64",
                default="admin",
            ),
            "existingSecret": secret_name(
                "The Secret of the login: the administrator's password and the key that signs sessions, or those of mode oidc.",
                default=_SECRET,
            ),
            "defaultPermission": choice(
                "What a user may do with what belongs to others, until told otherwise.",
                {
                    "NO_PERMISSIONS": "Nothing.",
                    "READ": "See it.",
                    "EDIT": "See and change it.",
                    "MANAGE": "See, change and delete it, and say who may.",
                },
                default="READ",
            ),
            "database": text(
                "The database of users, on the server of the runs' database.",
                NAME,
                NAME_WORDS,
                default="mlflow_auth",
            ),
            **oidc.KEYS,
        },
    )
}

_BASIC = {"adminUser", "defaultPermission", "database"}
"""The keys that only MLflow's own login has."""
_VARIABLES = {
    "MLFLOW_AUTH_CONFIG_PATH": "it leads to the configuration that auth writes",
    "MLFLOW_AUTH_DATABASE_URI": "set auth.database",
    "MLFLOW_AUTH_ADMIN_USERNAME": "set auth.adminUser",
    "LOGIN_ADMIN_USER": "set auth.adminUser",
    "LOGIN_DEFAULT_PERMISSION": "set auth.defaultPermission",
}


@dataclass(frozen=True)
class Auth:
    """MLflow's own login."""

    admin_user: str
    existing_secret: str
    existing_secret_given: bool
    default_permission: str
    database: str
    given: frozenset[str]


def read(values: Mapping[str, Any], kind: Kind) -> Auth | Oidc | None:
    """The login, if there is one; an empty mapping asks for one with all defaults."""
    if "auth" not in values:
        return None
    given = values["auth"]
    if given.get("mode") == "oidc":
        return oidc.read(given)
    return Auth(
        admin_user=given.get("adminUser", "admin"),
        existing_secret=given.get("existingSecret", _SECRET),
        existing_secret_given="existingSecret" in given,
        default_permission=given.get("defaultPermission", "READ"),
        database=given.get("database", "mlflow_auth"),
        given=frozenset(given),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """One database for two, a Secret of two makers, and settings that are worked out."""
    auth = environment.auth
    if auth is None:
        return
    yield from _foreign(auth)
    if isinstance(auth, Oidc):
        yield from oidc.check(environment, auth)
        return
    if auth.database == environment.database.name:
        yield Finding(
            ("auth", "database"),
            "conflicting-keys",
            f"runs and users would share the database {auth.database}, which leaves nobody free to restore one of them",
            "name another, or leave auth.database out",
        )
    if environment.secrets.source == "generated" and auth.existing_secret_given:
        yield Finding(
            ("auth", "existingSecret"),
            "conflicting-keys",
            "auth.existingSecret names a Secret of yours, but secrets: generated creates it",
            "set secrets: existing, or remove existingSecret",
            at_key=True,
        )
    yield from _reserved(environment)


def _foreign(auth: Auth | Oidc) -> Iterator[Finding]:
    """Keys of the other mode."""
    mode, others = ("oidc", _BASIC) if isinstance(auth, Oidc) else ("basic", oidc.KEYS.keys())
    for key in sorted(auth.given & others):
        message = f"auth.{key} means nothing to mode {mode}"
        hint = f"set mode: {'basic' if mode == 'oidc' else 'oidc'}, or remove {key}"
        yield Finding(("auth", key), "conflicting-keys", message, hint, at_key=True)


def _reserved(environment: Environment) -> Iterator[Finding]:
    for name in environment.mlflow.env.keys() & _VARIABLES.keys():
        message = f"the variable {name} is not yours to set"
        yield Finding(("mlflow", "env", name), "reserved-setting", message, _VARIABLES[name], at_key=True)
    for index, argument in enumerate(environment.mlflow.args):
        if argument.split("=", 1)[0] == "--app-name":
            message = "the argument --app-name is not yours to set beside the key auth"
            yield Finding(("mlflow", "args", index), "reserved-setting", message, "remove one of the two")


def plan(environment: Environment) -> Overlay:
    """The login's components, its settings and its Secret."""
    auth = environment.auth
    if auth is None:
        return Overlay()
    if isinstance(auth, Oidc):
        return oidc.plan(environment, auth)
    overlay = Overlay(
        components=("auth-basic",),
        changes=(*_settings(environment, auth), *_references(auth, SERVER), *_stores(environment, auth)),
        secrets=(_secret(auth),),
    )
    return overlay + _beside(environment, auth) if environment.mlflow.mode == "split" else overlay


def _beside(environment: Environment, auth: Auth) -> Overlay:
    """The same login for the server of artifacts, which looks users up in the same database."""
    known, pulled = environment.database, environment.mlflow.pull_policy
    mysql = known.engine == "mysql"
    components = ["mode-split-login", f"mode-split-login-{known.engine}"]
    components += ["mode-split-login-ca"] if known.ca_secret else []
    components += ["mode-split-login-policies"] if environment.network_policy.enabled else []
    inits = (*POD, "initContainers")
    because: Route = ("mlflow", "image", "pullPolicy")
    # The one that writes the password's file is named first, so that a patch leaves it first.
    steps = ("option-file", "wait-for-schema") if mysql else ("wait-for-schema",)
    changes = [
        Change(ARTIFACT_SERVER, (*inits, Named(step), "imagePullPolicy"), pulled, because, "when the image is pulled")
        for step in steps
    ]
    readers = (
        [(*inits, Named("option-file"))]
        if mysql
        else [(*inits, Named(steps[0])), (*POD, "containers", Named("mlflow"))]
    )
    variable = "MYSQL_PWD" if mysql else "PGPASSWORD"
    for reader in readers:
        changes += database.password(known, ARTIFACT_SERVER, (*reader, "env", Named(variable)))
    changes += [*_references(auth, ARTIFACT_SERVER), *database.authority(known, ARTIFACT_SERVER, POD)]
    return Overlay(components=tuple(components), changes=tuple(changes))


def _secret(auth: Auth) -> Secret:
    keys = (
        SecretKey("admin-password", f"the password of the user {auth.admin_user}: 12 characters or more, ASCII", "..."),
        SecretKey("session-key", "what sessions are signed with: 32 random characters", "..."),
    )
    return Secret(auth.existing_secret, keys, ("auth", "existingSecret"), in_cluster=True)


def _settings(environment: Environment, auth: Auth) -> Iterator[Change]:
    uri = environment.database.uri_of(auth.database)
    yield setting("MLFLOW_AUTH_DATABASE_URI", uri, ("auth", "database"), "the database of users, without its password")
    yield setting("LOGIN_ADMIN_USER", auth.admin_user, ("auth", "adminUser"), "the administrator")
    permission: Route = ("auth", "defaultPermission")
    yield setting(
        "LOGIN_DEFAULT_PERMISSION", auth.default_permission, permission, "what users may do with others' work"
    )


def _references(auth: Auth, server: Ref) -> Iterator[Change]:
    """The name of the Secret, where it is not the default."""
    if auth.existing_secret != _SECRET:
        because: Route = ("auth", "existingSecret")
        for group, container, variable in (
            ("initContainers", "wait-for-schema", "LOGIN_ADMIN_PASSWORD"),
            ("containers", "mlflow", "MLFLOW_FLASK_SERVER_SECRET_KEY"),
        ):
            reference = (*POD, group, Named(container), "env", Named(variable), "valueFrom", "secretKeyRef", "name")
            yield Change(server, reference, auth.existing_secret, because, "the Secret of the login")


def _stores(environment: Environment, auth: Auth) -> Iterator[Change]:
    """A database in the cluster creates that of users."""
    if environment.database.in_cluster:
        store = Ref("apps/v1", "StatefulSet", environment.database.engine)
        route = (*POD, "initContainers", Named("create"), "env", Named("MLFLOW_AUTH_DATABASE"), "value")
        yield Change(store, route, auth.database, ("auth", "database"), "the database of users that is created")
