# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # $here: of the case
# curl: asks for tsize, blksize and timeout, all or none of them.
#
# Its own: in netascii mode it converts nothing, in either direction, and fails (status 42) on any
# OACK; so netascii goes without options, a read must leave the bytes of the wire, and an upload's
# bytes are taken for those of the wire.

peer_why_not() { command -v curl >/dev/null || echo 'no curl here'; }
peer_modes() { echo octet netascii; }
peer_options() {
    case $2 in
    octet) echo none tsize,blksize=512,timeout tsize,blksize=1428,timeout ;;
    netascii) echo none ;;
    esac
}
curl_flags() { # options
    case $1 in
    none) echo --tftp-no-options ;;
    *) echo "--tftp-blksize $(option_value "$1" blksize)" ;;
    esac
}
# shellcheck disable=SC2046 # flags are words
peer_get() { limited curl -sS $(curl_flags "$2") -o "$5" "tftp://127.0.0.1:$3/$4;mode=$1"; }
# shellcheck disable=SC2046
peer_put() { limited curl -sS $(curl_flags "$2") -T "$4" "tftp://127.0.0.1:$3/$5;mode=$1"; }
peer_expected() { # direction, mode, file
    case $1-$2 in
    get-netascii) netascii_encode <"$3" >"$here/expected" ;;
    put-netascii) netascii_decode <"$3" >"$here/expected" ;;
    *)
        echo "$3"
        return
        ;;
    esac
    echo "$here/expected"
}
