#!/usr/bin/env bash
# Make .venv: "demo" installs what running squall needs, "all" the tools for working on it too.
set -euo pipefail

level=${1:?demo or all}
cd "$(dirname "$0")/.."

python=$(scripts/find_python.sh)
scripts/system_packages.sh "$level" "$python"

if [[ ! -x .venv/bin/python ]]; then
  echo "making .venv with $("$python" --version)"
  "$python" -m venv .venv
fi

case $level in
  demo) wanted='.[twin]' ;;
  all) wanted='.[aws,twin,moto,postgres,dev,docs]' ;;
  *) echo "setup.sh: unknown level '$level'; give demo or all" >&2; exit 2 ;;
esac

echo "installing squall into .venv ($level)"
# The constraints hold for the build's own tools as well.
PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
  .venv/bin/python -m pip install --quiet --progress-bar off --editable "$wanted"

touch .venv/.ready-demo
if [[ $level == all ]]; then touch .venv/.ready-all; fi
