#!/bin/sh
# Builds a newer librdkafka from the distribution's own source package and installs it under PREFIX
# (default /usr/local). Debian 12 has 2.0.2; from 2.5.3 on transactions are faster and the idempotent
# producer restarts less often after broker trouble.
#
#   deploy/build-librdkafka.sh [SUITE]       SUITE: sid (default) or another Debian suite
#
# It asks the mirror that this machine's apt is set up with, in an apt configuration of its own: nothing of
# the system's is changed but PREFIX. Afterwards: make clean all
set -eu

suite=${1:-sid}
prefix=${PREFIX:-/usr/local}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    awk '$1 == "deb" && $2 ~ /^http/ {print $2; exit} $1 == "deb" && $2 ~ /^\[/ {print $3; exit}')
[ -n "$mirror" ] || mirror=$(awk '$1 == "URIs:" {print $2; exit}' /etc/apt/sources.list.d/*.sources)
case $mirror in
    *security*) mirror=$(printf '%s' "$mirror" | sed 's/debian-security/debian/') ;;
esac

mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/src"
chmod 755 "$work" "$work/src"
printf 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$suite" > "$work/sources.list"
apt="apt-get -o Dir::Etc::sourcelist=$work/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$work/lists
     -o Dir::Cache=$work/cache -o APT::Get::List-Cleanup=0 -o APT::Sandbox::User=root"
$apt update
cd "$work/src"
$apt source --download-only librdkafka
mkdir tree
tar -xf librdkafka_*.orig.tar.* --strip-components=1 -C tree
cd tree
# configure, not CMake: CMake builds of 2.11.1 to 2.14 have a bug in their atomics.
./configure --prefix="$prefix" --disable-curl
make -s libs -j"$(nproc)"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo make -s -C src install
$sudo ldconfig
PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --modversion rdkafka
