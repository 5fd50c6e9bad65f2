# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # lib.sh and run.sh have the rest
# examples.sh: the clients of interop/clients, which speak the file protocol in other languages,
# against wherryd. That they are so short is the proof that the protocol is simple.

example_sizes='0 1 1048577'
odd_name=$'odd name \\;\xc3\xa9%#?\xff'
odd_url='odd%20name%20%5C%3B%C3%A9%25%23%3F%FF' # the same in a URL

example() { # example, words
    local name=$1
    shift
    limited python3 "interop/clients/$name" "$@"
}

# example_case EXAMPLE WORDS COMMAND…: a line for a command that says why it failed, in $here/said
example_case() {
    local words="$1 $2"
    shift 2
    if "$@" >"$here/said" 2>&1; then
        report ok "$words"
    else
        report FAIL "$words" "$here/said"
    fi
}

example_put() { # example, url path, name, size
    example "$1" put "$here/file-$4" "$at/$2" && cmp "$work/served/py/$3" "$here/file-$4"
}

example_get() {
    example "$1" get "$at/$2" "$here/got" && cmp "$here/got" "$here/file-$4"
}

# Without a FILE the last component is its name.
example_get_here() { # example, url path, name, size
    (cd "$here" && limited python3 "$OLDPWD/interop/clients/$1" get "$at/$2") &&
        cmp "$here/$3" "$here/file-$4"
}

example_list() { # example
    local size
    example "$1" list "$at" >"$here/list" || return
    for size in $example_sizes; do
        grep -qx -- "- $size b'file-$size'" "$here/list" || return
    done
    grep -qxF -- "- 1048577 b'odd name \\\\;\\xc3\\xa9%#?\\xff'" "$here/list" &&
        grep -qxE -- "d [0-9]+ b'sub'" "$here/list" && [ "$(wc -l <"$here/list")" = 5 ]
}

example_fails() { # example, status, words
    local example=$1 status=$2 code
    shift 2
    example "$example" "$@" 2>"$here/error"
    code=$?
    cat "$here/error"
    [ "$code" = 1 ] && grep -q "status $status:" "$here/error" && [ ! -e "$here/got" ]
}

example_cases() { # example
    local size here=$work/example-$1 at=wherry://127.0.0.1:$wherryd_tcp_port/py
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
        report skip "$1: no python3, or one before 3.8"
        return
    fi
    mkdir -p "$here" "$work/served/py/sub"
    for size in $example_sizes; do
        head -c "$size" /dev/urandom >"$here/file-$size"
        example_case "$1" "put $size" example_put "$1" "file-$size" "file-$size" "$size"
        example_case "$1" "get $size" example_get "$1" "file-$size" "file-$size" "$size"
    done
    example_case "$1" 'put, replacing' example_put "$1" file-0 file-0 1
    example_case "$1" 'put, replacing' example_put "$1" file-0 file-0 0
    example_case "$1" 'put, an odd name' example_put "$1" "$odd_url" "$odd_name" 1048577
    example_case "$1" 'get, an odd name' example_get_here "$1" "$odd_url" "$odd_name" 1048577
    example_case "$1" 'list' example_list "$1"
    rm -f "$here/got"
    example_case "$1" 'get of nothing: status 2' example_fails "$1" 2 get "$at/none" "$here/got"
    example_case "$1" 'get of a directory: status 18' example_fails "$1" 18 get "$at/sub" "$here/got"
    example_case "$1" 'list of a file: status 2' example_fails "$1" 2 list "$at/file-1"
    example_case "$1" 'put beneath nothing: status 2' \
        example_fails "$1" 2 put "$here/file-1" "$at/none/file-1"
    example_case "$1" 'put of a bad name: status 7' \
        example_fails "$1" 7 put "$here/file-1" "$at/../file-1"
    rm -rf "$here" "$work/served/py"
}
