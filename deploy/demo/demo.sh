#!/bin/bash
# A throwaway server, a small shop, and rowferry showing its changes live; killed in the middle.
#
#   demo.sh [stdout|kafka] [postgresql|mariadb|mysql]
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
if [ "${2:-}" = mysql ]; then python3 "$root/tests/support/fetch.py" sid >/dev/null; fi
venv="$(python3 "$root/tests/support/fetch.py" venv)"
exec "$venv/bin/python" -B "$root/deploy/demo/demo.py" "${1:-stdout}" "${2:-postgresql}"
