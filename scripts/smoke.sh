#!/usr/bin/env bash
# Deploys a stack of its own from what `make build` has built, verifies it, and deletes it with its data in any case.
# With SMOKE_EMAIL it has a viewer, whose user gets an invitation.
set -euo pipefail

stack=kinesight-smoke
capture=${1:-smoke-capture.json}
delete() { kinesight destroy --stack "$stack" --delete-data --yes; }
trap 'exit 130' INT TERM
trap delete EXIT
sam deploy --stack-name "$stack" --resolve-s3 --s3-prefix "$stack" --capabilities CAPABILITY_IAM \
    --no-confirm-changeset --parameter-overrides "StreamNames=kinesight-verify-*" NotificationStatus=ENABLED \
    LiveStatus=ENABLED ${SMOKE_EMAIL:+"ViewerUserEmail=$SMOKE_EMAIL"}
kinesight verify --stack "$stack" --yes --capture "$capture"
