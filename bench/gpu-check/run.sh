#!/bin/sh
# Runs the check where it stands: with the Node of this machine where that is 20.19 or newer, else with the one that travels.
set -e
here=$(cd "$(dirname "$0")" && pwd)
node=$(command -v node || true)
if [ -z "$node" ] || ! "$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  if [ ! -f "$here/node.gz" ]; then echo "Node 20.19 or newer is needed, and none travels in this folder" >&2; exit 1; fi
  node="${TMPDIR:-/tmp}/optspec-gpu-check-node"
  if [ ! -x "$node" ]; then
    gunzip -c "$here/node.gz" > "$node.new"
    chmod +x "$node.new"
    mv "$node.new" "$node"
  fi
fi
exec "$node" "$here/gpu-check.mjs" "$@"
