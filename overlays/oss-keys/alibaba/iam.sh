#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=oss-keys`.
#
# Creates the user mlflow-oss-keys, with permissions.json. Run again, it changes nothing. It needs the Alibaba Cloud
# CLI, logged in as somebody who may do that.
set -eu
cd "$(dirname "$0")"

name=mlflow-oss-keys
if ! aliyun ram GetUser --UserName "$name" > /dev/null 2>&1; then
  aliyun ram CreateUser --UserName "$name" > /dev/null
fi
if ! aliyun ram GetPolicy --PolicyName "$name" --PolicyType Custom > /dev/null 2>&1; then
  aliyun ram CreatePolicy --PolicyName "$name" --PolicyDocument "$(cat permissions.json)" > /dev/null
  aliyun ram AttachPolicyToUser --PolicyName "$name" --PolicyType Custom --UserName "$name" > /dev/null
else
  aliyun ram CreatePolicyVersion --PolicyName "$name" --PolicyDocument "$(cat permissions.json)" --SetAsDefault true \
    --RotateStrategy DeleteOldestNonDefaultVersionWhenLimitExceeded > /dev/null
fi
echo "the user $name is ready"
