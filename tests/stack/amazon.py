# mypy: disable-error-code="import-not-found,import-untyped,misc,no-any-unimported"
"""Amazon's S3, IAM and STS as moto imitates them, with signatures and policies checked. Run in a pod, not imported.

Beyond moto, a role is only given to a web identity token that the role trusts. Reads what to create from SETUP, as JSON:
region, buckets, policy, and one of: keys (id and secret), role and token, or session (id, secret and token of a role that
somebody has assumed already). ADMIN_ID and ADMIN_SECRET may do everything.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from moto import settings
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import ServiceException
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sts.models import sts_backends
from moto.sts.responses import TokenResponse
from werkzeug.serving import run_simple

PARTITION = "aws"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Untrusted(ServiceException):
    """A role that does not trust a token."""

    code = "AccessDenied"

    def __init__(self) -> None:
        super().__init__("Not authorized to perform sts:AssumeRoleWithWebIdentity")


def user(name: str, key: str, secret: str, policy: dict[str, Any]) -> None:
    """Creates a user with given access keys."""
    iam = iam_backends[DEFAULT_ACCOUNT_ID][PARTITION]
    iam.create_user(region_name="us-east-1", user_name=name)
    iam.put_user_policy(name, "policy", json.dumps(policy))
    made = iam.create_access_key(name)
    iam.access_keys[key] = iam.access_keys.pop(made.physical_resource_id)
    made.access_key_id, made.secret_access_key = key, secret


def role(arn: str, token: str, policy: dict[str, Any]) -> None:
    """Creates a role, and lets this token alone have it."""
    iam = iam_backends[DEFAULT_ACCOUNT_ID][PARTITION]
    name = arn.rpartition("/")[2]
    iam.create_role(name, json.dumps(EVERYTHING), "/", None, "", [], None)
    iam.put_role_policy(name, "policy", json.dumps(policy))
    give = TokenResponse.assume_role_with_web_identity

    def checked(self: TokenResponse) -> Any:
        if (self._get_param("RoleArn"), self._get_param("WebIdentityToken")) != (arn, token):
            raise Untrusted
        return give(self)

    TokenResponse.assume_role_with_web_identity = checked


def session(key: str, secret: str, token: str, policy: dict[str, Any]) -> None:
    """Creates a role that has been assumed, with given keys."""
    iam = iam_backends[DEFAULT_ACCOUNT_ID][PARTITION]
    made = iam.create_role("pod", json.dumps(EVERYTHING), "/", None, "", [], None)
    iam.put_role_policy("pod", "policy", json.dumps(policy))
    assumed = sts_backends[DEFAULT_ACCOUNT_ID][PARTITION].assume_role("us-east-1", "pod", made.arn, None, 3600, "")
    assumed.access_key_id, assumed.secret_access_key, assumed.session_token = key, secret, token


def check_requests() -> None:
    """Switches moto's checks on, except for the one request that nobody signs."""
    check = ActionAuthenticatorMixin._authenticate_and_authorize_action

    def checked(self: Any, *arguments: Any, **named: Any) -> None:
        if "Authorization" in self.headers or self._get_action() != "AssumeRoleWithWebIdentity":
            check(self, *arguments, **named)

    ActionAuthenticatorMixin._authenticate_and_authorize_action = checked
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0


def main() -> None:
    """Creates what was asked for, and serves it over TLS."""
    certificate, key = sys.argv[1:]
    setup = json.loads(os.environ["SETUP"])
    store = s3_backends[DEFAULT_ACCOUNT_ID][PARTITION]
    for bucket in setup["buckets"]:
        store.create_bucket(bucket, setup["region"])
    user("admin", os.environ["ADMIN_ID"], os.environ["ADMIN_SECRET"], EVERYTHING)
    if "role" in setup:
        role(setup["role"], setup["token"], setup["policy"])
    elif "session" in setup:
        key_id, secret, token = setup["session"]
        session(key_id, secret, token, setup["policy"])
    else:
        key_id, secret = setup["keys"]
        user("mlflow", key_id, secret, setup["policy"])
    check_requests()
    application = DomainDispatcherApplication(create_backend_app)
    run_simple(
        "0.0.0.0",
        443,
        application,
        threaded=True,
        ssl_context=(certificate, key),
        request_handler=MotoRequestHandler,
    )


if __name__ == "__main__":
    main()
