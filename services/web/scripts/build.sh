#!/usr/bin/env bash
# Build the pages into services/api/static/app with the Node found, or with the one in a Python package.
# usage: build.sh VENV_BIN
set -euo pipefail
bin=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
root=$(cd ../.. && pwd)

new_enough() { "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; }

if ! { command -v node >/dev/null && command -v npm >/dev/null && new_enough node; }; then
  if [ ! -x "$bin/node" ]; then
    echo "      no Node 20.19 or newer here: taking the one in a Python package (about 200 MB, once)"
    "$bin/python" -m pip --disable-pip-version-check install --quiet --require-hashes -r "$root/requirements-web.lock"
  fi
  export PATH="$bin:$PATH"
fi
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.installed ]; then
  npm ci --no-audit --no-fund --loglevel=error
  touch node_modules/.installed
fi
npm run --silent build -- --logLevel warn
node scripts/check-addresses.mjs
touch "$root/services/api/static/app/index.html"
