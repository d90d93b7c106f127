#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=kfp-irsa`.
#
# Creates the roles, with the permissions of each. Run again, it changes nothing. It needs the AWS CLI, logged in as
# somebody who may do that.
set -eu
cd "$(dirname "$0")"

export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1
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
trust=$(sed "s|OIDC_PROVIDER|$provider|g" backend-trust.json)

if aws iam get-role --role-name kfp-backend > /dev/null 2>&1; then
  by=$(aws iam list-role-tags --role-name kfp-backend --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != kfp-irsa ]; then
    echo "there is the role kfp-backend already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays=kfp-irsa" >&2
    exit 1
  fi
  aws iam update-assume-role-policy --role-name kfp-backend --policy-document "$trust"
else
  aws iam create-role --role-name kfp-backend --assume-role-policy-document "$trust" \
    --tags Key=mlflow-overlays,Value=kfp-irsa > /dev/null
fi
aws iam put-role-policy --role-name kfp-backend --policy-name kfp-artifacts --policy-document file://backend-permissions.json
echo "the role kfp-backend is ready"

trust=$(sed "s|OIDC_PROVIDER|$provider|g" profile-team-1-trust.json)

if aws iam get-role --role-name kfp-profile-team-1 > /dev/null 2>&1; then
  by=$(aws iam list-role-tags --role-name kfp-profile-team-1 --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != kfp-irsa ]; then
    echo "there is the role kfp-profile-team-1 already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays=kfp-irsa" >&2
    exit 1
  fi
  aws iam update-assume-role-policy --role-name kfp-profile-team-1 --policy-document "$trust"
else
  aws iam create-role --role-name kfp-profile-team-1 --assume-role-policy-document "$trust" \
    --tags Key=mlflow-overlays,Value=kfp-irsa > /dev/null
fi
aws iam put-role-policy --role-name kfp-profile-team-1 --policy-name kfp-artifacts --policy-document file://profile-team-1-permissions.json
echo "the role kfp-profile-team-1 is ready"

trust=$(sed "s|OIDC_PROVIDER|$provider|g" profile-team-2-trust.json)

if aws iam get-role --role-name kfp-profile-team-2 > /dev/null 2>&1; then
  by=$(aws iam list-role-tags --role-name kfp-profile-team-2 --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != kfp-irsa ]; then
    echo "there is the role kfp-profile-team-2 already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays=kfp-irsa" >&2
    exit 1
  fi
  aws iam update-assume-role-policy --role-name kfp-profile-team-2 --policy-document "$trust"
else
  aws iam create-role --role-name kfp-profile-team-2 --assume-role-policy-document "$trust" \
    --tags Key=mlflow-overlays,Value=kfp-irsa > /dev/null
fi
aws iam put-role-policy --role-name kfp-profile-team-2 --policy-name kfp-artifacts --policy-document file://profile-team-2-permissions.json
echo "the role kfp-profile-team-2 is ready"
