#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=azure-workload-identity`.
#
# Gives the managed identity the role 'Storage Blob Data Contributor' on the container, and lets the service account of
# the server be it. An application in its place takes the same role and credential, with `az ad app federated-
# credential`. Run again, it changes nothing. It needs the Azure CLI, logged in as somebody who may do that.
set -eu
cd "$(dirname "$0")"

resource_group=${RESOURCE_GROUP:?set it to the resource group of the storage account}
identity=${IDENTITY:?set it to the name of the managed identity}
cluster=${CLUSTER:?set it to the name of the AKS cluster, in the same resource group}

client=$(az identity show --name "$identity" --resource-group "$resource_group" --query clientId --output tsv)
if [ "$client" != 11111111-2222-3333-4444-555555555555 ]; then
  echo "the identity $identity has the client id $client, and the environment says 11111111-2222-3333-4444-555555555555" >&2
  exit 1
fi
principal=$(az identity show --name "$identity" --resource-group "$resource_group" --query principalId --output tsv)
storage=$(az storage account show --name acmemlflow --resource-group "$resource_group" --query id --output tsv)

az role assignment create --role "Storage Blob Data Contributor" --assignee-object-id "$principal" \
  --assignee-principal-type ServicePrincipal --scope "$storage/blobServices/default/containers/mlflow" > /dev/null

issuer=$(az aks show --name "$cluster" --resource-group "$resource_group" \
  --query oidcIssuerProfile.issuerUrl --output tsv)
az identity federated-credential create --name mlflow-azure-workload-identity --identity-name "$identity" \
  --resource-group "$resource_group" --issuer "$issuer" --subject system:serviceaccount:mlflow:mlflow \
  --audiences api://AzureADTokenExchange > /dev/null
echo "the identity $identity is that of system:serviceaccount:mlflow:mlflow"
