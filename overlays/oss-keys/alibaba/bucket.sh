#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=oss-keys`.
#
# Creates the bucket acme-mlflow, or sets it up where it is there; other rules of its lifecycle are replaced. It needs
# the Alibaba Cloud CLI, logged in as somebody who may do that.
set -eu
cd "$(dirname "$0")"

region=cn-hangzhou

bucket=acme-mlflow
if ! aliyun oss stat "oss://$bucket" --region "$region" > /dev/null 2>&1; then
  aliyun oss mb "oss://$bucket" --region "$region" --acl private
fi
aliyun oss bucket-versioning --method put "oss://$bucket" enabled --region "$region"
aliyun oss bucket-encryption --method put "oss://$bucket" --sse-algorithm AES256 --region "$region"
aliyun oss lifecycle --method put "oss://$bucket" lifecycle.xml --region "$region"
echo "the bucket $bucket is ready"
