"""Artifacts in Azure Blob Storage, reached with an access key of the storage account, or a connection string, from a Secret.

The database is PostgreSQL inside the cluster unless `database.host` names another.
"""

from compiler.kind import Kind

KIND = Kind(
    name="azure-keys",
    store="azure",
    identity="keys",
    engine="postgres",
    secrets="existing",
    requires={
        ("artifacts", "storageAccount"): "artifacts are kept in a storage account that you created",
        ("artifacts", "container"): "artifacts are kept in a container that you created",
    },
)
