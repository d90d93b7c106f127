#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=eks-pod-identity`.
#
# Creates the role mlflow-eks-pod-identity, with permissions.json. Run again, it changes nothing. It needs the AWS CLI,
# logged in as somebody who may do that.
set -eu
cd "$(dirname "$0")"

export AWS_REGION=eu-central-1 AWS_DEFAULT_REGION=eu-central-1

cluster=${CLUSTER:?set it to the name of the EKS cluster}

trust=$(cat trust.json)

if aws iam get-role --role-name mlflow-eks-pod-identity > /dev/null 2>&1; then
  by=$(aws iam list-role-tags --role-name mlflow-eks-pod-identity --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != eks-pod-identity ]; then
    echo "there is the role mlflow-eks-pod-identity already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays=eks-pod-identity" >&2
    exit 1
  fi
  aws iam update-assume-role-policy --role-name mlflow-eks-pod-identity --policy-document "$trust"
else
  aws iam create-role --role-name mlflow-eks-pod-identity --assume-role-policy-document "$trust" \
    --tags Key=mlflow-overlays,Value=eks-pod-identity > /dev/null
fi
aws iam put-role-policy --role-name mlflow-eks-pod-identity --policy-name mlflow-artifacts --policy-document file://permissions.json
echo "the role mlflow-eks-pod-identity is ready"

# A cluster in another region than the bucket's is found with CLUSTER_REGION.
region=${CLUSTER_REGION:-$AWS_REGION}
role=$(aws iam get-role --role-name mlflow-eks-pod-identity --query Role.Arn --output text)
association=$(aws eks list-pod-identity-associations --cluster-name "$cluster" --region "$region" \
  --namespace mlflow --service-account mlflow --query 'associations[0].associationId' --output text)
if [ "$association" = None ]; then
  aws eks create-pod-identity-association --cluster-name "$cluster" --region "$region" \
    --namespace mlflow --service-account mlflow --role-arn "$role" > /dev/null
else
  aws eks update-pod-identity-association --cluster-name "$cluster" --region "$region" \
    --association-id "$association" --role-arn "$role" > /dev/null
fi
echo "the pods of mlflow in mlflow have the role mlflow-eks-pod-identity"
