#!/bin/sh
# Makes this clone ready to run: PostGIS and Python's venv from the system's packages, then .venv from the lock file.
# It takes a moment when everything is there, and says in a sentence what to install where it cannot do so itself.
#
#   ./bootstrap.sh                 everything that the server needs
#   ./bootstrap.sh --tests         and GDAL's programs, with which the tests ask the server as its users do
#   ./bootstrap.sh --no-database   only .venv: for checks that need no server
set -eu
cd "$(dirname "$0")"

say() { printf 'bootstrap: %s\n' "$*"; }
fail() { printf 'bootstrap: %s\n' "$*" >&2; exit 1; }

find_python() {
    for name in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3; do
        # pyenv has a shim for every version, chosen or not: only a trial run tells.
        "$name" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); print(sys.executable)' 2>/dev/null && return
    done
    return 1
}

has_postgis() {
    for control in /usr/share/postgresql/*/extension/postgis.control; do
        version=${control#/usr/share/postgresql/}
        [ -e "$control" ] && [ -x "/usr/lib/postgresql/${version%%/*}/bin/postgres" ] && return 0
    done
    command -v pg_config >/dev/null 2>&1 &&
        [ -e "$(pg_config --sharedir)/extension/postgis.control" ] && [ -x "$(pg_config --bindir)/postgres" ]
}

needs_postgis() {
    [ "$database" = yes ] || return 1
    # Somebody who names a server or its programs does not want ours.
    [ -z "${FIELDSYNC_DATABASE_URL:-}${FIELDSYNC_TEST_DATABASE_URL:-}${FIELDSYNC_PG_BINDIR:-}" ] || return 1
    ! has_postgis
}

needs_venv() { ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# The PostGIS package for the server version that is here already, or else for the newest one on offer.
postgis_package() {
    for bin in /usr/lib/postgresql/*/bin/postgres; do
        version=${bin#/usr/lib/postgresql/}
        version=${version%%/*}
        if [ -x "$bin" ] && apt-cache show "postgresql-$version-postgis-3" >/dev/null 2>&1; then
            echo "postgresql-$version-postgis-3"
            return
        fi
    done
    newest=$(apt-cache search --names-only '^postgresql-[0-9]+-postgis-3$' | cut -d' ' -f1 | sort -t- -k2,2n | tail -n 1)
    echo "${newest:-postgresql-NN-postgis-3}"  # NN: the lists of packages are missing or too old to know.
}

venv_package() {
    [ "$(readlink -f "$python")" = "/usr/bin/$("$python" -c 'import sys; print("python3.%d" % sys.version_info[1])')" ] ||
        fail "$python has no venv module. Please install Python 3.11 or later with venv, or name one: PYTHON=… make"
    basename "$(readlink -f "$python")-venv"
}

wanted_packages() {
    if needs_postgis; then postgis_package; fi
    if needs_venv; then venv_package; fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        sudo "$@"
    else
        return 1
    fi
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null; }

# Debian makes a cluster and starts it on port 5432 whenever a server version is installed. Ours is private, so we ask
# for none; clusters that exist are not touched, and the request is taken back afterwards.
no_main_cluster=/etc/postgresql-common/createcluster.d/fieldsync-bootstrap.conf
forbid_main_cluster() {
    trap allow_main_cluster EXIT
    trap 'exit 130' INT TERM HUP
    as_root mkdir -p "$(dirname "$no_main_cluster")"
    as_root sh -c "echo 'create_main_cluster = false' > $no_main_cluster"
}
allow_main_cluster() {
    as_root rm -f "$no_main_cluster"
    as_root rmdir --ignore-fail-on-non-empty "$(dirname "$no_main_cluster")" || true
}

install_system_packages() {
    if ! command -v apt-get >/dev/null 2>&1; then
        fail "Please install PostgreSQL 14 or later with PostGIS 3, and Python's venv module, with this system's package" \
            "manager; if the programs lie in an unusual folder, name it: FIELDSYNC_PG_BINDIR=/…/bin"
    fi
    packages=$(wanted_packages | tr '\n' ' ')
    as_root true ||
        fail "Packages are missing and I may not install them. Please run, as root: apt-get install $packages"
    case $packages in
        *-NN-*) apt_get update && packages=$(wanted_packages | tr '\n' ' ') ;;
    esac
    say "installing $packages(system packages)"
    forbid_main_cluster
    # Lists of another day name files that are gone: then once more with today's.
    # shellcheck disable=SC2086
    apt_get install -y --no-install-recommends $packages >/dev/null 2>&1 ||
        { apt_get update && apt_get install -y --no-install-recommends $packages >/dev/null; } ||
        fail "apt-get could not install: $packages"
    allow_main_cluster
    trap - EXIT INT TERM HUP
    if needs_postgis; then fail "$packages did not bring PostGIS. Please install PostgreSQL with PostGIS 3."; fi
}

# Not worth failing for: the few tests that need them say that they are skipped.
install_clients() {
    if command -v apt-get >/dev/null 2>&1 && as_root true; then
        say "installing gdal-bin (system package, for the tests)"
        apt_get install -y --no-install-recommends gdal-bin >/dev/null 2>&1 ||
            { apt_get update && apt_get install -y --no-install-recommends gdal-bin >/dev/null; } || true
    fi
    command -v ogr2ogr >/dev/null 2>&1 ||
        say "ogr2ogr is not here, so its tests are skipped. To have them run, as root: apt-get install gdal-bin"
}

install_python_packages() {
    # One at a time: two makes in two terminals would write the same folder.
    if command -v flock >/dev/null 2>&1; then
        exec 9>.bootstrap.lock
        flock 9
    fi
    locked="$(pwd) $("$python" -V) $(cksum < requirements-dev.lock)"
    if ! .venv/bin/python -c '' 2>/dev/null || [ "$(head -n 1 .venv/locked 2>/dev/null)" != "$locked" ]; then
        say "installing Python packages into .venv (under a minute on a good line)"
        # A venv that was moved, or whose Python is gone, cannot be mended.
        case "$(head -n 1 .venv/locked 2>/dev/null)" in
            "$(pwd) $("$python" -V) "*) .venv/bin/python -c '' 2>/dev/null || rm -rf .venv ;;
            *) rm -rf .venv ;;
        esac
        [ -d .venv ] || "$python" -m venv .venv
        rm -f .venv/locked .venv/project
        .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --only-binary :all: \
            -r requirements-dev.lock
        echo "$locked" > .venv/locked
    fi
    project=$(cksum < pyproject.toml)
    if [ "$(cat .venv/project 2>/dev/null)" != "$project" ]; then
        .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation \
            --config-settings editable_mode=compat -e .
        echo "$project" > .venv/project
    fi
}

database=yes
[ "${1:-}" != --no-database ] || database=no
python=$(find_python) || fail "Please install Python 3.11 or later, or name one: PYTHON=/…/python3 make"
if needs_postgis || needs_venv; then install_system_packages; fi
if [ "${1:-}" = --tests ] && ! command -v ogr2ogr >/dev/null 2>&1; then install_clients; fi
install_python_packages
