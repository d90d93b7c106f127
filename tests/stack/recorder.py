"""Records a run as Kubeflow Pipelines does, request by request: run in a pod, not imported.

recorder.py start EXPERIMENT RUN           the API server, when a run is made: prints the ids of both
recorder.py step EXPERIMENT_ID RUN_ID NAME a step: prints the id of the run below, which it leaves open or ends
recorder.py end EXPERIMENT_ID RUN_ID       the API server, when a run is over: prints the ids of the runs that it closes

Source of the requests: backend/src/common/plugins/mlflow/client.go and run_start.go of Kubeflow Pipelines 2.17.0.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

PARENT = "mlflow.parentRunId"
NOT_FOUND = 404


def ask(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """An answer of the API. Raises urllib.error.HTTPError for any other than 2xx."""
    endpoint = os.environ["RECORDER_ENDPOINT"].rstrip("/")
    headers = {"Content-Type": "application/json"}
    if login := os.environ.get("RECORDER_LOGIN"):
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{endpoint}/api/2.0/mlflow/{path}", data, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return dict(json.loads(answer.read() or b"{}"))


def experiment(name: str) -> str:
    """The id of an experiment, which is made where it is not there."""
    try:
        found = ask(f"experiments/get-by-name?{urlencode({'experiment_name': name})}")
    except urllib.error.HTTPError as error:
        if error.code != NOT_FOUND:
            raise
        body = {"name": name, "description": "Created by Kubeflow Pipelines"}
        return str(ask("experiments/create", body)["experiment_id"])
    return str(found["experiment"]["experiment_id"])


def run(experiment_id: str, name: str, tags: dict[str, str]) -> str:
    """The id of a new run."""
    body = {
        "experiment_id": experiment_id,
        "run_name": name,
        "start_time": 1_700_000_000_000,
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    return str(ask("runs/create", body)["run"]["info"]["run_id"])


def ended(run_id: str) -> None:
    """Ends a run."""
    ask("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 1_700_000_060_000})


def start(name: str, title: str) -> dict[str, str]:
    """What the API server does when a run is made."""
    experiment_id = experiment(name)
    tags = {"kfp.pipeline_run_id": "0d5e", "kfp.pipeline_run_url": "", "kfp.pipeline_id": "7a"}
    return {"experiment": experiment_id, "run": run(experiment_id, title, tags)}


def step(experiment_id: str, parent: str, name: str) -> dict[str, str]:
    """What a step does; one that is called `lost` never comes to its end."""
    run_id = run(experiment_id, name, {PARENT: parent})
    if name != "lost":
        metric = {"key": "loss", "value": 0.25, "timestamp": 1_700_000_030_000, "step": 0}
        body = {"run_id": run_id, "params": [{"key": "alpha", "value": "0.5"}], "metrics": [metric], "tags": []}
        ask("runs/log-batch", body)
        ended(run_id)
    return {"run": run_id}


def end(experiment_id: str, parent: str) -> dict[str, list[str]]:
    """What the API server does when a run is over: it ends that run, and those below that are open."""
    ended(parent)
    body = {"experiment_ids": [experiment_id], "filter": f"tags.\"{PARENT}\" = '{parent}'", "max_results": 1000}
    found = [each["info"] for each in ask("runs/search", body).get("runs", [])]
    left = [each["run_id"] for each in found if each["status"] not in {"FINISHED", "FAILED", "KILLED"}]
    for run_id in left:
        ended(run_id)
    return {"closed": left}


def main() -> None:
    """Prints one line of JSON; where MLflow refuses, its status."""
    actions: dict[str, Callable[..., object]] = {"start": start, "step": step, "end": end}
    try:
        answer = actions[sys.argv[1]](*sys.argv[2:])
    except urllib.error.HTTPError as error:
        answer = {"status": error.code}
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


if __name__ == "__main__":
    main()
