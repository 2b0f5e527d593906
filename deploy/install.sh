#!/bin/sh
# Installs Taskward and its locked dependencies into a new virtual environment. "embedded" adds the embedded PostgreSQL,
# "extras" that and what Valkey and telemetry need: nothing can be added later, for pip is removed. Run it in the root
# of the repository: sh deploy/install.sh <folder> [embedded|extras]
set -eu

usage() {
  echo "usage, in the root of the repository: sh deploy/install.sh <folder> [embedded|extras]" >&2
  exit 2
}
[ $# -ge 1 ] && [ $# -le 2 ] && [ -n "$1" ] || usage
case "${2-}" in '' | embedded | extras) ;; *) usage ;; esac
lock="requirements${2:+-$2}.lock"
[ -f "$lock" ] || usage

python3 -m venv "$1"
"$1/bin/python" -m pip install --require-hashes --no-deps -r "$lock"

# The build backend is among the locked packages, so that building downloads nothing.
wheels=$(mktemp -d)
PATH="$1/bin:$PATH" "$1/bin/python" -m pip wheel --no-deps --no-build-isolation --wheel-dir "$wheels" .
"$1/bin/python" -m pip install --no-deps "$wheels"/taskward-*.whl
rm -r "$wheels"

# What builds and installs has no place where things only run.
"$1/bin/python" -m pip check
"$1/bin/python" -m pip uninstall --yes uv-build setuptools pip
