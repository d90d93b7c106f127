"""Artifacts in Azure Blob Storage, reached as a managed identity or application that trusts the service account of the pod
(Microsoft Entra Workload ID): there are no keys.

The identity needs a federated credential for `system:serviceaccount:<namespace>:mlflow`, and the role `Storage Blob Data
Contributor` of the container. The cluster needs the webhook of Workload ID, which AKS has as an option.

The database is PostgreSQL inside the cluster unless `database.host` names another.
"""

from compiler.kind import Kind

KIND = Kind(
    name="azure-workload-identity",
    store="azure",
    identity="workload-identity",
    engine="postgres",
    secrets="existing",
    requires={
        ("artifacts", "storageAccount"): "artifacts are kept in a storage account that you created",
        ("artifacts", "container"): "artifacts are kept in a container that you created",
        (
            "artifacts",
            "clientId",
        ): "the server's service account stands for this identity, and has no other credentials",
    },
)
