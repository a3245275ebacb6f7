#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds Debian packages from this tree: tests/package.sh [FOLDER], by default into build/packages.
#   trenza                the command, its manual, completion, the report's schema
#   libtrenza-preload     what is loaded into programs, apart so that images can hold it alone, for any architecture side by side
#   trenza-gui            the window; only where GTK 4 is there to build it
# Needs dpkg-dev and what tests/packages.txt lists for building. It installs nothing and needs no root.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "${1:-$top/build/packages}"
target=$(cd "${1:-$top/build/packages}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
architecture=$(dpkg-architecture -qDEB_HOST_ARCH)
version=$(sed -n "s/^ *version: '\(.*\)',/\1/p" "$top/meson.build")
libdir=usr/lib/$multiarch
# Packages made twice from one tree are the same, byte for byte.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

meson setup "$work/build" "$top" --prefix=/usr --libdir="lib/$multiarch" --buildtype=debugoptimized -Dtests=false \
    -Dgui="${TRENZA_PACKAGE_GUI:-auto}" >"$work/log" 2>&1 &&
    ninja -C "$work/build" >>"$work/log" 2>&1 &&
    meson install -C "$work/build" --no-rebuild --strip --destdir "$work/all" >>"$work/log" 2>&1 ||
    { tail -n 40 "$work/log" >&2; exit 1; }

# move PACKAGE PATH...: these files of the whole installation belong to it.
move() {
    local package=$1 path
    shift
    for path in "$@"; do
        [ -e "$work/all/$path" ] || continue
        mkdir -p "$work/$package/$(dirname "$path")"
        mv "$work/all/$path" "$work/$package/$path"
    done
}

# build PACKAGE DEPENDS SUMMARY EXTRA <LONG TEXT: writes the description of a package whose files are in place, and the package.
build() {
    local package=$1 depends=$2 summary=$3 extra=$4 needed=
    local binaries documents=$work/$package/usr/share/doc/$1
    mapfile -t binaries < <(find "$work/$package" -type f \( -perm -u+x -o -name '*.so' \))
    mkdir -p "$work/shlibs/debian" "$work/$package/DEBIAN" "$documents"
    printf 'Source: trenza\n\nPackage: %s\nArchitecture: any\n' "$package" >"$work/shlibs/debian/control"
    if [ ${#binaries[@]} -gt 0 ]; then
        needed=$(cd "$work/shlibs" && dpkg-shlibdeps -O --ignore-missing-info "${binaries[@]}" 2>"$work/log" |
            sed -n 's/^shlibs:Depends=//p')
    fi
    cp "$top/LICENSE" "$documents/copyright"
    find "$work/$package/usr/share/man" -type f -exec gzip -9n {} + 2>/dev/null || true
    {
        printf 'Package: %s\nSource: trenza\nVersion: %s\nArchitecture: %s\n' "$package" "$version" "$architecture"
        printf 'Section: devel\nPriority: optional\nMaintainer: Trenza maintainers <trenza@localhost>\n'
        printf 'Installed-Size: %s\n' "$(du -sk --exclude=DEBIAN "$work/$package" | cut -f1)"
        [ -z "$extra" ] || printf '%s\n' "$extra"
        depends=$(printf '%s\n%s\n' "$depends" "$needed" | sed '/^$/d' | paste -sd, | sed 's/,/, /g; s/  */ /g')
        [ -z "$depends" ] || printf 'Depends: %s\n' "$depends"
        printf 'Description: %s\n' "$summary"
        sed 's/^$/./; s/^/ /'
    } >"$work/$package/DEBIAN/control"
    (cd "$work/$package" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    find "$work/$package" -type d -exec chmod 755 {} +
    dpkg-deb --build --root-owner-group "$work/$package" "$target/${package}_${version}_$architecture.deb" >/dev/null
    echo "$target/${package}_${version}_$architecture.deb"
}

move libtrenza-preload "$libdir/trenza/libtrenza-preload.so"
move trenza-gui usr/bin/trenza-gui usr/share/applications usr/share/icons usr/share/metainfo usr/share/mime \
    usr/share/man/man1/trenza-gui.1 usr/share/bash-completion/completions/trenza-gui
mv "$work/all" "$work/trenza"

build libtrenza-preload '' 'lock tracer that is preloaded into programs' 'Multi-Arch: same' <<'TEXT'
The library that Trenza loads into the programs it looks at. It records what
their threads do with their locks, and needs nothing but libc.
TEXT
build trenza "libtrenza-preload (= $version)" 'find where the threads of a program can deadlock' '' <<'TEXT'
Trenza records how the threads of an unmodified pthread program take their
locks, finds where they can knot, and tells it with stacks, names and the
interleaving that leads there; for people, and as JSON, SARIF, JUnit's XML or
GitHub annotations.
TEXT
if [ -e "$work/trenza-gui/usr/bin/trenza-gui" ]; then
    build trenza-gui "trenza (= $version)" 'window onto the traces of Trenza' '' <<'TEXT'
Shows who held which lock when, who waited for whom, and steps through the
interleavings that Trenza found.
TEXT
fi
