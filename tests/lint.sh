#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lint.sh: formatting, static analysis, rooms, manual pages, shell scripts. Needs build/default to
# be configured (compile_commands.json).
set -eu
cd "$(dirname "$0")/.."
jobs=$(nproc)
failed=0

check() { # name, command: one result line
    name=$1
    shift
    if out=$("$@" 2>&1); then
        echo "ok   - $name"
    else
        echo "FAIL - $name"
        printf '%s\n' "$out" | grep -v 'warnings generated' | head -60
        failed=1
    fi
}

sources() {
    git ls-files 'src/*.c'
}

formatting() {
    git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
}

# One file a run: with several, clang-tidy 14 takes a va_list of the second for uninitialised.
tidy() {
    sources | xargs -P "$jobs" -n 1 clang-tidy --quiet -p build/default
}

# The programs' rooms are left to clang-tidy: gcc 12 needs minutes for uthash's macros and then
# reports leaks that are none. It takes one source with -o /dev/null at a time.
analyzer() {
    git ls-files 'src/base/*.c' 'src/proto/*.c' 'src/io/*.c' 'src/net/*.c' 'src/store/*.c' |
        xargs -P "$jobs" -I '{}' gcc -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Iinclude -Isrc \
            -isystem /usr/include/libev -O1 -fanalyzer -Werror -c -o /dev/null '{}'
}

# The cores know no socket, file, clock or thread: what they need from outside is named here.
cores_are_pure() {
    nm -u build/default/src/proto/libproto.a | awk '$1 == "U" {print $2}' | sort -u |
        grep -Ev '^(wherry_|bytes_|number_|block_|pace_|patience_|pending_error_|text_|wire_error_|exchange_|client_|message_tag_)' |
        grep -Ev '^(calloc|free|mem(cpy|cmp|chr|move|set)|str(len|nlen|cmp|ncmp|casecmp|ncasecmp|chr)|snprintf|__(mem|str|snprintf)[a-z]*_chk|__stack_chk_fail|__ctype_.*|tolower|_GLOBAL_OFFSET_TABLE_)$' &&
        return 1
    return 0
}

# One file knows libev; includes go from the outer rooms to the inner ones only.
rooms() {
    [ "$(grep -rlE '#include <(libev/)?ev\.h>' src include)" = src/io/loop.c ] || {
        echo 'libev is included outside src/io/loop.c'
        return 1
    }
    forbid base 'io|net|store|proto|server|client'
    forbid proto 'io|net|store|server|client'
    forbid io 'net|store|proto|server|client'
    forbid net 'store|proto|server|client'
    forbid store 'net|proto|server|client'
    forbid client server
    forbid server client
}

forbid() { # room, rooms it must not include
    if grep -rnE "#include \"($2)/" "src/$1"; then
        echo "src/$1 must not include these"
        return 1
    fi
}

manuals() {
    mandoc -Tlint -W warning man/*.[1578]
}

scripts() {
    # shellcheck disable=SC2046 # names without spaces
    shellcheck -x -S warning $(git ls-files '*.sh' '.ci/run')
}

check 'formatting (clang-format)' formatting
check 'manual pages (mandoc -Tlint)' manuals
check 'shell scripts (shellcheck)' scripts
check 'rooms include only what they may' rooms
[ -f build/default/src/proto/libproto.a ] && check 'cores call no socket, file or clock' cores_are_pure
check 'gcc -fanalyzer (base, proto, io, net, store)' analyzer
check 'clang-tidy' tidy
exit $failed
