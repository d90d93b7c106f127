#!/bin/sh
# Creates the bucket, and that of backups where BACKUP_BUCKET names one, and gives them to the user that MLflow logs in as, who
# reaches no other. Run again it changes nothing.
#
# Reads BUCKET, BACKUP_BUCKET and AWS_ACCESS_KEY_ID from the environment; versitygw reads ADMIN_ENDPOINT_URL, ADMIN_REGION,
# ADMIN_ACCESS_KEY_ID and ADMIN_SECRET_ACCESS_KEY from it.
set -eu

tries=60
until buckets=$(versitygw admin list-buckets 2>&1); do
  tries=$((tries - 1))
  if [ "$tries" -eq 0 ]; then
    echo "no login to $ADMIN_ENDPOINT_URL as the root user; the last answer was:" >&2
    echo "$buckets" >&2
    exit 1
  fi
  sleep 2
done

for bucket in "$BUCKET" ${BACKUP_BUCKET:+"$BACKUP_BUCKET"}; do
  owner=$(echo "$buckets" | while read -r name user; do [ "$name" != "$bucket" ] || echo "$user"; done)
  if [ -z "$owner" ]; then
    versitygw admin create-bucket --bucket "$bucket" --owner "$AWS_ACCESS_KEY_ID"
  elif [ "$owner" != "$AWS_ACCESS_KEY_ID" ]; then
    versitygw admin change-bucket-owner --bucket "$bucket" --owner "$AWS_ACCESS_KEY_ID"
  fi
  echo "bucket $bucket is ready"
done
