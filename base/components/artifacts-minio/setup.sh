#!/bin/sh
# Creates the bucket, that of backups where BACKUP_BUCKET names one, and the user that MLflow logs in as, allowed those alone.
# Run again it changes nothing.
#
# Reads ENDPOINT, BUCKET, BACKUP_BUCKET, MINIO_ROOT_USER, MINIO_ROOT_PASSWORD, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from the
# environment. Keys reach mc on its standard input, never as arguments.
set -eu

# mc refuses shorter keys too, but shows them when it does.
for value in "$MINIO_ROOT_PASSWORD" "$AWS_SECRET_ACCESS_KEY"; do
  if [ "${#value}" -lt 8 ]; then
    echo "MINIO_ROOT_PASSWORD and AWS_SECRET_ACCESS_KEY need at least 8 characters" >&2
    exit 1
  fi
done

tries=60
until printf '%s\n%s\n' "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" | mc alias set store "$ENDPOINT" > /tmp/answer 2>&1; do
  tries=$((tries - 1))
  if [ "$tries" -eq 0 ]; then
    echo "no login to $ENDPOINT as the root user; the last answer was:" >&2
    cat /tmp/answer >&2
    exit 1
  fi
  sleep 2
done

whole="\"arn:aws:s3:::$BUCKET\""
inside="\"arn:aws:s3:::$BUCKET/*\""
mc mb --ignore-existing "store/$BUCKET"
if [ -n "${BACKUP_BUCKET:-}" ]; then
  whole="$whole, \"arn:aws:s3:::$BACKUP_BUCKET\""
  inside="$inside, \"arn:aws:s3:::$BACKUP_BUCKET/*\""
  mc mb --ignore-existing "store/$BACKUP_BUCKET"
fi
cat > /tmp/policy.json <<JSON
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
      "Resource": [$whole]
    },
    {
      "Effect": "Allow",
      "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
      "Resource": [$inside]
    }
  ]
}
JSON
mc admin policy create store mlflow /tmp/policy.json
printf '%s\n%s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" | mc admin user add store > /dev/null
mc admin policy attach store mlflow --user "$AWS_ACCESS_KEY_ID"
echo "bucket $BUCKET and its user are ready"
