#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# foreign.sh [ARCH...]: builds the whole tree for s390x (64 bits, big-endian) and i386 (32 bits)
# and runs there what needs nothing of the system: the tests of the cores, the simulated network
# and the corpora of the fuzzers, under qemu-user. Where the kernel runs i386 by itself, all other
# tests follow without it. One line for each run; ends with 1 if one failed.
# The libraries come from Debian: an apt with lists of its own fetches and verifies them, and they
# are unpacked into build/foreign. The machine's packages and architectures stay as they are.
#   DEBIAN_MIRROR   where from (http://deb.debian.org/debian)
set -eu
cd "$(dirname "$0")/.."
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
suite=bookworm # the release whose cross compilers install-deps.sh installs
packages='libc6-dev libcmocka-dev libev-dev libconfuse-dev libssl-dev libseccomp-dev libcap-dev
uthash-dev'
jobs=$(nproc)
failed=0

# What the machine's apt is told to do after an update concerns other lists than these.
apt_conf() { # arch, directory
    cat <<END
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architecture "$1";
APT::Architectures { "$1"; };
APT::Install-Recommends "false";
Acquire::Languages "none";
Dir::Etc::sourcelist "$2/debian.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$2/state";
Dir::State::status "$2/state/status";
Dir::Cache "$2/cache";
Dir::Cache::archives "$2/archives";
END
}

sources() {
    cat <<END
Types: deb
URIs: $mirror
Suites: $suite
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
}

fetch() { # arch, directory
    mkdir -p "$2/state/lists/partial" "$2/cache" "$2/archives/partial"
    : >"$2/state/status"
    apt_conf "$1" "$2" >"$2/apt.conf"
    sources >"$2/debian.sources"
    apt-get -c "$2/apt.conf" -qq -o APT::Update::Error-Mode=any update
    # shellcheck disable=SC2086 # a list of words
    apt-get -c "$2/apt.conf" -qq -y --download-only install $packages
}

unpack() { # directory
    rm -rf "$1/sysroot"
    mkdir "$1/sysroot"
    for deb in "$1"/archives/*.deb; do
        dpkg-deb -x "$deb" "$1/sysroot"
    done
    # Links from / would lead out of the sysroot.
    find "$1/sysroot" -type l -lname '/*' | while read -r link; do
        ln -sfn "$1/sysroot$(readlink "$link")" "$link"
    done
}

# Fetches and unpacks what this list of packages asks for, unless that was done.
sysroot() { # arch
    dir=$PWD/build/foreign/$1
    if [ ! -f "$dir/complete" ] || [ "$(cat "$dir/complete")" != "$packages" ]; then
        rm -rf "$dir/archives" "$dir/complete"
        fetch "$1" "$dir"
        unpack "$dir"
        echo "$packages" >"$dir/complete"
    fi
}

quietly() { # log, command: shows the end of the log if it fails
    log=$1
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 150 "$log"
        return 1
    }
}

run() { # arch, words for ctest...: prints its result in one line
    log=build/foreign/$1/ctest.log
    begin=$(date +%s)
    preset=$1
    what=$2
    shift 2
    if quietly "$log" ctest --preset "$preset" --parallel "$jobs" --no-tests=error "$@"; then
        result=ok
    else
        result=FAIL
        failed=1
    fi
    counted=$(sed -n 's/^[0-9]*% tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$log")
    : "${counted:=0 0}"
    echo "$result - $preset, $what: $((${counted#* } - ${counted% *})) of ${counted#* } tests passed" \
        "($(($(date +%s) - begin)) s)"
}

# The kernel runs what was built for i386 by itself, or does not.
natively() {
    build/i386/tests/test_bytes >/dev/null 2>&1
}

build() { # arch
    log=build/foreign/$1/build.log
    quietly "$log" cmake --preset "$1" -UCMAKE_CROSSCOMPILING_EMULATOR &&
        quietly "$log" cmake --build --preset "$1" --parallel "$jobs"
}

foreign() { # arch
    sysroot "$1"
    if ! build "$1"; then
        echo "FAIL - $1: does not build"
        failed=1
        return
    fi
    run "$1" "cores under qemu-$1" -L pure
    if [ "$1" = i386 ] && natively; then
        cmake --preset i386 -DCMAKE_CROSSCOMPILING_EMULATOR= >/dev/null
        run i386 'all else on this kernel' -L self-contained -LE pure
    elif [ "$1" = i386 ]; then
        echo 'skip - i386, all else: this kernel does not run it without an emulator'
    fi
}

[ $# -gt 0 ] || set -- s390x i386
for arch; do
    case $arch in
    s390x | i386) foreign "$arch" ;;
    *)
        echo "foreign.sh: unknown architecture '$arch' (s390x, i386)" >&2
        exit 2
        ;;
    esac
done
exit $failed
