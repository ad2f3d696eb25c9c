#!/bin/bash
# Installs by apt, on Debian 12, what a job needs and what is not there yet.
#
#   deploy/install-deps.sh [build|test|demo|demo-kafka]
#
# Quick when nothing is missing: asks dpkg only, and touches apt only for what is not installed.
set -euo pipefail

build="gcc make pkg-config libpq-dev librdkafka-dev libavro-dev libyaml-dev libcurl4-openssl-dev
       libsqlite3-dev libssl-dev libjansson-dev zlib1g-dev"
python="python3 python3-venv"
java="openjdk-17-jre-headless maven"

case "${1:-build}" in
    build)      want="$build" ;;
    test)       want="$build $python $java postgresql libcmocka-dev kcat debootstrap clang
                      libclang-rt-14-dev strace ca-certificates util-linux" ;;
    demo)       want="$build $python postgresql" ;;
    demo-kafka) want="$build $python $java postgresql" ;;
    *)          echo "usage: $0 [build|test|demo|demo-kafka]" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "$0: this is not Debian; install what these packages hold by hand:" $want >&2
    exit 3
fi

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=()
for package in $want; do
    case "$package" in
        openjdk-17-jre-headless) command -v java >/dev/null && continue ;;   # another Java will do
        maven)                   command -v mvn >/dev/null && continue ;;
    esac
    is_installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "$0: missing, and neither root nor sudo: ${missing[*]}" >&2; exit 3; }
    as_root=(sudo)
fi

echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt_get() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 "$@"; }

# The server package makes and starts a cluster of its own by default; nobody here wants it.
if [[ " ${missing[*]} " == *" postgresql "* ]]; then
    apt_get update >&2
    apt_get install -y --no-install-recommends postgresql-common >&2
    conf=/etc/postgresql-common/createcluster.conf
    if [ ! -f $conf ] || ! grep -q '^create_main_cluster' $conf; then
        echo 'create_main_cluster = false' | "${as_root[@]}" tee -a $conf >/dev/null
    fi
else
    apt_get update >&2
fi
apt_get install -y --no-install-recommends "${missing[@]}" >&2
