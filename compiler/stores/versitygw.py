"""A VersityGW that the overlay runs, which keeps objects as files on its volume, and a bucket that its set-up Job creates.

The bucket is that of a user who reaches no other. The server never sees the root user's keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from compiler import bucket
from compiler.diagnostic import Finding
from compiler.image import image_of
from compiler.kind import Kind
from compiler.overlay import POD, Change, Overlay, Ref, Secret, SecretKey
from compiler.route import Named, Route
from compiler.store import variables
from compiler.volume import volume

if TYPE_CHECKING:
    from compiler.environment import Environment

VERSITYGW = Ref("apps/v1", "StatefulSet", "versitygw")
SETUP = Ref("batch/v1", "Job", "versitygw-setup")
_IMAGE = "ghcr.io/versity/versitygw"
_ENDPOINT = "http://versitygw:7070"
_SETUP_ENV: Route = (*POD, "containers", Named("setup"), "env")

NAME = "a VersityGW in the cluster"
CLOSED = bucket.IN_CLUSTER_CLOSED
SIGNS = True
KEYS = bucket.IN_CLUSTER_KEYS


def read(given: Mapping[str, Any], kind: Kind) -> bucket.InCluster:
    """Return the bucket of an environment, and what runs it."""
    return bucket.in_cluster(given)


def check(environment: Environment) -> Iterable[Finding]:
    """Find what is unfit of any store in the cluster."""
    yield from bucket.unfit(environment.artifacts.settings, "VersityGW")


def plan(environment: Environment) -> Overlay:
    """Return VersityGW, its bucket, its root user, and the server's access keys.

    VersityGW refuses requests that are signed for another region than its own, administrators' too.
    """
    settings: bucket.InCluster = environment.artifacts.settings
    root = Secret(
        "versitygw-root",
        (
            SecretKey("ROOT_ACCESS_KEY_ID", "the access key id of VersityGW's root user", "..."),
            SecretKey("ROOT_SECRET_ACCESS_KEY", "the secret access key of VersityGW's root user", "..."),
        ),
        ("artifacts",),
        in_cluster=True,
    )
    server_env: Route = (*POD, "containers", Named("versitygw"), "env")
    region: Route = ("artifacts", "region")
    created = Change(
        SETUP,
        (*_SETUP_ENV, Named("BUCKET"), "value"),
        settings.bucket,
        ("artifacts", "bucket"),
        "the bucket that is created",
    )
    regions = (
        Change(target, (*env, Named(name), "value"), settings.region, region, "requests are signed for it")
        for target, env, name in ((VERSITYGW, server_env, "VGW_REGION"), (SETUP, _SETUP_ENV, "ADMIN_REGION"))
    )
    overlay = Overlay(
        components=("artifacts-versitygw",),
        changes=(*bucket.client(settings.region, _ENDPOINT), created, *regions),
        secrets=(root,),
    )
    overlay += bucket.keys(settings.existing_secret, in_cluster=True)
    overlay += variables(settings.existing_secret, bucket.VARIABLES, VERSITYGW, "users", "initContainers")
    overlay += variables(settings.existing_secret, bucket.VARIABLES[:1], SETUP, "setup")
    overlay += volume(
        VERSITYGW, settings.storage.get("size"), settings.storage.get("className"), ("artifacts", "storage")
    )
    if settings.image:
        overlay += Overlay(images=(image_of(_IMAGE, settings.image, ("artifacts", "image")),))
    return overlay
