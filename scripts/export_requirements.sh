#!/bin/sh
# Writes the layers' requirements.txt from the lock file, so that what is deployed is what was tested.
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-uv}
flags="--frozen --quiet --no-header --no-annotate"
$uv export $flags --package kinesight --no-dev --no-emit-workspace -o layers/kinesight/requirements.txt
$uv export $flags --only-group aws-sdk -o layers/aws_sdk/requirements.txt
$uv export $flags --only-group imaging -o layers/imaging/requirements.txt
$uv export $flags --only-group media -o layers/media/requirements.txt
