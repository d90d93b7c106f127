# mypy: disable-error-code="import-not-found,import-untyped"
"""A user of the server, without any credentials: run in a pod, not imported.

client.py write MEGABYTES   logs an experiment, a run, an artifact of that size and a model, and prints what it did
client.py read JSON         reads all of it back and compares; fails where something differs
client.py one URI           logs one small file to the experiment that is kept at that location
client.py delete NAME       logs two small files to a run, and deletes its artifacts
client.py discard NAME      logs two runs with a model each, and deletes one of each
client.py there JSON        tells which runs of `discard` are still known
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import mlflow
from mlflow.tracking import MlflowClient

PARAMS = {"alpha": "0.5", "name": "ü 'quoted' \"text\""}
METRICS = {"loss": 0.25, "accuracy": 0.75}
POINTS = [[0.0], [1.0], [2.0]]
MEGABYTE = 2**20


def credentials() -> list[str]:
    """Whatever in the environment could be a key of an object store."""
    return [name for name in os.environ if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "MLFLOW_S3", "MINIO"))]


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(megabytes: int) -> dict[str, Any]:
    """Does what a training script does."""
    from sklearn.linear_model import LinearRegression

    name = f"stack-{uuid.uuid4().hex[:8]}"
    experiment = mlflow.set_experiment(name)
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
        file = Path(folder) / "large ü.bin"
        file.write_bytes(random.Random(name).randbytes(megabytes * MEGABYTE))
        mlflow.log_params(PARAMS)
        mlflow.log_metrics(METRICS)
        mlflow.log_artifact(str(file), "data")
        model = LinearRegression().fit(POINTS, [1.0, 3.0, 5.0])
        mlflow.sklearn.log_model(
            model, name="model", registered_model_name=name, pip_requirements=["scikit-learn"], input_example=POINTS
        )
        return {
            "name": name,
            "experiment": experiment.experiment_id,
            "location": experiment.artifact_location,
            "run": run.info.run_id,
            "sha256": digest(file),
            "credentials": credentials(),
        }


def read(known: dict[str, Any]) -> dict[str, Any]:
    """Reads back what `write` did."""
    client = MlflowClient()
    run = client.get_run(known["run"])
    experiment = client.get_experiment_by_name(known["name"])
    with tempfile.TemporaryDirectory() as folder:
        path = client.download_artifacts(known["run"], "data/large ü.bin", folder)
        seen = {
            "location": experiment.artifact_location,
            "params": run.data.params == PARAMS,
            "metrics": run.data.metrics == METRICS,
            "sha256": digest(Path(path)),
        }
    model = mlflow.sklearn.load_model(f"models:/{known['name']}/1")
    seen["model"] = [round(float(value), 6) for value in model.predict(POINTS)]
    return seen


def one(location: str) -> dict[str, Any]:
    """An experiment that was created with a location of its own."""
    name = f"stack-{uuid.uuid4().hex[:8]}"
    experiment = mlflow.create_experiment(name, artifact_location=location or None)
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_text("text", "small.txt")
        return {"run": run.info.run_id, "location": mlflow.get_experiment(experiment).artifact_location}


def delete(name: str) -> dict[str, Any]:
    """What garbage collection does with the artifacts of a run."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    experiment = mlflow.create_experiment(f"{name}-{uuid.uuid4().hex[:8]}")
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_text("text", "folder/one.txt")
        mlflow.log_text("text", "folder/two.txt")
    store = get_artifact_repository(run.info.artifact_uri)
    before = [entry.path for entry in store.list_artifacts("folder")]
    store.delete_artifacts("folder")
    return {"before": before, "after": [entry.path for entry in store.list_artifacts("folder")]}


def discard(name: str) -> dict[str, Any]:
    """Leaves behind what a user deletes, beside what a user keeps."""
    from sklearn.linear_model import LinearRegression

    client = MlflowClient()
    experiment = client.create_experiment(f"{name}-{uuid.uuid4().hex[:8]}")
    known: dict[str, Any] = {}
    for fate in ("kept", "deleted"):
        with mlflow.start_run(experiment_id=experiment) as run:
            mlflow.log_text("text", "small.txt")
            fitted = LinearRegression().fit(POINTS, [1.0, 3.0, 5.0])
            model = mlflow.sklearn.log_model(fitted, name="model", pip_requirements=["scikit-learn"])
        known[fate] = [run.info.run_id, model.model_id]
    client.delete_run(known["deleted"][0])
    client.delete_logged_model(known["deleted"][1])
    return known


def there(known: dict[str, Any]) -> list[str]:
    """The runs that the server still knows, deleted ones included."""
    from mlflow.exceptions import MlflowException

    found = []
    for run in (known["kept"][0], known["deleted"][0]):
        try:
            found.append(MlflowClient().get_run(run).info.run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
    return found


def main() -> None:
    """Prints one line of JSON at the end; an exception is shown as a user sees it."""
    command, argument = sys.argv[1:3]
    if command == "write":
        answer = write(int(argument))
    elif command in {"read", "there"}:
        known = json.loads(argument)
        answer = read(known) if command == "read" else {"there": there(known)}
    else:
        answer = {"one": one, "delete": delete, "discard": discard}[command](argument)
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


if __name__ == "__main__":
    main()
