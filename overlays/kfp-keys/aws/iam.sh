#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=kfp-keys`.
#
# Creates the users, with the permissions of each. Run again, it changes nothing. It needs the AWS CLI, logged in as
# somebody who may do that.
set -eu
cd "$(dirname "$0")"

export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1

if aws iam get-user --user-name kfp-kfp-keys-backend > /dev/null 2>&1; then
  by=$(aws iam list-user-tags --user-name kfp-kfp-keys-backend --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != kfp-keys ]; then
    echo "there is the user kfp-kfp-keys-backend already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays=kfp-keys" >&2
    exit 1
  fi
else
  aws iam create-user --user-name kfp-kfp-keys-backend \
    --tags Key=mlflow-overlays,Value=kfp-keys > /dev/null
fi
aws iam put-user-policy --user-name kfp-kfp-keys-backend --policy-name kfp-artifacts --policy-document file://backend-permissions.json
echo "the user kfp-kfp-keys-backend is ready"

if aws iam get-user --user-name kfp-kfp-keys-profile-team-1 > /dev/null 2>&1; then
  by=$(aws iam list-user-tags --user-name kfp-kfp-keys-profile-team-1 --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != kfp-keys ]; then
    echo "there is the user kfp-kfp-keys-profile-team-1 already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays=kfp-keys" >&2
    exit 1
  fi
else
  aws iam create-user --user-name kfp-kfp-keys-profile-team-1 \
    --tags Key=mlflow-overlays,Value=kfp-keys > /dev/null
fi
aws iam put-user-policy --user-name kfp-kfp-keys-profile-team-1 --policy-name kfp-artifacts --policy-document file://profile-team-1-permissions.json
echo "the user kfp-kfp-keys-profile-team-1 is ready"

if aws iam get-user --user-name kfp-kfp-keys-profile-team-2 > /dev/null 2>&1; then
  by=$(aws iam list-user-tags --user-name kfp-kfp-keys-profile-team-2 --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != kfp-keys ]; then
    echo "there is the user kfp-kfp-keys-profile-team-2 already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays=kfp-keys" >&2
    exit 1
  fi
else
  aws iam create-user --user-name kfp-kfp-keys-profile-team-2 \
    --tags Key=mlflow-overlays,Value=kfp-keys > /dev/null
fi
aws iam put-user-policy --user-name kfp-kfp-keys-profile-team-2 --policy-name kfp-artifacts --policy-document file://profile-team-2-permissions.json
echo "the user kfp-kfp-keys-profile-team-2 is ready"
