# SPDX-License-Identifier: MIT
# Sourced by samples/tour and tests/run: installs the packages that are missing, then builds in build/.
# Needs nothing but bash, apt and dpkg. It starts no service, and when nothing is missing it installs nothing.

trenza_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

setup_fail() {
    printf 'set-up failed: %s\n' "$1" >&2
    exit 1
}

# setup_missing build|all: the packages of tests/packages.txt that are not installed, one a line.
setup_missing() {
    local wanted installed
    wanted=$(sed -e "$([ "$1" = build ] && echo '/^# For the tests only/,$d')" -e 's/#.*//' -e '/^[[:space:]]*$/d' \
        "$trenza_top/tests/packages.txt")
    installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^.i *//p')
    comm -23 <(printf '%s\n' $wanted | sort -u) <(printf '%s\n' $installed | sort -u)
}

# Installs the packages named, as root. Debian starts a service as soon as its package is installed, unless
# policy-rc.d forbids it: it does so while this runs, and is put back as it was however this ends.
setup_install() {
    set -e
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap 'rm -f $policy' EXIT
        trap 'exit 1' HUP INT TERM
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update
    apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@"
}

# setup_packages build|all: installs what is missing of them.
setup_packages() {
    local missing as_root log
    command -v dpkg-query >/dev/null || setup_fail "this is no Debian; tests/packages.txt says what is needed"
    missing=$(setup_missing "$1")
    [ -n "$missing" ] || return 0
    missing=$(echo $missing)
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        as_root=sudo
    else
        setup_fail "not root, and no sudo; as root: apt-get install --no-install-recommends $missing"
    fi
    printf 'Installing (this may take some minutes): %s\n' "$missing"
    log=$(mktemp) || setup_fail 'no room for a log file'
    if ! $as_root bash -c "$(declare -f setup_install); setup_install \"\$@\"" setup $missing </dev/null >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        setup_fail 'apt-get could not install these packages'
    fi
    rm -f "$log"
    missing=$(setup_missing "$1")
    [ -z "$missing" ] || setup_fail "still missing: $(echo $missing)"
}

# setup_build [TARGET]: that or everything. Warnings are errors when CI is set. A build folder that meson cannot use any
# more is made anew.
setup_build() {
    local build=$trenza_top/build werror=false log
    [ -z "${CI:-}" ] || werror=true
    log=$build/setup.log
    mkdir -p "$build" || setup_fail "cannot write $build"
    printf 'Building in build/ (the first time takes a minute) ...\n'
    {
        if [ -e "$build/build.ninja" ]; then
            meson configure "$build" -Dwerror=$werror || find "$build" -mindepth 1 ! -name setup.log -delete
        fi
        [ -e "$build/build.ninja" ] || meson setup "$build" "$trenza_top" -Dwerror=$werror
    } </dev/null >"$log" 2>&1 && ninja -C "$build" "$@" </dev/null >>"$log" 2>&1 || {
        grep -E -A12 '^FAILED|ERROR:|(^| )error:' "$log" | head -n 60 >&2
        setup_fail 'the build; all it said is in build/setup.log'
    }
}
