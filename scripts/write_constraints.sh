#!/usr/bin/env bash
# Pin every package in .venv, what they depend on included, squall itself excluded.
set -euo pipefail

cd "$(dirname "$0")/.."
{
  echo "# Versions squall is built and tested with. Written by: make constraints"
  .venv/bin/python -m pip freeze --all --exclude-editable --exclude pip --exclude wheel |
    grep '==' | LC_ALL=C sort -f
} >constraints.new
mv constraints.new constraints.txt
echo "constraints.txt: $(grep -c '==' constraints.txt) packages"
