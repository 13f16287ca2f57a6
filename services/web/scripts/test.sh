#!/usr/bin/env bash
# Run the pages' own tests where they were built; say so where not.
# usage: test.sh VENV_BIN
set -euo pipefail
bin=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
if [ ! -d node_modules ]; then
  echo "SKIPPED the pages' tests: no Node and no built pages here"
  exit 0
fi
command -v node >/dev/null || export PATH="$bin:$PATH"
npm test --silent
