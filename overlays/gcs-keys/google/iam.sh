#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=gcs-keys`.
#
# Lets the server use the bucket, and nothing else. Run again, it changes nothing. It needs the gcloud CLI, logged in as
# somebody who may do that.
set -eu
cd "$(dirname "$0")"

project=${PROJECT:?set it to the id of the project of the bucket and of the cluster}

account="mlflow-gcs-keys@$project.iam.gserviceaccount.com"
if ! gcloud iam service-accounts describe "$account" --project="$project" > /dev/null 2>&1; then
  gcloud iam service-accounts create mlflow-gcs-keys --project="$project" --display-name=MLflow
fi
member="serviceAccount:$account"

gcloud storage buckets add-iam-policy-binding gs://acme-mlflow --role=roles/storage.objectUser \
  --member="$member" --condition=None > /dev/null
echo "$member may use acme-mlflow"
