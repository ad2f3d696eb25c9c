#!/bin/bash
# The same with a real Kafka and schema registry, read back by a reader that is not ours.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
python3 "$root/tests/support/fetch.py" kafka-4.3.1 registry >/dev/null
exec "$root/deploy/demo/demo.sh" kafka "${1:-postgresql}"
