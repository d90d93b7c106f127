#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=kfp-irsa`.
#
# Creates the bucket kubeflow-pipelines, or sets it up where it is there. Run again, it changes nothing. It needs the
# AWS CLI, logged in as somebody who may do that.
set -eu
cd "$(dirname "$0")"

export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1
account=$(aws sts get-caller-identity --query Account --output text)
if [ "$account" != 123456789012 ]; then
  echo "you are logged in to the account $account, and the environment is in 123456789012" >&2
  exit 1
fi

bucket=kubeflow-pipelines
if ! aws s3api head-bucket --bucket "$bucket" --expected-bucket-owner "$account" > /dev/null 2>&1; then
  aws s3api create-bucket --bucket "$bucket" \
    --create-bucket-configuration "LocationConstraint=$AWS_REGION" > /dev/null
fi
others=$(aws s3api get-bucket-lifecycle-configuration --bucket "$bucket" \
  --query 'Rules[].[ID]' --output text 2> /dev/null | grep -v -x -F -e kfp-artifacts:artifacts -e kfp-pipelines:pipelines -e kfp-v2:v2/artifacts || true)
if [ -n "$others" ]; then
  echo "$bucket has rules that lifecycle.json would replace: $others; add the rules of lifecycle.json to them by hand" >&2
  exit 1
fi
aws s3api put-public-access-block --bucket "$bucket" \
  --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
aws s3api put-bucket-versioning --bucket "$bucket" --versioning-configuration Status=Enabled
aws s3api put-bucket-encryption --bucket "$bucket" \
  --server-side-encryption-configuration '{"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}'
aws s3api put-bucket-lifecycle-configuration --bucket "$bucket" \
  --lifecycle-configuration file://lifecycle.json > /dev/null
echo "the bucket $bucket is ready"
