#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=aws-keys`.
#
# Creates the user mlflow-aws-keys, with permissions.json. Run again, it changes nothing. It needs the AWS CLI, logged
# in as somebody who may do that.
set -eu
cd "$(dirname "$0")"

export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1

if aws iam get-user --user-name mlflow-aws-keys > /dev/null 2>&1; then
  by=$(aws iam list-user-tags --user-name mlflow-aws-keys --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != aws-keys ]; then
    echo "there is the user mlflow-aws-keys already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays=aws-keys" >&2
    exit 1
  fi
else
  aws iam create-user --user-name mlflow-aws-keys \
    --tags Key=mlflow-overlays,Value=aws-keys > /dev/null
fi
aws iam put-user-policy --user-name mlflow-aws-keys --policy-name mlflow-artifacts --policy-document file://permissions.json
echo "the user mlflow-aws-keys is ready"
