#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=kfp-pod-identity`.
#
# Creates the roles, with the permissions of each. Run again, it changes nothing. It needs the AWS CLI, logged in as
# somebody who may do that.
set -eu
cd "$(dirname "$0")"

export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1

cluster=${CLUSTER:?set it to the name of the EKS cluster}

trust=$(cat backend-trust.json)

if aws iam get-role --role-name kfp-kfp-pod-identity-backend > /dev/null 2>&1; then
  by=$(aws iam list-role-tags --role-name kfp-kfp-pod-identity-backend --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != kfp-pod-identity ]; then
    echo "there is the role kfp-kfp-pod-identity-backend already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays=kfp-pod-identity" >&2
    exit 1
  fi
  aws iam update-assume-role-policy --role-name kfp-kfp-pod-identity-backend --policy-document "$trust"
else
  aws iam create-role --role-name kfp-kfp-pod-identity-backend --assume-role-policy-document "$trust" \
    --tags Key=mlflow-overlays,Value=kfp-pod-identity > /dev/null
fi
aws iam put-role-policy --role-name kfp-kfp-pod-identity-backend --policy-name kfp-artifacts --policy-document file://backend-permissions.json
echo "the role kfp-kfp-pod-identity-backend is ready"

# A cluster in another region than the bucket's is found with CLUSTER_REGION.
region=${CLUSTER_REGION:-$AWS_REGION}
role=$(aws iam get-role --role-name kfp-kfp-pod-identity-backend --query Role.Arn --output text)
association=$(aws eks list-pod-identity-associations --cluster-name "$cluster" --region "$region" \
  --namespace kubeflow --service-account ml-pipeline --query 'associations[0].associationId' --output text)
if [ "$association" = None ]; then
  aws eks create-pod-identity-association --cluster-name "$cluster" --region "$region" \
    --namespace kubeflow --service-account ml-pipeline --role-arn "$role" > /dev/null
else
  aws eks update-pod-identity-association --cluster-name "$cluster" --region "$region" \
    --association-id "$association" --role-arn "$role" > /dev/null
fi
echo "the pods of ml-pipeline in kubeflow have the role kfp-kfp-pod-identity-backend"
association=$(aws eks list-pod-identity-associations --cluster-name "$cluster" --region "$region" \
  --namespace kubeflow --service-account ml-pipeline-ui --query 'associations[0].associationId' --output text)
if [ "$association" = None ]; then
  aws eks create-pod-identity-association --cluster-name "$cluster" --region "$region" \
    --namespace kubeflow --service-account ml-pipeline-ui --role-arn "$role" > /dev/null
else
  aws eks update-pod-identity-association --cluster-name "$cluster" --region "$region" \
    --association-id "$association" --role-arn "$role" > /dev/null
fi
echo "the pods of ml-pipeline-ui in kubeflow have the role kfp-kfp-pod-identity-backend"

trust=$(cat profile-team-1-trust.json)

if aws iam get-role --role-name kfp-kfp-pod-identity-profile-team-1 > /dev/null 2>&1; then
  by=$(aws iam list-role-tags --role-name kfp-kfp-pod-identity-profile-team-1 --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != kfp-pod-identity ]; then
    echo "there is the role kfp-kfp-pod-identity-profile-team-1 already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays=kfp-pod-identity" >&2
    exit 1
  fi
  aws iam update-assume-role-policy --role-name kfp-kfp-pod-identity-profile-team-1 --policy-document "$trust"
else
  aws iam create-role --role-name kfp-kfp-pod-identity-profile-team-1 --assume-role-policy-document "$trust" \
    --tags Key=mlflow-overlays,Value=kfp-pod-identity > /dev/null
fi
aws iam put-role-policy --role-name kfp-kfp-pod-identity-profile-team-1 --policy-name kfp-artifacts --policy-document file://profile-team-1-permissions.json
echo "the role kfp-kfp-pod-identity-profile-team-1 is ready"

# A cluster in another region than the bucket's is found with CLUSTER_REGION.
region=${CLUSTER_REGION:-$AWS_REGION}
role=$(aws iam get-role --role-name kfp-kfp-pod-identity-profile-team-1 --query Role.Arn --output text)
association=$(aws eks list-pod-identity-associations --cluster-name "$cluster" --region "$region" \
  --namespace team-1 --service-account default-editor --query 'associations[0].associationId' --output text)
if [ "$association" = None ]; then
  aws eks create-pod-identity-association --cluster-name "$cluster" --region "$region" \
    --namespace team-1 --service-account default-editor --role-arn "$role" > /dev/null
else
  aws eks update-pod-identity-association --cluster-name "$cluster" --region "$region" \
    --association-id "$association" --role-arn "$role" > /dev/null
fi
echo "the pods of default-editor in team-1 have the role kfp-kfp-pod-identity-profile-team-1"

trust=$(cat profile-team-2-trust.json)

if aws iam get-role --role-name kfp-kfp-pod-identity-profile-team-2 > /dev/null 2>&1; then
  by=$(aws iam list-role-tags --role-name kfp-kfp-pod-identity-profile-team-2 --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != kfp-pod-identity ]; then
    echo "there is the role kfp-kfp-pod-identity-profile-team-2 already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays=kfp-pod-identity" >&2
    exit 1
  fi
  aws iam update-assume-role-policy --role-name kfp-kfp-pod-identity-profile-team-2 --policy-document "$trust"
else
  aws iam create-role --role-name kfp-kfp-pod-identity-profile-team-2 --assume-role-policy-document "$trust" \
    --tags Key=mlflow-overlays,Value=kfp-pod-identity > /dev/null
fi
aws iam put-role-policy --role-name kfp-kfp-pod-identity-profile-team-2 --policy-name kfp-artifacts --policy-document file://profile-team-2-permissions.json
echo "the role kfp-kfp-pod-identity-profile-team-2 is ready"

# A cluster in another region than the bucket's is found with CLUSTER_REGION.
region=${CLUSTER_REGION:-$AWS_REGION}
role=$(aws iam get-role --role-name kfp-kfp-pod-identity-profile-team-2 --query Role.Arn --output text)
association=$(aws eks list-pod-identity-associations --cluster-name "$cluster" --region "$region" \
  --namespace team-2 --service-account default-editor --query 'associations[0].associationId' --output text)
if [ "$association" = None ]; then
  aws eks create-pod-identity-association --cluster-name "$cluster" --region "$region" \
    --namespace team-2 --service-account default-editor --role-arn "$role" > /dev/null
else
  aws eks update-pod-identity-association --cluster-name "$cluster" --region "$region" \
    --association-id "$association" --role-arn "$role" > /dev/null
fi
echo "the pods of default-editor in team-2 have the role kfp-kfp-pod-identity-profile-team-2"
