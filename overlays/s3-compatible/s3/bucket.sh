#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=s3-compatible`.
#
# Creates the bucket acme-mlflow, or sets it up where it is there. Run again, it changes nothing. It needs the AWS CLI,
# with keys of somebody who may do that.
set -eu
cd "$(dirname "$0")"

# The authority of the endpoint's certificate: the file that is the Secret's ca.crt.
: "${AWS_CA_BUNDLE:?set it to the file with the authority that signed the certificate of the endpoint}"
endpoint=https://s3.acme.example:9000
region=us-east-1
# Newer checksums of Amazon's client are not understood by every store.
export AWS_REQUEST_CHECKSUM_CALCULATION=when_required AWS_RESPONSE_CHECKSUM_VALIDATION=when_required
store() {
  aws s3api --endpoint-url "$endpoint" --region "$region" "$@"
}

bucket=acme-mlflow
if ! store head-bucket --bucket "$bucket" > /dev/null 2>&1; then
  store create-bucket --bucket "$bucket" > /dev/null
fi
others=$(store get-bucket-lifecycle-configuration --bucket "$bucket" \
  --query 'Rules[].[ID]' --output text 2> /dev/null | grep -v -x -F -e mlflow-artifacts || true)
if [ -n "$others" ]; then
  echo "$bucket has rules that lifecycle.json would replace: $others; add the rules of lifecycle.json to them by hand" >&2
  exit 1
fi
if ! store put-bucket-versioning --bucket "$bucket" --versioning-configuration Status=Enabled; then
  echo "the store keeps no old versions of objects" >&2
fi
if ! store put-bucket-lifecycle-configuration --bucket "$bucket" --lifecycle-configuration file://lifecycle.json > /dev/null; then
  echo "the store does not take lifecycle.json" >&2
fi
echo "the bucket $bucket is ready"
