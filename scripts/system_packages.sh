#!/usr/bin/env bash
# Install the system packages squall needs where they are missing.
#
#   demo  libgomp (the platform's model needs OpenMP) and Python's venv module
#   all   also PostgreSQL and OpenSSL (tests), nginx (benchmarks) and Chromium (tests, pictures)
#
# Only root can install, and only with apt-get; anybody else is told what to install.
set -euo pipefail

level=${1:?demo or all}
python=${2:?path of the Python to use}

has_library() { { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null; } | grep -q "$1"; }
has_program() { command -v "$1" >/dev/null 2>&1 || [[ -x /usr/sbin/$1 ]]; }
has_postgres() { has_program initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
has_venv() { "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; }

needed=()
has_library 'libgomp\.so\.1' || needed+=(libgomp1)
has_venv || needed+=(python3-venv)
optional=()
if [[ $level == all ]]; then
  has_postgres || needed+=(postgresql)
  has_program openssl || needed+=(openssl)
  has_program nginx || optional+=(nginx-light)
  has_program chromium || has_program chromium-browser || has_program google-chrome ||
    optional+=(chromium)
fi

if ((${#needed[@]} + ${#optional[@]} == 0)); then
  exit 0
fi

missing="${needed[*]} ${optional[*]}"
if [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null 2>&1; then
  echo "installing system packages: $missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # Debian would start a PostgreSQL cluster of its own at once; the tests start theirs.
  apt-get install -y -qq --no-install-recommends ${needed[@]} ${optional[@]} >/dev/null
  exit 0
fi

if ((${#optional[@]} > 0)); then
  echo "note: without ${optional[*]} some benchmarks and pictures cannot be made" >&2
fi
if ((${#needed[@]} > 0)); then
  echo "squall needs system packages that are missing: ${needed[*]}" >&2
  echo "Install them and run make again. On Debian or Ubuntu: sudo apt-get install ${needed[*]}" >&2
  exit 1
fi
