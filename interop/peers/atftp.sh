# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# atftp: every option there is, in both directions.

peer_why_not() { command -v atftp >/dev/null || echo 'no atftp here'; }
peer_modes() { echo octet netascii; }
peer_options() {
    case $2 in
    octet) echo none tsize,timeout=1 blksize=1428 tsize,blksize=1428,windowsize=4 windowsize=16 ;;
    netascii) echo none blksize=1428,windowsize=4 ;;
    esac
}
atftp_run() { # mode, options, then its own words
    local mode=$1 options=$2 name flags=()
    shift 2
    for name in blksize windowsize timeout; do
        if [ -n "$(option_value "$options" "$name")" ]; then
            flags+=(--option "$name $(option_value "$options" "$name")")
        fi
    done
    case $options in
    *tsize*) flags+=(--option 'tsize enable') ;;
    esac
    limited atftp --option "mode $mode" "${flags[@]}" "$@"
}
peer_get() { atftp_run "$1" "$2" -g -r "$4" -l "$5" 127.0.0.1 "$3"; }
peer_put() { atftp_run "$1" "$2" -p -l "$4" -r "$5" 127.0.0.1 "$3"; }
