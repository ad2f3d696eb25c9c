#!/bin/bash
# Throwaway servers, a small shop, and rowferry keeping its replica in step; killed in the middle.
#
#   demo.sh [database|kafka] [postgresql|mariadb|mysql] [postgresql|mariadb|mysql]
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
if [ "${2:-}" = mysql ] || [ "${3:-}" = mysql ]; then python3 "$root/tests/support/fetch.py" sid >/dev/null; fi
venv="$(python3 "$root/tests/support/fetch.py" venv)"
exec "$venv/bin/python" -B "$root/deploy/demo/demo.py" "${1:-database}" "${2:-postgresql}" "${3:-}"
