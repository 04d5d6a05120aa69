#!/usr/bin/env bash
# Makes an image of the Open Container Initiative around the static binary, with tar and sha256sum:
# no daemon, no root, no network.
#
#   packaging/oci.sh [x86_64|aarch64]
#
# Without an argument, for the processor of this machine. Prints the path of the image: an archive of
# an image layout, which podman, skopeo and Docker since version 25 load. The folder beside it, without
# .tar, is the layout itself. User, ports and command are those of packaging/Dockerfile.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source packaging/common.bash

root=$packages/image-$architecture
layout=$packages/switchboard-$version-$architecture.oci

# A value of the Dockerfile.
of() { # INSTRUCTION
  sed -n "s/^$1 //p" packaging/Dockerfile
}

# The same bytes for the same files.
pack() { # FOLDER ARCHIVE
  tar --create --file "$2" --directory "$1" --sort=name --format=ustar --owner=0 --group=0 \
    --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" .
}

# Moves a file to the blobs, and prints what refers to it, without braces.
blob() { # FILE MEDIA-TYPE
  local digest size
  digest=$(sha256sum "$1" | cut -d' ' -f1)
  size=$(stat -c %s "$1")
  mv "$1" "$layout/blobs/sha256/$digest"
  echo "\"mediaType\":\"application/vnd.oci.image.$2\",\"digest\":\"sha256:$digest\",\"size\":$size"
}

build
stage "$root"
rm -rf "$layout" && mkdir -p "$layout/blobs/sha256"
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)

pack "$root" "$layout/part"
layer=$(blob "$layout/part" layer.v1.tar)
diff=$(grep -o 'sha256:[0-9a-f]*' <<<"$layer")
cat >"$layout/part" <<EOF
{"created":"$created","architecture":"$architecture","os":"linux","config":{"User":"$(of USER)",\
"ExposedPorts":{"$(of EXPOSE)/tcp":{}},"Env":["$(of ENV)"],"Entrypoint":$(of ENTRYPOINT),\
"Cmd":$(of CMD),"WorkingDir":"$(of WORKDIR)","StopSignal":"$(of STOPSIGNAL)"},\
"rootfs":{"type":"layers","diff_ids":["$diff"]},\
"history":[{"created":"$created","created_by":"packaging/oci.sh"}]}
EOF
config=$(blob "$layout/part" config.v1+json)
cat >"$layout/part" <<EOF
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
"config":{$config},"layers":[{$layer}]}
EOF
manifest=$(blob "$layout/part" manifest.v1+json)
cat >"$layout/index.json" <<EOF
{"schemaVersion":2,"manifests":[{$manifest,\
"platform":{"architecture":"$architecture","os":"linux"},\
"annotations":{"org.opencontainers.image.ref.name":"switchboard:$version"}}]}
EOF
echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
pack "$layout" "$layout.tar"
echo "$layout.tar"
