#!/bin/sh
# install.sh: puts the real servers that the tests talk to into a cache outside the work tree. Quick the second time.
#
#   postgresql   the machine's own if there is one, else Debian's or Ubuntu's package of the running release
#   chromium     the machine's own if there is one, else the package of the running release
#   strace       the same: the fault tests kill the gateway at a system call of their choice with it
#   asterisk16   Asterisk 16.28 of Debian bullseye, a frozen suite
#   dovecot      Dovecot 2.3.19 of Debian bookworm (2.4 has another configuration language)
#   mariadb      MariaDB 10.11 of Debian bookworm: FreePBX keeps its CDRs in one
#   axe          axe-core 4.12 of PyPI: looks at pages for what keeps people with disabilities out
#   tryton       Tryton 8.2 of PyPI with the modules party and sale_opportunity, and an empty database made by it (SQLite)
#   asterisk22   Asterisk 22 of Debian sid, only with LEADGATE_ASTERISK=22 (a moving suite: for trying, not for CI)
#
# The packages are downloaded by apt with lists and cache of their own and unpacked, not installed: no service starts, no
# file of the machine changes (but see tzdata below), root is not needed. A server is complete or absent: it is unpacked
# beside its place and renamed, so that an interrupted run is simply begun again.
#
# Where that cannot work (no Debian, no network) it says what is skipped and exits 0; with REQUIRE_PEERS=1 it exits 1.
# LEADGATE_PEERS_CACHE moves the cache, LEADGATE_DEBIAN_MIRROR replaces the mirror. Remove the cache to start anew.
set -u

if [ "$(id -u)" = 0 ]; then default=/var/cache/leadgate-peers; else default=${XDG_CACHE_HOME:-$HOME/.cache}/leadgate-peers; fi
CACHE=${LEADGATE_PEERS_CACHE:-$default}
FORMAT=1 # raised when what is unpacked must be made anew

say() { echo "peers: $*"; }

give_up() {
    if [ "${REQUIRE_PEERS:-}" = 1 ]; then
        say "$1 (REQUIRE_PEERS=1: this is an error)" >&2
        exit 1
    fi
    say "$1; the tests that need it are skipped"
}

# The mirror of the machine's own apt settings, where it is a Debian; both of apt's formats.
mirror() {
    if [ -n "${LEADGATE_DEBIAN_MIRROR:-}" ]; then
        echo "$LEADGATE_DEBIAN_MIRROR"
        return
    fi
    found=
    if grep -qs '^ID=debian$' /etc/os-release; then
        found=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
            sed -n -E 's#^URIs: *([^ ]+/debian/?)( .*)?$#\1#p; s#^deb +(\[[^]]*\] +)?([^ ]+/debian/?) .*#\2#p' | head -n 1)
    fi
    echo "${found:-http://deb.debian.org/debian}"
}

# apt_in FOLDER ARGUMENTS...: apt-get with the lists, the package state and the cache in FOLDER, and nothing of the machine's
# but its apt.conf (proxies).
apt_in() {
    folder=$1
    shift
    APT_CONFIG="$folder/apt.conf" DEBIAN_FRONTEND=noninteractive apt-get -q "$@" </dev/null
}

# prepare FOLDER: the settings for apt_in; sources and the state of installed packages are the caller's.
prepare() {
    mkdir -p "$1/state/lists/partial" "$1/cache/archives/partial" "$1/none"
    cat >"$1/apt.conf" <<EOF
Dir::State "$1/state";
Dir::State::status "$1/status";
Dir::Cache "$1/cache";
Dir::Etc::preferencesparts "$1/none";
Dir::Log "$1";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Install-Recommends "false";
APT::Sandbox::User "";
EOF
}

# keyring FOLDER: the file with Debian's keys; on Ubuntu it comes from Ubuntu's own archive.
keyring() {
    for file in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp \
        "$1/usr/share/keyrings/debian-archive-keyring.gpg"; do
        if [ -f "$file" ]; then
            echo "$file"
            return
        fi
    done
    if [ "$(id -u)" = 0 ]; then apt-get -q update </dev/null >&2; fi
    (cd "$1" && apt-get -q download debian-archive-keyring >/dev/null && dpkg-deb -x debian-archive-keyring_*.deb .) </dev/null >&2 &&
        echo "$1/usr/share/keyrings/debian-archive-keyring.gpg"
}

# from_suite FOLDER SUITE: take everything, the C library too, from another release than the machine's.
from_suite() {
    keys=$(keyring "$1") || return 1
    echo "deb [signed-by=$keys] $(mirror) $2 main" >"$1/sources.list"
    : >"$1/status"
    printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "%s";\n' "$1/sources.list" "$1/none" >>"$1/apt.conf"
}

# from_machine FOLDER: take only what the machine lacks, from its own sources.
from_machine() { cp /var/lib/dpkg/status "$1/status"; }

# unpack FOLDER ROOT: all downloaded packages, two at a time.
unpack() {
    # shellcheck disable=SC2016 # the inner shell expands them
    find "$1/cache/archives" -maxdepth 1 -name '*.deb' -print0 |
        xargs -0 -n 8 -P 2 sh -c 'root=$1; shift; for deb; do dpkg-deb -x "$deb" "$root" || exit 255; done' unpack "$2"
}

# fetch NAME SOURCE PACKAGE...: download, unpack, and only then move to $CACHE/NAME. SOURCE is "machine" or a suite.
fetch() {
    name=$1 source=$2
    shift 2
    work="$CACHE/.$name.partial"
    rm -rf "$work" && mkdir -p "$work/root" && prepare "$work" || return 1
    if [ "$source" = machine ]; then from_machine "$work"; else from_suite "$work" "$source"; fi || return 1
    apt_in "$work" update >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; return 1; }
    apt_in "$work" install --download-only -y "$@" >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; return 1; }
    unpack "$work" "$work/root" || return 1
    chmod 755 "$work/root" # a server that is started by root runs as nobody
    echo "$FORMAT $source $*" >"$work/root/.complete"
    rm -rf "${CACHE:?}/$name" && mv "$work/root" "$CACHE/$name" && rm -rf "$work"
}

# ensure NAME SOURCE PACKAGE...: fetch unless it is there already.
ensure() {
    name=$1 source=$2
    shift 2
    if [ "$(cat "$CACHE/$name/.complete" 2>/dev/null)" = "$FORMAT $source $*" ]; then return; fi
    say "fetching $name ($source) into $CACHE"
    began=$(date +%s)
    if fetch "$name" "$source" "$@"; then
        say "$name is ready after $(($(date +%s) - began)) s"
    else
        give_up "$name could not be fetched"
    fi
}

postgresql() {
    for initdb in /usr/lib/postgresql/*/bin/initdb; do
        if [ -x "$initdb" ]; then return; fi
    done
    # Debian's PostgreSQL reads the time zones of the machine: the one package that cannot stand in a folder of its own.
    if [ ! -e /usr/share/zoneinfo/UTC ]; then
        if [ "$(id -u)" != 0 ]; then
            give_up "postgresql needs the package tzdata"
            return
        fi
        { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends tzdata; } \
            </dev/null >/dev/null || { give_up "postgresql needs the package tzdata, which could not be installed"; return; }
    fi
    ensure postgresql machine postgresql
}

# Functions are not named as the programs: "command -v" would find the function.
own_chromium() {
    for name in chromium chromium-browser google-chrome-stable google-chrome; do
        if command -v "$name" >/dev/null; then return; fi
    done
    ensure chromium machine chromium
}

own_strace() {
    if command -v strace >/dev/null; then return; fi
    ensure strace machine strace
}

# tryton: the packages in a folder of their own, for the Python that runs the tests, and a database that tests copy: to make
# it takes most of a minute, to copy it nothing.
tryton() {
    python="${PEERS_PYTHON:-$(dirname "$0")/../../.venv/bin/python}"
    [ -x "$python" ] || python=python3
    stamp="$FORMAT $("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])') $*"
    if [ "$(cat "$CACHE/tryton/.complete" 2>/dev/null)" = "$stamp" ]; then return; fi
    say "fetching tryton (PyPI) into $CACHE"
    began=$(date +%s)
    if make_tryton "$@"; then say "tryton is ready after $(($(date +%s) - began)) s"; else give_up "tryton could not be made"; fi
}

make_tryton() {
    work="$CACHE/.tryton.partial"
    rm -rf "$work" && mkdir -p "$work/database" || return 1
    "$python" -m pip install --quiet --disable-pip-version-check --target "$work/site" "$@" >"$work/log" 2>&1 ||
        { tail -n 5 "$work/log" >&2; return 1; }
    printf '[database]\nuri = sqlite://\npath = %s/database\n' "$work" >"$work/make.conf"
    echo "admin-of-tryton" >"$work/password"
    : >"$work/database/crm.sqlite"
    PYTHONPATH="$work/site" TRYTONPASSFILE="$work/password" "$python" "$work/site/bin/trytond-admin" -c "$work/make.conf" \
        -d crm -u party sale_opportunity --activate-dependencies --email admin@example.com -p -l en </dev/null \
        >>"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; return 1; }
    echo "$stamp" >"$work/.complete"
    rm -rf "$CACHE/tryton" && mv "$work" "$CACHE/tryton"
}

# axe: one script in a wheel whose Python and dependencies are not used. Pinned by its hash, as everything else of PyPI is.
axe() {
    stamp="$FORMAT $*"
    if [ "$(cat "$CACHE/axe/.complete" 2>/dev/null)" = "$stamp" ]; then return; fi
    python="${PEERS_PYTHON:-$(dirname "$0")/../../.venv/bin/python}"
    [ -x "$python" ] || python=python3
    work="$CACHE/.axe.partial"
    rm -rf "$work" && mkdir -p "$work" && echo "$1 --hash=sha256:$2" >"$work/wanted" &&
        "$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
            --target "$work/site" -r "$work/wanted" >"$work/log" 2>&1 ||
        { tail -n 5 "$work/log" >&2; give_up "axe could not be fetched"; return; }
    echo "$stamp" >"$work/.complete"
    rm -rf "$CACHE/axe" && mv "$work" "$CACHE/axe"
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    give_up "PostgreSQL, Asterisk and Dovecot are installed on Debian and Ubuntu only"
    exit 0
fi
if ! mkdir -p "$CACHE" 2>/dev/null || ! [ -w "$CACHE" ]; then
    give_up "$CACHE cannot be written to: set LEADGATE_PEERS_CACHE"
    exit 0
fi
CACHE=$(cd "$CACHE" && pwd)
chmod 755 "$CACHE"
exec 9>"$CACHE/.lock"
flock 9 # two runs at once: the second waits and then finds everything done

postgresql
ensure asterisk16 bullseye asterisk asterisk-modules asterisk-voicemail
ensure dovecot bookworm dovecot-imapd
ensure mariadb bookworm mariadb-server-core
own_chromium
own_strace
axe 'axe-playwright-python==0.1.8' fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8
tryton 'trytond==8.2.*' 'trytond_party==8.2.*' 'trytond_sale_opportunity==8.2.*'
case ${LEADGATE_ASTERISK:-16} in
16) ;;
22) ensure asterisk22 sid asterisk asterisk-modules ;;
*) give_up "LEADGATE_ASTERISK=$LEADGATE_ASTERISK is neither 16 nor 22" ;;
esac
