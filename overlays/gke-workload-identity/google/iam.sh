#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=gke-workload-identity`.
#
# Lets the server use the bucket, and nothing else. Run again, it changes nothing. It needs the gcloud CLI, logged in as
# somebody who may do that.
set -eu
cd "$(dirname "$0")"

project=${PROJECT:?set it to the id of the project of the bucket and of the cluster}

number=$(gcloud projects describe "$project" --format='value(projectNumber)')
member="principal://iam.googleapis.com/projects/$number/locations/global/workloadIdentityPools/$project.svc.id.goog/subject/ns/mlflow/sa/mlflow"

gcloud storage buckets add-iam-policy-binding gs://acme-mlflow --role=roles/storage.objectUser \
  --member="$member" --condition=None > /dev/null
echo "$member may use acme-mlflow"
