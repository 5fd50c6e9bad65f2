#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# install-deps.sh GROUP...: installs what is missing of Debian's packages for these groups.
#   build    what debian/control names (apt-get build-dep)
#   peers    client programs of others that the tests and scenes drive, and what the example
#            clients need; no servers, these would start as daemons: interop/fetch-peers.sh unpacks
#            those into build/
#   bench    what draws the benchmark's picture
#   lint     clang's tools
#   foreign  cross compilers for s390x and i386, and an emulator that runs what they build
#   package  lintian, what builds packages, and what looks at units (systemd-analyze)
#   package-check  what asks more of packages, and a Debian to install them into
# Says what it installs. Asks first, unless in CI or root. Installs nothing when nothing is missing.
set -eu
cd "$(dirname "$0")/.."

packages=
build=no
for group in "$@"; do
    case $group in
    build) build=yes ;;
    peers) packages="$packages tftp-hpa curl atftp busybox iproute2 python3" ;;
    bench) packages="$packages gnuplot-nox" ;;
    lint) packages="$packages clang clang-format clang-tidy libclang-rt-14-dev gcovr mandoc shellcheck" ;;
    foreign) packages="$packages gcc-s390x-linux-gnu gcc-i686-linux-gnu qemu-user" ;;
    package) packages="$packages dpkg-dev git lintian systemd xz-utils" ;;
    package-check)
        packages="$packages blhc faketime iproute2 locales mmdebstrap piuparts"
        packages="$packages systemd-container uidmap"
        ;;
    *)
        echo "install-deps.sh: unknown group '$group'" \
            '(build, peers, bench, lint, foreign, package, package-check)' >&2
        exit 2
        ;;
    esac
done

plan_of() { # prints the packages that apt would install
    if [ "$build" = yes ]; then
        apt-get --simulate build-dep ./ || return 1
    fi
    if [ -n "$packages" ]; then
        # shellcheck disable=SC2086 # a list of words
        apt-get --simulate --no-upgrade --no-install-recommends install $packages || return 1
    fi
}

plan() {
    plan_of 2>/dev/null >"$list.apt" || return 1
    sed -n 's/^Inst \([^ ]*\).*/\1/p' "$list.apt" | sort -u >"$list"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "install-deps.sh: must be root, or have sudo, to run: $*" >&2
        exit 1
    fi
}

list=$(mktemp)
trap 'rm -f "$list" "$list.apt"' EXIT
if ! plan; then
    echo "apt does not know all packages yet: apt-get update"
    as_root apt-get -qq update
    plan || {
        plan_of >/dev/null
        exit 1
    }
fi
[ -s "$list" ] || exit 0

echo "Missing Debian packages: $(tr '\n' ' ' <"$list")"
if [ "$(id -u)" != 0 ] && [ -z "${CI:-}" ]; then
    printf 'Install them? [y/N] '
    read -r answer || answer=
    case $answer in
    y | Y | yes) ;;
    *)
        echo "Nothing was installed. By hand: apt-get build-dep ./ && apt-get install$packages" >&2
        exit 1
        ;;
    esac
fi
export DEBIAN_FRONTEND=noninteractive
if [ "$build" = yes ]; then
    as_root apt-get -qq -y build-dep ./ >"$list.apt" 2>&1 || { cat "$list.apt" >&2; exit 1; }
fi
if [ -n "$packages" ]; then
    # shellcheck disable=SC2086
    as_root apt-get -qq -y --no-upgrade --no-install-recommends install $packages >"$list.apt" 2>&1 ||
        { cat "$list.apt" >&2; exit 1; }
fi
