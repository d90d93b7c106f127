"""The store of artifacts, most of which only its owner can look at.

Amazon encrypts every new object since January 2023, Google and Azure always did:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
https://cloud.google.com/docs/security/encryption/default-encryption
https://learn.microsoft.com/azure/storage/common/storage-service-encryption
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.audit.verdict import Built, Verdict, failed, passed, unseen
from compiler.change.pair import lasting
from compiler.workload import containers

_KEYS = frozenset(
    {"AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_CONNECTION_STRING", "keyfile.json"}
)
_ROLES = {
    "aws-keys": "eks-irsa or eks-pod-identity",
    "gcs-keys": "gke-workload-identity",
    "azure-keys": "azure-workload-identity",
}
_KINDS = {"amazon": "aws-keys", "google": "gcs-keys", "azure": "azure-keys"}
_UNPATCHED = "quay.io/minio/minio:"
"""What MinIO's last images in public begin with: docs/stores.md has what is known of them."""
_OWNER = "its volumes are those of the StorageClass: kubectl get storageclass --output yaml"


def access_keys(built: Built) -> Verdict:
    """Whether a Secret of the overlay has keys of the store."""
    keys = [
        secret for secret in built.overlay.secrets if _KEYS & {key.key for key in secret.keys} and not secret.in_cluster
    ]
    provider = built.store.provider
    if not keys:
        return passed(
            {
                "minio": "the keys are of a user of MinIO that may use its bucket alone",
                "versitygw": "the keys are of a user of VersityGW that reaches its own buckets alone",
                "volume": "artifacts are on a volume, and nobody logs in to it",
            }.get(provider, "the server has no keys: its pod has an identity")
        )
    names = ", ".join(secret.name for secret in keys)
    if provider in _KINDS:
        role = _ROLES[_KINDS[provider]]
        return failed(f"the Secret {names} has keys that never end", f"use overlay: {role}", keys[0].because)
    reason = f"the Secret {names} has keys, for this store knows no roles of pods"
    return unseen(reason, "let them use this bucket alone, and change them")


def bucket_access(built: Built) -> Verdict:
    """Whether rights are those of this bucket alone."""
    store = built.store
    if store.provider == "minio":
        scripts = [each for each in built.of("ConfigMap") if lasting(each) == "minio-setup"]
        policy = "".join(str((each.data.get("data") or {}).get("setup.sh", "")) for each in scripts)
        if '"s3:*"' not in policy and "arn:aws:s3:::$BUCKET" in policy:
            return passed("the set-up Job gives MLflow's user the object actions of its bucket, and nothing else")
        return failed("the set-up Job of MinIO gives more than its bucket", "see minio-setup in the build")
    if store.provider == "versitygw":
        return passed("MLflow's user owns its bucket and reaches no other; its rights in it are those of an owner")
    return _asked(
        built,
        "who may use the bucket is settled outside of the cluster",
        {
            "amazon": "aws s3api get-public-access-block --bucket {bucket}; aws s3api get-bucket-policy --bucket {bucket}",
            "google": "gcloud storage buckets get-iam-policy gs://{bucket}",
            "azure": "az storage container show-permission --name {bucket} --account-name {account} --auth-mode login",
        },
        "look at the policies of the bucket and of MLflow's user",
        passed("a volume has no bucket"),
    )


def bucket_encryption(built: Built) -> Verdict:
    """Whether uploads ask for it, or the provider does it by itself."""
    extra = built.settings.get("MLFLOW_S3_UPLOAD_EXTRA_ARGS", "")
    provider = built.store.provider
    if "ServerSideEncryption" in extra:
        return passed("every upload asks for it" + (" with your key" if "SSEKMSKeyId" in extra else ""))
    if provider in ("amazon", "google", "azure"):
        yours = "; artifacts.kmsKeyArn takes yours" if provider == "amazon" else ""
        return passed(f"the provider encrypts every object with keys of its own{yours}")
    reason = "whether the disks behind it are encrypted is not in a build"
    return unseen(reason, _OWNER if provider != "other" else "ask whoever runs it")


def bucket_versioning(built: Built) -> Verdict:
    """MinIO's is set up by a Job; of others only the store knows."""
    if built.store.provider == "minio" and built.of_setup("VERSIONING") == "enable":
        return passed("the set-up Job of MinIO turns versions on")
    if built.store.provider == "versitygw":
        return _unversioned(built)
    return _asked(
        built,
        "only the store knows",
        {
            "amazon": "aws s3api get-bucket-versioning --bucket {bucket}",
            "google": 'gcloud storage buckets describe gs://{bucket} --format="value(versioning_enabled)"',
            "azure": "az storage account blob-service-properties show --account-name {account} --query isVersioningEnabled",
            "minio": "mc version info STORE/{bucket}",
            "other": "aws s3api get-bucket-versioning --bucket {bucket} --endpoint-url {endpoint}",
        },
        "ask whoever runs it",
        unseen("a volume keeps no versions", f"kubectl get volumesnapshots -n {built.namespace}"),
    )


def bucket_lifecycle(built: Built) -> Verdict:
    """MinIO's is set up by a Job; of others only the store knows."""
    if built.store.provider == "minio" and built.of_setup("NONCURRENT_DAYS"):
        return passed(
            f"the set-up Job of MinIO has old versions deleted after {built.of_setup('NONCURRENT_DAYS')} days"
        )
    if built.store.provider == "versitygw":
        uploads = (
            f"aws s3api list-multipart-uploads --bucket {built.store.bucket} --endpoint-url {built.store.endpoint}"
        )
        return unseen("VersityGW has no old versions, and removes no unfinished uploads by itself", uploads)
    return _asked(
        built,
        "only the store knows",
        {
            "amazon": "aws s3api get-bucket-lifecycle-configuration --bucket {bucket}",
            "google": 'gcloud storage buckets describe gs://{bucket} --format="json(lifecycle_config)"',
            "azure": "az storage account management-policy show --account-name {account} --resource-group GROUP",
            "minio": "mc ilm rule ls STORE/{bucket}",
            "other": "aws s3api get-bucket-lifecycle-configuration --bucket {bucket} --endpoint-url {endpoint}",
        },
        "ask whoever runs it",
        passed("nothing but artifacts is on a volume"),
    )


def bucket_logging(built: Built) -> Verdict:
    """Only the store knows."""
    return _asked(
        built,
        "only the store knows",
        {
            "amazon": "aws s3api get-bucket-logging --bucket {bucket}",
            "google": 'gcloud storage buckets describe gs://{bucket} --format="json(logging_config)"',
            "azure": "az monitor diagnostic-settings list --resource ID-OF-THE-STORAGE-ACCOUNT",
            "minio": "mc admin config get STORE audit_webhook",
            "versitygw": "remove VGW_QUIET in custom/; then kubectl logs statefulset/versitygw has every request",
        },
        "ask whoever runs it",
        passed("the server is the only one that reads or writes it"),
    )


def bucket_deletion(built: Built) -> Verdict:
    """Amazon's MFA delete, or what others have in its place."""
    if built.store.provider == "versitygw":
        return _unversioned(built)
    return _asked(
        built,
        "only the store knows",
        {
            "amazon": "aws s3api get-bucket-versioning --bucket {bucket} (MFADelete)",
            "google": 'gcloud storage buckets describe gs://{bucket} --format="json(soft_delete_policy,retention_policy)"',
            "azure": "az storage account blob-service-properties show --account-name {account} --query deleteRetentionPolicy",
            "minio": "mc retention info --default STORE/{bucket}",
        },
        "ask whoever runs it",
        passed("a volume has no versions to delete"),
    )


def maintained_store(built: Built) -> Verdict:
    """Whether fixes come out for the store. Sources: docs/stores.md."""
    provider = built.store.provider
    if provider == "minio":
        pods = (pod for pod in built.pods if pod.ref.kind == "StatefulSet" and pod.ref.name == provider)
        images = [str(each.get("image", "")) for pod in pods for _, each in containers(pod)]
        if any(image.startswith(_UNPATCHED) for image in images):
            reason = "no image of MinIO that anybody may pull has the fixes for CVE-2025-62506, CVE-2026-40344 and CVE-2026-41145"
            return failed(
                reason,
                "use overlay: versitygw-postgres or versitygw-mysql; docs/stores.md has the steps",
                ("overlay",),
            )
        return unseen(
            f"MinIO's image is your own: {', '.join(images)}", "ask whoever builds it for the fixes in docs/stores.md"
        )
    if provider == "other":
        return unseen("which store it is, and its version, are not in a build", "ask whoever runs it")
    return passed(
        "releases of VersityGW have fixes" if provider == "versitygw" else "whoever runs it keeps it up to date"
    )


def _unversioned(built: Built) -> Verdict:
    return unseen("this VersityGW keeps no versions", f"kubectl get volumesnapshots -n {built.namespace}")


def _asked(built: Built, reason: str, commands: Mapping[str, str], otherwise: str, volume: Verdict) -> Verdict:
    """What a person has to ask the store, with its own command."""
    store = built.store
    if store.provider == "volume":
        return volume
    command = commands.get(store.provider, otherwise)
    return unseen(reason, command.format(bucket=store.bucket, account=store.account, endpoint=store.endpoint))
