#!/bin/sh
# Writes the one user that VersityGW has beside its root user, and makes the directory of buckets. Runs at every start, so that
# the Secret alone says what the keys are.
#
# Reads BUCKETS, VGW_IAM_DIR, ROOT_ACCESS_KEY_ID, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from the environment.
set -eu

for value in "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"; do
  case $value in
    "" | *[[:cntrl:]]*)
      echo "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY need at least one character each, and no control characters" >&2
      exit 1
      ;;
  esac
done
if [ "$AWS_ACCESS_KEY_ID" = "$ROOT_ACCESS_KEY_ID" ]; then
  echo "AWS_ACCESS_KEY_ID is the root user's: choose another" >&2
  exit 1
fi

mkdir -p "$BUCKETS"
umask 077
# A text in JSON.
quoted() {
  printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}
access=$(quoted "$AWS_ACCESS_KEY_ID")
secret=$(quoted "$AWS_SECRET_ACCESS_KEY")
printf '{"accessAccounts":{%s:{"access":%s,"secret":%s,"role":"user"}}}\n' "$access" "$access" "$secret" \
  > "$VGW_IAM_DIR/users.json"
