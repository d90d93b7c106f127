#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=prod`.
#
# Creates the role mlflow-prod, with permissions.json. Run again, it changes nothing. It needs the AWS CLI, logged in as
# somebody who may do that.
set -eu
cd "$(dirname "$0")"

export AWS_REGION=eu-central-1 AWS_DEFAULT_REGION=eu-central-1
account=$(aws sts get-caller-identity --query Account --output text)
if [ "$account" != 123456789012 ]; then
  echo "you are logged in to the account $account, and the environment is in 123456789012" >&2
  exit 1
fi

cluster=${CLUSTER:?set it to the name of the EKS cluster}

# A cluster in another region than the bucket's is found with CLUSTER_REGION.
provider=$(aws eks describe-cluster --name "$cluster" --region "${CLUSTER_REGION:-$AWS_REGION}" \
  --query cluster.identity.oidc.issuer --output text)
provider=${provider#https://}

if ! aws iam get-open-id-connect-provider \
  --open-id-connect-provider-arn "arn:aws:iam::123456789012:oidc-provider/$provider" > /dev/null 2>&1; then
  aws iam create-open-id-connect-provider --url "https://$provider" --client-id-list sts.amazonaws.com > /dev/null
fi
trust=$(sed "s|OIDC_PROVIDER|$provider|g" trust.json)

if aws iam get-role --role-name mlflow-prod > /dev/null 2>&1; then
  by=$(aws iam list-role-tags --role-name mlflow-prod --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != prod ]; then
    echo "there is the role mlflow-prod already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays=prod" >&2
    exit 1
  fi
  aws iam update-assume-role-policy --role-name mlflow-prod --policy-document "$trust"
else
  aws iam create-role --role-name mlflow-prod --assume-role-policy-document "$trust" \
    --tags Key=mlflow-overlays,Value=prod > /dev/null
fi
aws iam put-role-policy --role-name mlflow-prod --policy-name mlflow-artifacts --policy-document file://permissions.json
echo "the role mlflow-prod is ready"
