#!/bin/sh
# Creates the bucket, that of backups where BACKUP_BUCKET names one, and the user that MLflow logs in as, allowed those alone.
# Where VERSIONING says enable or suspend, that is done to the bucket; where NONCURRENT_DAYS is a number, one rule deletes old
# versions after as many days. Rules of others stay. Run again it changes nothing.
#
# Reads ENDPOINT, BUCKET, BACKUP_BUCKET, VERSIONING, NONCURRENT_DAYS, MINIO_ROOT_USER, MINIO_ROOT_PASSWORD, AWS_ACCESS_KEY_ID and
# AWS_SECRET_ACCESS_KEY from the environment. Keys reach mc on its standard input, never as arguments.
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

# The rules of the bucket, in one line of JSON; nothing where it has none.
rules() {
  if ! mc ilm rule export "store/$BUCKET" 2> /tmp/answer; then
    case $(cat /tmp/answer) in
      *"lifecycle configuration does not exist"*) ;;
      *)
        cat /tmp/answer >&2
        return 1
        ;;
    esac
  fi
}
[ -z "${VERSIONING:-}" ] || mc version "$VERSIONING" "store/$BUCKET"
rule=mlflow-noncurrent-versions
found=$(rules)
case $found in
  *"\"ID\":\"$rule\""*)
    mc ilm rule remove --id "$rule" "store/$BUCKET" > /dev/null
    found=$(rules)
    ;;
esac
if [ -n "${NONCURRENT_DAYS:-}" ]; then
  # A marker that says "deleted" goes with the last version behind it.
  own="{\"ID\":\"$rule\",\"Status\":\"Enabled\",\"Expiration\":{\"ExpiredObjectDeleteMarker\":true},"
  own="$own\"NoncurrentVersionExpiration\":{\"NoncurrentDays\":$NONCURRENT_DAYS}}"
  others=${found#'{"Rules":['}
  [ -n "$others" ] || others="]}"
  [ "$others" = "]}" ] || own="$own,"
  printf '{"Rules":[%s%s' "$own" "$others" | mc ilm rule import "store/$BUCKET" > /dev/null
  echo "old versions are deleted after $NONCURRENT_DAYS days"
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
