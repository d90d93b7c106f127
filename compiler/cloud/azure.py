"""What an environment needs of Azure: a storage account with a container, and a role on that container for the server.

A role covers the whole container. A federated credential trusts the server's service account, and no other:
https://learn.microsoft.com/azure/aks/workload-identity-deploy-cluster
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote
from typing import TYPE_CHECKING, Any

from compiler.cloud.hcl import block, data, file, resource, settings, text, texts, variable
from compiler.cloud.place import Bucket, Kept, account, buckets, kept, places
from compiler.cloud.policy import text as as_json
from compiler.cloud.script import Input, note, page, script, steps

if TYPE_CHECKING:
    from compiler.environment import Environment

AUDIENCE = "api://AzureADTokenExchange"
"""What the webhook of Workload ID makes tokens for."""
_ROLE = "Storage Blob Data Contributor"
_LONGEST = 365
"""The most days that deleted blobs are kept."""
_NEEDS = "Run again, it changes nothing. It needs the Azure CLI, logged in as somebody who may do that."


def documents(environment: Environment) -> dict[str, str]:
    """The files of `azure/`."""
    files, what = {}, {}
    if environment.cloud.tool == "terraform":
        files["main.tf"] = _main(environment)
        what["main.tf"] = "the storage account, the container, and who may use it, for Terraform or OpenTofu"
        commands = ["terraform init", "terraform apply"]
    else:
        files["lifecycle.json"] = as_json({"rules": _rules(environment)})
        files["container.sh"] = _container_script(environment)
        what["lifecycle.json"] = "what the storage account deletes by itself"
        what["container.sh"] = (
            "creates the storage account and the container, with versions, lifecycle and no public access"
        )
        commands = ["sh container.sh"]
        if _federated(environment):
            files["iam.sh"] = _iam_script(environment)
            what["iam.sh"] = "lets the server use the container, and its service account be the identity"
            commands.append("sh iam.sh")
    about = (
        f"What the environment {environment.name} needs of Azure: its container, and a way for the server to use it."
    )
    inputs = [*_common(environment), *(_cluster(environment) if _federated(environment) else [])]
    run = steps(environment.name, "azure", commands, inputs)
    return {**files, "README.md": page(environment.name, "Azure", about, what, run, _key(environment))}


def _federated(environment: Environment) -> bool:
    return environment.kind.identity != "keys"


def _common(environment: Environment) -> list[Input]:
    cloud = environment.cloud
    return [
        Input("resource_group", "the resource group of the storage account", cloud.resource_group),
        Input("location", "where the storage account is, as westeurope", cloud.location),
    ]


def _cluster(environment: Environment) -> list[Input]:
    cloud = environment.cloud
    who = [Input("identity", "the name of the managed identity", cloud.name)]
    if cloud.oidc_provider:
        return who
    return [*who, Input("cluster", "the name of the AKS cluster, in the same resource group", cloud.cluster)]


def _rules(environment: Environment) -> list[dict[str, Any]]:
    """https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-policy-structure.

    Blocks of uploads that never ended are removed by Azure itself after a week.
    """
    keeps: Kept = kept(environment)
    if not keeps.noncurrent_days:
        return []
    match = [f"{place.bucket}/{place.start}" for place in places(environment)]
    actions = {"version": {"delete": {"daysAfterCreationGreaterThan": keeps.noncurrent_days}}}
    definition = {"actions": actions, "filters": {"blobTypes": ["blockBlob"], "prefixMatch": match}}
    return [{"enabled": True, "name": "mlflow", "type": "Lifecycle", "definition": definition}]


def _retained(keeps: Kept) -> int | None:
    """How long deleted blobs can be brought back."""
    return min(keeps.noncurrent_days, _LONGEST) if keeps.noncurrent_days else None


def _container_script(environment: Environment) -> str:
    azure, keeps = environment.artifacts.settings, kept(environment)
    every = [bucket.name for bucket in buckets(environment)]
    about = f"Creates the storage account {azure.account} with the container {' and '.join(every)}. {_NEEDS}"
    versions = "true" if keeps.versioning else "false"
    days = _retained(keeps)
    deleted = f" \\\n  --enable-delete-retention true --delete-retention-days {days}" if days else ""
    shared = "false" if _federated(environment) else "true"
    whole = f"""account={quote(azure.account)}
if ! az storage account show --name "$account" --resource-group "$resource_group" > /dev/null 2>&1; then
  az storage account create --name "$account" --resource-group "$resource_group" --location "$location" \\
    --sku Standard_ZRS --kind StorageV2 --min-tls-version TLS1_2 --https-only true \\
    --allow-blob-public-access false --allow-shared-key-access {shared} > /dev/null
fi
az storage account blob-service-properties update --account-name "$account" --resource-group "$resource_group" \\
  --enable-versioning {versions}{deleted} > /dev/null
"""
    policy = """others=$(az storage account management-policy show --account-name "$account" --resource-group "$resource_group" \\
  --query "policy.rules[?name!='mlflow'].name" --output tsv 2> /dev/null || true)
if [ -n "$others" ]; then
  echo "$account has rules that lifecycle.json would replace: $others; add the rule of lifecycle.json to them by hand" >&2
  exit 1
fi
az storage account management-policy create --account-name "$account" --resource-group "$resource_group" \\
  --policy @lifecycle.json > /dev/null
"""
    made = "".join(
        f'az storage container-rm create --name {name} --storage-account "$account" --resource-group "$resource_group" \\\n'
        "  --public-access off > /dev/null\n"
        for name in every
    )
    ready = f'echo "the container {" and ".join(every)} of $account is ready"\n'
    asked = "\n".join(given.shell for given in _common(environment))
    return script(environment.name, about, asked, whole, policy if keeps.noncurrent_days else "", made + ready)


def _iam_script(environment: Environment) -> str:
    azure, cloud = environment.artifacts.settings, environment.cloud
    about = (
        f"Gives the managed identity the role '{_ROLE}' on the container, and lets the service account of the server be it. "
        f"An application in its place takes the same role and credential, with `az ad app federated-credential`. {_NEEDS}"
    )
    issuer = f"issuer={quote(f'https://{cloud.oidc_provider}')}" if cloud.oidc_provider else _ISSUER
    scope = "/blobServices/default/containers"
    roles = "".join(
        f'az role assignment create --role "{_ROLE}" --assignee-object-id "$principal" \\\n'
        f'  --assignee-principal-type ServicePrincipal --scope "$storage{scope}/{name}" > /dev/null\n'
        for name in (bucket.name for bucket in buckets(environment))
    )
    subject = f"system:serviceaccount:{environment.namespace.name}:{account(environment)}"
    return script(
        environment.name,
        about,
        "\n".join(given.shell for given in [_common(environment)[0], *_cluster(environment)]),
        f"""client=$(az identity show --name "$identity" --resource-group "$resource_group" --query clientId --output tsv)
if [ "$client" != {azure.client_id} ]; then
  echo "the identity $identity has the client id $client, and the environment says {azure.client_id}" >&2
  exit 1
fi
principal=$(az identity show --name "$identity" --resource-group "$resource_group" --query principalId --output tsv)
storage=$(az storage account show --name {azure.account} --resource-group "$resource_group" --query id --output tsv)
""",
        roles,
        f"""{issuer}
az identity federated-credential create --name mlflow-{environment.name} --identity-name "$identity" \\
  --resource-group "$resource_group" --issuer "$issuer" --subject {subject} \\
  --audiences {AUDIENCE} > /dev/null
echo "the identity $identity is that of {subject}"
""",
    )


_ISSUER = """issuer=$(az aks show --name "$cluster" --resource-group "$resource_group" \\
  --query oidcIssuerProfile.issuerUrl --output tsv)"""


def _main(environment: Environment) -> str:
    federated = _cluster(environment) if _federated(environment) else []
    every = buckets(environment)
    return file(
        note(environment.name),
        settings("azurerm", "hashicorp/azurerm", ">= 4.9", block("features")),
        *(variable(given) for given in [*_common(environment), *federated]),
        _account(environment),
        *(_container(bucket) for bucket in every),
        *_policy(environment),
        *(_identity(environment, every) if federated else ()),
    )


def _account(environment: Environment) -> str:
    keeps = kept(environment)
    days = _retained(keeps)
    retention = [block("delete_retention_policy", ("days", str(days)))] if days else []
    return resource(
        "azurerm_storage_account",
        "artifacts",
        ("name", text(environment.artifacts.settings.account)),
        ("resource_group_name", "var.resource_group"),
        ("location", "var.location"),
        ("account_tier", text("Standard")),
        ("account_replication_type", text("ZRS")),
        ("min_tls_version", text("TLS1_2")),
        ("https_traffic_only_enabled", "true"),
        ("allow_nested_items_to_be_public", "false"),
        ("shared_access_key_enabled", "false" if _federated(environment) else "true"),
        block("blob_properties", ("versioning_enabled", "true" if keeps.versioning else "false"), *retention),
        block("lifecycle", ("prevent_destroy", "true")),
    )


def _container(bucket: Bucket) -> str:
    return resource(
        "azurerm_storage_container",
        bucket.what,
        ("name", text(bucket.name)),
        ("storage_account_id", "azurerm_storage_account.artifacts.id"),
        ("container_access_type", text("private")),
    )


def _policy(environment: Environment) -> Iterator[str]:
    for rule in _rules(environment):
        definition = rule["definition"]
        days = str(definition["actions"]["version"]["delete"]["daysAfterCreationGreaterThan"])
        filters: dict[str, Sequence[str]] = definition["filters"]
        yield resource(
            "azurerm_storage_management_policy",
            "artifacts",
            ("storage_account_id", "azurerm_storage_account.artifacts.id"),
            block(
                "rule",
                ("name", text(rule["name"])),
                ("enabled", "true"),
                block(
                    "filters",
                    ("blob_types", texts(filters["blobTypes"])),
                    ("prefix_match", texts(filters["prefixMatch"])),
                ),
                block("actions", block("version", ("delete_after_days_since_creation", days))),
            ),
        )


def _identity(environment: Environment, containers: Sequence[Bucket]) -> Iterator[str]:
    cloud = environment.cloud
    where = ("resource_group_name", "var.resource_group")
    yield data("azurerm_user_assigned_identity", "mlflow", ("name", "var.identity"), where)
    for what in (container.what for container in containers):
        yield resource(
            "azurerm_role_assignment",
            what,
            ("scope", f"azurerm_storage_container.{what}.id"),
            ("role_definition_name", text(_ROLE)),
            ("principal_id", "data.azurerm_user_assigned_identity.mlflow.principal_id"),
        )
    issuer = text(f"https://{cloud.oidc_provider}") if cloud.oidc_provider else _ISSUER_OF
    if not cloud.oidc_provider:
        yield data("azurerm_kubernetes_cluster", "cluster", ("name", "var.cluster"), where)
    yield resource(
        "azurerm_federated_identity_credential",
        "mlflow",
        ("name", text(f"mlflow-{environment.name}")),
        where,
        ("parent_id", "data.azurerm_user_assigned_identity.mlflow.id"),
        ("audience", texts([AUDIENCE])),
        ("issuer", issuer),
        ("subject", text(f"system:serviceaccount:{environment.namespace.name}:{account(environment)}")),
    )


_ISSUER_OF = "data.azurerm_kubernetes_cluster.cluster.oidc_issuer_url"


def _key(environment: Environment) -> str:
    """How the account's key becomes the Secret without being seen."""
    if _federated(environment):
        prefixed = any(place.prefix for place in places(environment))
        return "The role covers the whole container: a prefix does not narrow it.\n" if prefixed else ""
    azure, namespace = environment.artifacts.settings, environment.namespace.name
    words = {
        "access-key": ("keys list", "[0].value", "AZURE_STORAGE_ACCESS_KEY"),
        "connection-string": ("show-connection-string", "connectionString", "AZURE_STORAGE_CONNECTION_STRING"),
    }
    command, query, key = words[azure.credential]
    return f"""## The key

It opens the whole storage account. This makes the Secret of it, and neither shows nor keeps it:

```sh
az storage account {command} --account-name {azure.account} --query {query} --output tsv | tr -d '\\n' \\
  | kubectl create secret generic {azure.existing_secret} -n {namespace} --from-file={key}=/dev/stdin
```
"""
