/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/netascii.h>

size_t wherry_netascii_encode(struct wherry_netascii *n, const uint8_t *in, size_t in_len,
                              size_t *used, uint8_t *out, size_t cap)
{
    size_t taken = 0;
    size_t written = 0;

    while (written < cap && (n->pending || taken < in_len)) {
        if (n->pending) {
            out[written++] = n->second;
            n->pending = false;
        } else if (in[taken] == '\n' || in[taken] == '\r') {
            n->second = in[taken++] == '\n' ? '\n' : '\0';
            n->pending = true;
            out[written++] = '\r';
        } else {
            out[written++] = in[taken++];
        }
    }
    *used = taken;
    return written;
}

size_t wherry_netascii_decode(struct wherry_netascii *n, const uint8_t *in, size_t in_len,
                              uint8_t *out)
{
    size_t written = 0;

    for (size_t i = 0; i < in_len; i++) {
        bool after_cr = n->pending;

        n->pending = false;
        if (after_cr && in[i] == '\n') {
            out[written++] = '\n';
            continue;
        }
        if (after_cr) {
            out[written++] = '\r';
        }
        if (in[i] == '\r') {
            n->pending = true;
        } else if (!after_cr || in[i] != '\0') {
            out[written++] = in[i];
        }
    }
    return written;
}

size_t wherry_netascii_decode_end(struct wherry_netascii *n, uint8_t *out)
{
    if (!n->pending) {
        return 0;
    }
    n->pending = false;
    out[0] = '\r';
    return 1;
}
