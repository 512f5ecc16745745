#!/bin/sh
# Writes what each layer deploys as a CycloneDX bill of materials, from the same lock file and the same choice of packages
# as its requirements.txt (export_requirements.sh).
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-uv}
folder=${1:-sbom}
flags="--frozen --quiet --format cyclonedx1.5 --preview-features sbom-export --no-emit-workspace"
mkdir -p "$folder"
$uv export $flags --package kinesight --no-dev -o "$folder/kinesight.cdx.json"
$uv export $flags --only-group imaging -o "$folder/imaging.cdx.json"
$uv export $flags --only-group media -o "$folder/media.cdx.json"
