#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=gke-workload-identity`.
#
# Creates the bucket acme-mlflow, or sets it up where it is there. Rules of lifecycle that it has are replaced. Run
# again, it changes nothing. It needs the gcloud CLI, logged in as somebody who may do that.
set -eu
cd "$(dirname "$0")"

project=${PROJECT:?set it to the id of the project of the bucket and of the cluster}
location=${LOCATION:?set it to where the bucket is, as europe-west3}

bucket=acme-mlflow
if ! gcloud storage buckets describe "gs://$bucket" > /dev/null 2>&1; then
  gcloud storage buckets create "gs://$bucket" --project="$project" --location="$location" \
    --uniform-bucket-level-access --public-access-prevention
fi
gcloud storage buckets update "gs://$bucket" --uniform-bucket-level-access --public-access-prevention \
  --versioning --lifecycle-file=lifecycle.json
echo "the bucket $bucket is ready"
