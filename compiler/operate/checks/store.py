"""The object store, as the server's pod finds it: reached, logged in to, in the right region, and written to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from compiler.environment import Environment
from compiler.operate.patient import Patient
from compiler.operate.verdict import Result, failed, passed, skipped

_RESTART = "then restart the server's pods, which keep the values that they were started with"
_KEY = (
    r"KMS|kms:",
    "the key of the bucket's encryption may not be used",
    "let the role use the key: kms:GenerateDataKey and kms:Decrypt, in its policy and in the key's",
)
"""What is said of a key is an AccessDenied too."""
SYMPTOMS = (
    (
        r"InvalidAccessKeyId|InvalidAccessKey$",
        "the store does not know the access key",
        f"compare AWS_ACCESS_KEY_ID in the Secret with the users of the store: it may belong to another store; {_RESTART}",
    ),
    (
        r"SignatureDoesNotMatch|AuthenticationFailed|InvalidAuthenticationInfo",
        "the secret key does not belong to the access key",
        f"write it into the Secret anew, without a line break or quotes; {_RESTART}",
    ),
    (
        r"ExpiredToken|InvalidIdentityToken|InvalidClientTokenId|UnrecognizedClientException",
        "the token of the pod is not accepted",
        (
            "compare the provider of the cluster with the role's trust policy, and the account in its condition with"
            " system:serviceaccount:<namespace>:<account>"
        ),
    ),
    (
        r"NoCredentials|LookupError|CredentialRetrievalError|DefaultCredentialsError|CredentialUnavailable",
        "the client finds no credentials",
        "see the checks 'service account' and 'token': the role's annotation and the webhook's token have to be there",
    ),
    (
        r"PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraint|^301$|TemporaryRedirect",
        "the bucket is in another region",
        "set artifacts.region to the region of the bucket",
    ),
    (
        r"NoSuchBucket|ContainerNotFound|NotFound$|^404$",
        "there is no such bucket",
        "create it, or set artifacts.bucket; with an endpoint, see that it is the right store",
    ),
    (
        r"AccessDenied|Forbidden|AllAccessDisabled|^403$|AuthorizationPermissionMismatch|AuthorizationFailure",
        "the store does not allow it",
        (
            "compare the policies of the role or user, of the bucket and of a VPC endpoint with what MLflow needs:"
            " list, read, write and delete under the prefix"
        ),
    ),
    (
        r"RequestTimeTooSkewed",
        "the clock of the node is wrong",
        "set the node's clock: the store takes no request that is older than some minutes",
    ),
    (
        r"gaierror|NameResolution|Name or service not known",
        "the name of the store does not resolve",
        "look at artifacts.endpoint or the region, and at the cluster's DNS",
    ),
    (
        r"EndpointConnection|ConnectTimeout|ConnectionRefused|TimeoutError|timed out|Unreachable|ConnectionError|NewConnection",
        "the store is not reached",
        "look at artifacts.endpoint, at NetworkPolicies, and in private subnets at the VPC endpoint or NAT",
    ),
    (
        r"SSL|CERTIFICATE",
        "the certificate of the store is not trusted",
        "name the authority that signed it in artifacts.caSecret, and use a host that the certificate names",
    ),
)
"""What the store's client calls an error, what that means, and what to do. The first that fits counts."""
_WORDS = {"reach": "reached at", "identity": "logged in to with", "write": "written, read back and deleted under"}
_METHODS = {
    "env": "keys from variables",
    "assume-role-with-web-identity": "the role of the service account",
    "container-role": "the role of EKS Pod Identity",
    "iam-role": "the role of the node",
}


def meaning(called: str, error: str) -> tuple[str, str]:
    """What an error of the store means, and what to do. In: what the store calls it, and its words."""
    if re.search(_KEY[0], f"{called} {error}"):
        return _KEY[1], _KEY[2]
    for text in (called, error):
        for pattern, said, mend in SYMPTOMS:
            if re.search(pattern, text):
                return said, mend
    return "the store's client fails", "its words say why"


def judged(environment: Environment, steps: Sequence[dict[str, Any]]) -> Iterator[Result]:
    """What the steps of `programs/store.py` mean."""
    for step in steps:
        check = f"store: {step['step']}"
        if step["ok"]:
            yield _good(environment, check, step)
            continue
        said, mend = meaning(str(step["code"]), str(step["error"]))
        if there := str(step.get("region") or ""):
            said, mend = _elsewhere(environment, there) or (said, mend)
        yield failed(check, said, mend, [str(step["error"])])


def _elsewhere(environment: Environment, there: str) -> tuple[str, str] | None:
    """Where the store names the region of the bucket, and that is another."""
    region = getattr(environment.artifacts.settings, "region", None)
    if not region or there == region:
        return None
    return f"the bucket is in {there}, and the environment says {region}", f"set artifacts.region to {there}"


def _good(environment: Environment, check: str, step: dict[str, Any]) -> Result:
    said = str(step["said"])
    if step["step"] == "bucket":
        there, _, used = said.partition(" ")
        if found := _elsewhere(environment, there) if there else None:
            return failed(check, *found)
        return passed(check, f"is there, in {there or used}")
    if step["step"] == "identity":
        expects_role = environment.kind.identity in ("irsa", "pod-identity")
        if expects_role and said in ("env", "shared-credentials-file", "iam-role"):
            mend = "see the checks 'service account' and 'token'; no variable may hold keys"
            return failed(
                check, f"the client uses {_METHODS.get(said, said)}, not the role of the service account", mend
            )
        said = _METHODS.get(said, said)
    return passed(check, f"{_WORDS[step['step']]} {said}")


def store(patient: Patient) -> Iterator[Result]:
    """The store is reached, lets the server in, and keeps, gives and deletes what is under the prefix."""
    environment = patient.target.environment
    if environment.kind.store == "volume":
        yield skipped("store", "artifacts are on a volume of the server")
        return
    for result in judged(environment, patient.store):
        yield result._replace(words=tuple(patient.target.masked(result.words)))
