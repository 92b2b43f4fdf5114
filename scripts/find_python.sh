#!/usr/bin/env bash
# Print the first Python of version 3.11 or later; PYTHON, when set, is the only candidate.
set -euo pipefail

for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
  if command -v "$candidate" >/dev/null 2>&1 &&
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    command -v "$candidate"
    exit 0
  fi
done

echo "squall needs Python 3.11 or later, and none was found (looked for: ${PYTHON:-python3, python3.13, python3.12, python3.11, python})." >&2
echo "Install one, or name it: make PYTHON=/path/to/python3.11 demo" >&2
exit 1
