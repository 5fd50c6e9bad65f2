/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: flags (1: a server's frames, 2: HELLO is due), a seed of cuts, then a stream. Whatever it
 * holds, it means the same in one piece and cut anywhere, pieces of DATA lie in the input, no more
 * memory is held than twice what came, and nothing of an unknown type is answered. */
#include <wherry/frame.h>

#include "fuzz/check.h"

#define MAX_FRAME WHERRY_MAX_FRAME_LOWEST

/* What was answered: headers and payloads one behind the other, at last why it is bad. */
struct record {
    uint8_t *bytes;
    size_t len;
    size_t cap;
    const char *why;
};

static void note(struct record *r, const uint8_t *bytes, size_t len)
{
    CHECK(len <= r->cap - r->len); /* nothing is answered that did not come */
    if (len > 0) {
        memcpy(r->bytes + r->len, bytes, len);
    }
    r->len += len;
}

static bool is_known(uint8_t type)
{
    static const uint8_t gaps[] = {0x80, 0x86, 0x88, 0x8b, 0x8c, 0x8d, 0x8e};

    if (type < 0x80) {
        return type >= 0x01 && type <= 0x0b;
    }
    return type <= 0x8f && memchr(gaps, type, sizeof(gaps)) == NULL;
}

static void note_header(struct record *r, const struct wherry_frame *f)
{
    uint8_t header[WHERRY_FRAME_HEADER_BYTES];

    CHECK(f->length <= MAX_FRAME);
    CHECK(is_known(f->type));
    wherry_frame_write(header, f);
    note(r, header, sizeof(header));
}

static void check_memory(const struct wherry_frame_decoder *d, size_t came)
{
    CHECK(d->cap <= 512 || d->cap <= 2 * came);
    CHECK((d->buffer == NULL) == (d->cap == 0));
}

static void take_answer(struct record *r, const struct wherry_decoded *got, const uint8_t *bytes,
                        size_t used)
{
    switch (got->kind) {
    case WHERRY_DECODED_MORE:
        break;
    case WHERRY_DECODED_WHOLE:
        CHECK(got->frame.type != WHERRY_FRAME_DATA && got->frame.length == got->bytes.len);
        note_header(r, &got->frame);
        note(r, got->bytes.bytes, got->bytes.len);
        break;
    case WHERRY_DECODED_DATA:
        CHECK(got->frame.type == WHERRY_FRAME_DATA);
        CHECK(got->bytes.len == 0 || got->bytes.bytes + got->bytes.len == bytes + used);
        if (got->first) {
            note_header(r, &got->frame);
        }
        note(r, got->bytes.bytes, got->bytes.len);
        break;
    case WHERRY_DECODED_BAD:
        CHECK(got->result == RES_PROTOCOL && got->why != NULL);
        r->why = got->why;
        break;
    }
}

/* Feeds a piece until all of it is used; false once it is bad. */
static bool feed_piece(struct wherry_frame_decoder *d, const uint8_t *bytes, size_t len,
                       size_t came, struct record *r)
{
    struct wherry_decoded got;

    do {
        size_t used = wherry_frame_decode(d, bytes, len, &got);

        CHECK(used <= len);
        CHECK(used > 0 || len == 0 || got.kind != WHERRY_DECODED_MORE);
        take_answer(r, &got, bytes, used);
        check_memory(d, came);
        bytes += used;
        len -= used;
    } while (got.kind != WHERRY_DECODED_BAD && (len > 0 || got.kind != WHERRY_DECODED_MORE));
    CHECK(got.kind != WHERRY_DECODED_MORE || len == 0);
    return got.kind != WHERRY_DECODED_BAD;
}

/* seed 0: in one piece. */
static void play(const uint8_t *data, size_t size, uint8_t flags, uint32_t seed, struct record *r)
{
    struct wherry_frame_decoder d;
    size_t at = 0;

    wherry_frame_decoder_init(&d, (flags & 1) != 0 ? WHERRY_FROM_SERVER : WHERRY_FROM_CLIENT,
                              MAX_FRAME, (flags & 2) != 0);
    while (at < size) {
        uint8_t *piece;
        size_t len = size - at;
        bool going;

        if (seed != 0) {
            seed = seed * 1664525u + 1013904223u;
            len = 1 + (seed >> 24) % 16 < len ? 1 + (seed >> 24) % 16 : len;
        }
        piece = malloc(len); /* of that size, so that a read past the end is caught */
        CHECK(piece != NULL);
        memcpy(piece, data + at, len);
        at += len;
        going = feed_piece(&d, piece, len, at, r);
        free(piece);
        if (!going) {
            break;
        }
    }
    wherry_frame_decoder_clear(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record whole = {0};
    struct record cut = {0};

    if (size < 2) {
        return 0;
    }
    whole.cap = size;
    cut.cap = size;
    whole.bytes = malloc(size);
    cut.bytes = malloc(size);
    CHECK(whole.bytes != NULL && cut.bytes != NULL);
    play(data + 2, size - 2, data[0], 0, &whole);
    play(data + 2, size - 2, data[0], 1u + data[1], &cut);
    CHECK(bytes_equal(whole.bytes, whole.len, cut.bytes, cut.len));
    CHECK(whole.why == cut.why);
    free(whole.bytes);
    free(cut.bytes);
    return 0;
}
