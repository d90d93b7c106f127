"""Artifacts that stay where they are while MLflow looks elsewhere.

An experiment keeps the `artifact_location` that it was created with. Through the server that is `mlflow-artifacts:/`, a path
below whatever the server keeps artifacts in today; with `mlflow.mode: direct` it is the store's own URI.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.change.consequence import Consequence, Outcome
from compiler.change.pair import Pair
from compiler.change.settings import Side, causes
from compiler.overlay import SETTINGS

_DESTINATION = "MLFLOW_ARTIFACTS_DESTINATION"
_ROOT = "MLFLOW_DEFAULT_ARTIFACT_ROOT"
_ENDPOINT = "MLFLOW_S3_ENDPOINT_URL"
_COPY = {
    "s3": "aws s3 sync{at} {old} {new}",
    "gs": "gcloud storage rsync --recursive {old} {new}",
    "wasbs": "azcopy sync, from {old} to {new}",
    "abfss": "azcopy sync, from {old} to {new}",
    "": "kubectl exec deployment/mlflow -- cp -a {old} {new}, while both are mounted",
}


def stranded(pairs: Sequence[Pair], before: Side, after: Side) -> Iterator[Consequence]:
    """What no longer is where MLflow looks for it."""
    old, new = before.settings, after.settings
    if not old or not new:
        return
    found = causes(pairs, _DESTINATION, _ROOT, _ENDPOINT)
    if _DESTINATION in old and _DESTINATION in new:
        if (old[_DESTINATION], old.get(_ENDPOINT)) != (new[_DESTINATION], new.get(_ENDPOINT)):
            was, is_ = _place(old), _place(new)
            message = f"what is in {was} stays there, and the server looks for the artifacts of every run in {is_}"
            yield Consequence(Outcome.STRANDED, SETTINGS, message, _copied(old, new), found)
        yield from _proxied(pairs, before, after)
    elif _DESTINATION in old:
        message = (
            "experiments that are there keep their location mlflow-artifacts:/, which this server no longer serves: "
            "their artifacts can be neither read nor written"
        )
        hint = "keep mlflow.mode as it is while they are in use, or give new work new experiments"
        yield Consequence(Outcome.STRANDED, SETTINGS, message, hint, found)
    elif _DESTINATION in new:
        message = (
            f"experiments that are there keep their location below {old.get(_ROOT, '')}: "
            "their artifacts go on bypassing the server, and clients still need credentials for them"
        )
        hint = "leave clients their credentials, or give new work new experiments"
        yield Consequence(Outcome.STRANDED, SETTINGS, message, hint, found)
    elif (old.get(_ROOT), old.get(_ENDPOINT)) != (new.get(_ROOT), new.get(_ENDPOINT)):
        message = f"experiments that are there keep their location below {old.get(_ROOT)}; only new ones go to {new.get(_ROOT)}"
        hint = "keep the old place, and the credentials of clients for it"
        yield Consequence(Outcome.STRANDED, SETTINGS, message, hint, found)


def _proxied(pairs: Sequence[Pair], before: Side, after: Side) -> Iterator[Consequence]:
    """Locations that name the server of artifacts itself, which goes."""
    root = before.settings.get(_ROOT, "")
    host = root.removeprefix("mlflow-artifacts://").partition(".")[0]
    if root.startswith("mlflow-artifacts://") and before.has("Service", host) and not after.has("Service", host):
        message = f"experiments that are there keep their location {root}, and nothing answers there any more"
        hint = "keep mlflow.mode: split while they are in use"
        yield Consequence(Outcome.STRANDED, SETTINGS, message, hint, causes(pairs, _ROOT))


def _place(settings: dict[str, str]) -> str:
    endpoint = settings.get(_ENDPOINT)
    return settings[_DESTINATION] + (f" at {endpoint}" if endpoint else "")


def _copied(old: dict[str, str], new: dict[str, str]) -> str:
    was, is_ = old[_DESTINATION], new[_DESTINATION]
    scheme = was.partition("://")[0] if "://" in was else ""
    if old.get(_ENDPOINT) != new.get(_ENDPOINT) or scheme != (is_.partition("://")[0] if "://" in is_ else ""):
        return (
            f"copy everything from {was} to {is_} first, as with rclone sync, and once more when the server has stopped"
        )
    at = f" --endpoint-url {old[_ENDPOINT]}" if _ENDPOINT in old else ""
    line = _COPY.get(scheme, "rclone sync {old} {new}").format(old=was, new=is_, at=at)
    return f"copy everything first, and once more when the server has stopped: {line}"
