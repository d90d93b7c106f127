#!/bin/sh
# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,
# and run `make overlay ENV=azure-keys`.
#
# Creates the storage account acmemlflow with the container mlflow. Run again, it changes nothing. It needs the Azure
# CLI, logged in as somebody who may do that.
set -eu
cd "$(dirname "$0")"

resource_group=${RESOURCE_GROUP:?set it to the resource group of the storage account}
location=${LOCATION:?set it to where the storage account is, as westeurope}

account=acmemlflow
if ! az storage account show --name "$account" --resource-group "$resource_group" > /dev/null 2>&1; then
  az storage account create --name "$account" --resource-group "$resource_group" --location "$location" \
    --sku Standard_ZRS --kind StorageV2 --min-tls-version TLS1_2 --https-only true \
    --allow-blob-public-access false --allow-shared-key-access true > /dev/null
fi
az storage account blob-service-properties update --account-name "$account" --resource-group "$resource_group" \
  --enable-versioning true \
  --enable-delete-retention true --delete-retention-days 30 > /dev/null

others=$(az storage account management-policy show --account-name "$account" --resource-group "$resource_group" \
  --query "policy.rules[?name!='mlflow'].name" --output tsv 2> /dev/null || true)
if [ -n "$others" ]; then
  echo "$account has rules that lifecycle.json would replace: $others; add the rule of lifecycle.json to them by hand" >&2
  exit 1
fi
az storage account management-policy create --account-name "$account" --resource-group "$resource_group" \
  --policy @lifecycle.json > /dev/null

az storage container-rm create --name mlflow --storage-account "$account" --resource-group "$resource_group" \
  --public-access off > /dev/null
echo "the container mlflow of $account is ready"
