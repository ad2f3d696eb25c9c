#!/bin/bash
# A throwaway PostgreSQL, a small shop, and rowferry showing its changes live; killed in the middle.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
venv="$(python3 "$root/tests/support/fetch.py" venv)"
exec "$venv/bin/python" -B "$root/deploy/demo/demo.py" "${1:-stdout}"
