/* SPDX-License-Identifier: BSD-2-Clause */
/* The input is four bytes that say how to cut, then a text. However it is cut the result is the
 * same, and what was encoded decodes to itself. */
#include <wherry/netascii.h>

#include "fuzz/check.h"

#define CUTS 4u
#define TEXT_BYTES 4096u

/* Pieces of 1 to 64 bytes, one length after the other. */
struct cuts {
    const uint8_t *bytes;
    size_t next;
};

static size_t cut(struct cuts *c, size_t most)
{
    size_t len = c->bytes[c->next++ % CUTS] % 64 + 1u;

    return len < most ? len : most;
}

static size_t encode_whole(const uint8_t *in, size_t len, uint8_t *out)
{
    struct wherry_netascii n = {0};
    size_t used;
    size_t written = wherry_netascii_encode(&n, in, len, &used, out, 2 * len + 1);

    CHECK(used == len && !n.pending && written <= 2 * len);
    return written;
}

static size_t encode_cut(struct cuts c, const uint8_t *in, size_t len, uint8_t *out)
{
    struct wherry_netascii n = {0};
    size_t total = 0;
    size_t at = 0;

    while (at < len || n.pending) {
        size_t piece = cut(&c, len - at);
        size_t cap = cut(&c, TEXT_BYTES);
        size_t used;
        size_t written = wherry_netascii_encode(&n, in + at, piece, &used, out + total, cap);

        CHECK(used <= piece && written <= cap);
        CHECK(written == cap || (used == piece && !n.pending));
        at += used;
        total += written;
    }
    return total;
}

static size_t decode_whole(const uint8_t *in, size_t len, uint8_t *out)
{
    struct wherry_netascii n = {0};
    size_t written = wherry_netascii_decode(&n, in, len, out);

    written += wherry_netascii_decode_end(&n, out + written);
    CHECK(written <= len);
    return written;
}

static size_t decode_cut(struct cuts c, const uint8_t *in, size_t len, uint8_t *out)
{
    struct wherry_netascii n = {0};
    size_t total = 0;

    for (size_t at = 0; at < len;) {
        size_t piece = cut(&c, len - at);
        uint8_t *room = malloc(piece + 1); /* what the header asks for and no more */
        size_t written;

        CHECK(room != NULL);
        written = wherry_netascii_decode(&n, in + at, piece, room);
        CHECK(written <= piece + 1);
        memcpy(out + total, room, written);
        free(room);
        total += written;
        at += piece;
    }
    return total + wherry_netascii_decode_end(&n, out + total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t whole[2 * TEXT_BYTES + 1];
    static uint8_t pieces[2 * TEXT_BYTES + 64];
    static uint8_t back[2 * TEXT_BYTES + 1];
    const struct cuts cuts = {.bytes = data};
    const uint8_t *text = data + CUTS;
    size_t len;
    size_t whole_len;

    if (size < CUTS || size > CUTS + TEXT_BYTES) {
        return 0;
    }
    len = size - CUTS;
    whole_len = encode_whole(text, len, whole);
    CHECK(bytes_equal(pieces, encode_cut(cuts, text, len, pieces), whole, whole_len));
    CHECK(bytes_equal(back, decode_whole(whole, whole_len, back), text, len));
    CHECK(bytes_equal(back, decode_cut(cuts, whole, whole_len, back), text, len));

    whole_len = decode_whole(text, len, whole);
    CHECK(bytes_equal(pieces, decode_cut(cuts, text, len, pieces), whole, whole_len));
    return 0;
}
