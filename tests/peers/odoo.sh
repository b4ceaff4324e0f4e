#!/bin/sh
# odoo.sh: puts a real Odoo 19 into the cache of the tests' servers, for `make test-odoo`. Not for CI: 2.5 GB and about five
# minutes the first time; nothing to do the second.
#
# Odoo 19 is a package of Debian sid, but needs the Python 3.13 of trixie (sid's own is too new for it): so a small trixie
# with that one package pinned stands in a folder and is entered by chroot. Needs root and debootstrap; where that cannot be
# it says so and exits 1. Its database is the tests' PostgreSQL. LEADGATE_PEERS_CACHE and LEADGATE_DEBIAN_MIRROR: see install.sh.
set -eu

CACHE=${LEADGATE_PEERS_CACHE:-/var/cache/leadgate-peers}
ROOT="$CACHE/odoo19"
WORK="$CACHE/.odoo19.partial"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

if [ -e "$ROOT/.complete" ]; then exit 0; fi
if [ "$(id -u)" != 0 ]; then echo "odoo: a chroot needs root" >&2; exit 1; fi
command -v debootstrap >/dev/null || { echo "odoo: install debootstrap first" >&2; exit 1; }

mirror=${LEADGATE_DEBIAN_MIRROR:-$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)}
mirror=${mirror:-http://deb.debian.org/debian}
mkdir -p "$CACHE" && rm -rf "$WORK"
echo "odoo: fetching Odoo 19 into $ROOT"
began=$(date +%s)
debootstrap --variant=minbase --include=ca-certificates,tzdata trixie "$WORK" "$mirror" >"$CACHE/.odoo19.log" 2>&1 ||
    { tail -n 5 "$CACHE/.odoo19.log" >&2; exit 1; }
for file in /etc/apt/apt.conf.d/99*; do # the machine's own settings (proxies), where it has any
    if [ -e "$file" ]; then cp "$file" "$WORK/etc/apt/apt.conf.d/"; fi
done
cp /etc/resolv.conf "$WORK/etc/"
printf '#!/bin/sh\nexit 101\n' >"$WORK/usr/sbin/policy-rc.d" && chmod +x "$WORK/usr/sbin/policy-rc.d" # no service starts
echo "deb $mirror sid main" >"$WORK/etc/apt/sources.list.d/sid.list"
printf 'Package: *\nPin: release n=sid\nPin-Priority: 50\n\nPackage: odoo-19\nPin: release n=sid\nPin-Priority: 600\n' \
    >"$WORK/etc/apt/preferences.d/odoo"
# its own mount of /proc is gone with the shell that made it
# shellcheck disable=SC2016 # the inner shell expands it
unshare --mount sh -ec '
    mount -t proc proc "$1/proc"
    chroot "$1" apt-get -q update
    chroot "$1" apt-get -q install -y --no-install-recommends odoo-19 python3-phonenumbers tzdata-legacy
    chroot "$1" apt-get clean
' sh "$WORK" </dev/null >>"$CACHE/.odoo19.log" 2>&1 || { tail -n 5 "$CACHE/.odoo19.log" >&2; exit 1; }
chmod 755 "$WORK"
: >"$WORK/.complete"
rm -rf "$ROOT" && mv "$WORK" "$ROOT"
echo "odoo: ready after $(($(date +%s) - began)) s"
