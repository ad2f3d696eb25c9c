#!/bin/bash
# Installs by apt, on Debian 12, what a job needs and what is not there yet.
#
#   deploy/install-deps.sh [build|test]
#   deploy/install-deps.sh demo|demo-kafka [SERVER...]     each postgresql, mariadb or mysql
#
# Quick when nothing is missing: asks dpkg only, and touches apt only for what is not installed.
set -euo pipefail

build="gcc make pkg-config libpq-dev default-libmysqlclient-dev librdkafka-dev libavro-dev libyaml-dev
       libcurl4-openssl-dev libsqlite3-dev libssl-dev libjansson-dev libzstd-dev zlib1g-dev"
python="python3 python3-venv"
java="openjdk-17-jre-headless maven"

usage() { echo "usage: $0 [build|test] or demo|demo-kafka [postgresql|mariadb|mysql]..." >&2; exit 2; }

server=""
for kind in "${@:2}"; do
    case "$kind" in
        postgresql) server+=" postgresql" ;;
        mariadb)    server+=" mariadb-server util-linux" ;;
        mysql)      server+=" debootstrap ca-certificates util-linux" ;;       # tests/support/fetch.py fetches it
        *)          usage ;;
    esac
done
[ -n "$server" ] || server="postgresql"

case "${1:-build}" in
    build)      want="$build" ;;
    test)       want="$build $python $java postgresql mariadb-server libcmocka-dev kcat debootstrap clang
                      libclang-rt-14-dev strace ca-certificates util-linux" ;;
    demo)       want="$build $python $server" ;;
    demo-kafka) want="$build $python $java $server" ;;
    *)          usage ;;
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

is_missing() { [[ " ${missing[*]} " == *" $1 "* ]]; }

# Nothing that is installed here may be started by its package: tests start servers of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap '"${as_root[@]}" rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
fi

apt_get update >&2

# The server package makes a cluster of its own by default; nobody here wants it.
if is_missing postgresql; then
    apt_get install -y --no-install-recommends postgresql-common >&2
    conf=/etc/postgresql-common/createcluster.conf
    if [ ! -f $conf ] || ! grep -q '^create_main_cluster' $conf; then
        echo 'create_main_cluster = false' | "${as_root[@]}" tee -a $conf >/dev/null
    fi
fi
apt_get install -y --no-install-recommends "${missing[@]}" >&2

# Nor at the machine's next start.
if is_missing mariadb-server && command -v systemctl >/dev/null; then
    "${as_root[@]}" systemctl --quiet disable mariadb.service >/dev/null 2>&1 || true
fi
