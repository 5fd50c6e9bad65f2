/* SPDX-License-Identifier: BSD-2-Clause */
/* wherry/netascii.h: text conversion, streaming both ways (RFC 764 as RFC 1350 section 5 uses it).
 *
 *   on the wire   in the file        in the file   on the wire
 *   CR LF         LF                 LF            CR LF
 *   CR NUL        CR                 CR            CR NUL
 *   CR other      CR other
 *   LF            LF
 *   CR at end     CR
 *
 * State is carried from call to call, so it does not matter where the input is cut. */
#ifndef WHERRY_NETASCII_H
#define WHERRY_NETASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is the beginning of a stream. */
struct wherry_netascii {
    bool pending; /* encoding: the second byte of a pair is due; decoding: a CR was read */
    uint8_t second;
};

/* File to wire. Takes at most in_len bytes, writes at most cap; returns the bytes written and sets
 * *used to the bytes taken. The stream is whole when all input is used and nothing is pending
 * (then a call with in_len 0 returns 0). */
size_t wherry_netascii_encode(struct wherry_netascii *n, const uint8_t *in, size_t in_len,
                              size_t *used, uint8_t *out, size_t cap);
/* Wire to file. Takes all of in; out has room for in_len + 1 bytes. Returns the bytes written. */
size_t wherry_netascii_decode(struct wherry_netascii *n, const uint8_t *in, size_t in_len,
                              uint8_t *out);
/* The end of the file: writes the CR that was held back, if any (0 or 1 byte). */
size_t wherry_netascii_decode_end(struct wherry_netascii *n, uint8_t *out);

#endif
