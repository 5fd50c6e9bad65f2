/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/frame.h>

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define BUFFER_FIRST 64u /* bytes; most requests are shorter */
#define BUFFER_KEPT 512u /* what an idle connection may hold on to */

#define OF_SERVER 0x80u /* the bit of the types that only a server sends */

/* Who sends a type, and which id goes with it. END of a server has both kinds of id. */
enum { CLIENT = 1, SERVER = 2, ID_ZERO = 4, ID_SET = 8, REQUEST = 16 };

/* clang-format off */
static const uint8_t rules[UINT8_MAX + 1] = {
    [WHERRY_FRAME_HELLO]       = CLIENT | ID_ZERO,
    [WHERRY_FRAME_LIST]        = CLIENT | ID_SET | REQUEST,
    [WHERRY_FRAME_STAT]        = CLIENT | ID_SET | REQUEST,
    [WHERRY_FRAME_GET]         = CLIENT | ID_SET | REQUEST,
    [WHERRY_FRAME_PUT]         = CLIENT | ID_SET | REQUEST,
    [WHERRY_FRAME_DATA]        = CLIENT | SERVER | ID_SET,
    [WHERRY_FRAME_END]         = CLIENT | ID_SET,
    [WHERRY_FRAME_CANCEL]      = CLIENT | ID_SET,
    [WHERRY_FRAME_PING]        = CLIENT | SERVER | ID_ZERO,
    [WHERRY_FRAME_HASH]        = CLIENT | ID_SET | REQUEST,
    [WHERRY_FRAME_MKDIR]       = CLIENT | ID_SET | REQUEST,
    [WHERRY_FRAME_HELLO_REPLY] = SERVER | ID_ZERO,
    [WHERRY_FRAME_ENTRIES]     = SERVER | ID_SET,
    [WHERRY_FRAME_INFO]        = SERVER | ID_SET,
    [WHERRY_FRAME_GET_REPLY]   = SERVER | ID_SET,
    [WHERRY_FRAME_READY]       = SERVER | ID_SET,
    [WHERRY_FRAME_END_REPLY]   = SERVER | ID_ZERO | ID_SET,
    [WHERRY_FRAME_PING_REPLY]  = CLIENT | SERVER | ID_ZERO,
    [WHERRY_FRAME_HASH_REPLY]  = SERVER | ID_SET,
    [WHERRY_FRAME_GOAWAY]      = SERVER | ID_ZERO,
};
/* clang-format on */

void wherry_frame_write(uint8_t header[WHERRY_FRAME_HEADER_BYTES], const struct wherry_frame *f)
{
    struct bytes_writer w = {.start = header, .cap = WHERRY_FRAME_HEADER_BYTES};

    bytes_put_u32(&w, f->length);
    bytes_put_u8(&w, f->type);
    bytes_put_u8(&w, 0);
    bytes_put_u16(&w, f->status);
    bytes_put_u32(&w, f->id);
}

void wherry_frame_read(struct wherry_frame *ret, const uint8_t header[WHERRY_FRAME_HEADER_BYTES])
{
    struct bytes_reader r = {.at = header, .left = WHERRY_FRAME_HEADER_BYTES};
    uint8_t flags;

    (void)bytes_get_u32(&r, &ret->length);
    (void)bytes_get_u8(&r, &ret->type);
    (void)bytes_get_u8(&r, &flags);
    (void)bytes_get_u16(&r, &ret->status);
    (void)bytes_get_u32(&r, &ret->id);
}

bool wherry_frame_is_request(uint8_t type)
{
    return (rules[type] & REQUEST) != 0;
}

void wherry_frame_decoder_init(struct wherry_frame_decoder *d, enum wherry_frame_sender sender,
                               uint32_t max_frame, bool expect_hello)
{
    *d = (struct wherry_frame_decoder){
        .sender = sender,
        .max_frame = max_frame,
        .hello_due = expect_hello,
    };
}

static void release_buffer(struct wherry_frame_decoder *d)
{
    free(d->buffer);
    d->buffer = NULL;
    d->cap = 0;
}

void wherry_frame_decoder_clear(struct wherry_frame_decoder *d)
{
    release_buffer(d);
}

void wherry_frame_decoder_set_max(struct wherry_frame_decoder *d, uint32_t max_frame)
{
    d->max_frame = max_frame;
}

static bool is_hello(uint8_t type)
{
    return type == WHERRY_FRAME_HELLO || type == WHERRY_FRAME_HELLO_REPLY;
}

static bool is_ping(uint8_t type)
{
    return type == WHERRY_FRAME_PING || type == WHERRY_FRAME_PING_REPLY;
}

/* What a server of another version may say to the connection: only its id tells whether it does. */
static bool may_be_skipped(const struct wherry_frame_decoder *d, uint8_t type)
{
    return rules[type] == 0 && (type & OF_SERVER) != 0 && d->sender == WHERRY_FROM_SERVER &&
           !d->hello_due;
}

/* Each judge returns what is wrong, or NULL. */
static const char *judge_type(const struct wherry_frame_decoder *d, uint8_t type)
{
    bool from_client = d->sender == WHERRY_FROM_CLIENT;

    if (may_be_skipped(d, type)) {
        return NULL;
    }
    if (rules[type] == 0) {
        return "unknown type of frame";
    }
    if ((rules[type] & (from_client ? CLIENT : SERVER)) == 0) {
        return from_client ? "a type of frame that only a server sends"
                           : "a type of frame that only a client sends";
    }
    if (is_hello(type) && !d->hello_due) {
        return "a second HELLO";
    }
    /* A server may refuse a connection before it said HELLO. */
    if (d->hello_due && !is_hello(type) && (from_client || (rules[type] & ID_ZERO) == 0)) {
        return "the first frame has to be HELLO";
    }
    return NULL;
}

static const char *judge_length(const struct wherry_frame_decoder *d, const struct wherry_frame *f)
{
    if (is_ping(f->type) && f->length > WHERRY_FRAME_PING_MAX) {
        return "PING of more than 64 bytes";
    }
    if (d->sender == WHERRY_FROM_CLIENT && f->type != WHERRY_FRAME_DATA &&
        f->length > WHERRY_FRAME_CLIENT_MAX) {
        return "a frame of more than 64 KiB that is not DATA";
    }
    return f->length > d->max_frame ? "a frame of more than max_frame bytes" : NULL;
}

static const char *judge_id(const struct wherry_frame_decoder *d, const struct wherry_frame *f)
{
    if (may_be_skipped(d, f->type)) {
        return f->id != 0 ? "unknown type of frame, and not of id 0" : NULL;
    }
    if (f->id != 0 && (rules[f->type] & ID_SET) == 0) {
        return "HELLO, PING and GOAWAY belong to the connection: their id is 0";
    }
    if (f->id == 0 && (rules[f->type] & ID_ZERO) == 0) {
        return "id 0 is the connection itself: requests have others";
    }
    if (f->id != 0 && d->hello_due) {
        return "the first frame has to be HELLO";
    }
    return NULL;
}

/* Goes by the bytes of the header that are here, in their order, so that the answer is the same
 * however they were cut, and a stranger need not send twelve to be told. Those that are not here
 * are zeros. */
static const char *judge_header(const struct wherry_frame_decoder *d, const struct wherry_frame *f)
{
    const char *why = NULL;

    if (d->header[0] != 0) {
        return "not this protocol: the first byte of a frame is always 0";
    }
    if (d->header_len >= 4 && d->hello_due && f->length > WHERRY_FRAME_HELLO_MAX) {
        return "a frame of more than 4096 bytes before HELLO";
    }
    if (d->header_len >= 5) {
        why = judge_type(d, f->type);
    }
    if (why == NULL && d->header_len >= 5) {
        why = judge_length(d, f);
    }
    if (why == NULL && d->header_len == WHERRY_FRAME_HEADER_BYTES) {
        why = judge_id(d, f);
    }
    return why;
}

static void turn_bad(struct wherry_frame_decoder *d, enum res result, const char *why)
{
    release_buffer(d);
    d->state = WHERRY_DECODER_BAD;
    d->result = result;
    d->why = why;
}

/* Moves up to `most` bytes of the input to `to`. */
static size_t move_bytes(struct bytes_reader *in, uint8_t *to, size_t most)
{
    size_t n = in->left < most ? in->left : most;
    const uint8_t *from;

    if (n > 0 && bytes_get_view(in, n, &from)) {
        memcpy(to, from, n);
    }
    return n;
}

static enum wherry_decoder_state state_after_header(uint8_t type)
{
    if (rules[type] == 0) { /* the judges let no other unknown one through */
        return WHERRY_DECODER_SKIP;
    }
    return type == WHERRY_FRAME_DATA ? WHERRY_DECODER_DATA : WHERRY_DECODER_PAYLOAD;
}

static void take_header(struct wherry_frame_decoder *d, struct bytes_reader *in)
{
    struct wherry_frame f;
    const char *why;

    if (d->header_len == 0) {
        memset(d->header, 0, sizeof(d->header));
        if (d->cap > BUFFER_KEPT) {
            release_buffer(d);
        }
    }
    d->header_len += move_bytes(in, d->header + d->header_len, sizeof(d->header) - d->header_len);
    wherry_frame_read(&f, d->header);
    why = judge_header(d, &f);
    if (why != NULL) {
        turn_bad(d, RES_PROTOCOL, why);
    } else if (d->header_len == sizeof(d->header)) {
        d->frame = f;
        d->taken = 0;
        d->piece_due = true;
        d->hello_due = d->hello_due && !is_hello(f.type);
        d->state = state_after_header(f.type);
    }
}

/* Room for need bytes, at most the frame's length. */
static bool grow(struct wherry_frame_decoder *d, size_t need)
{
    size_t cap = d->cap > BUFFER_FIRST ? d->cap : BUFFER_FIRST;
    uint8_t *buffer;

    if (need <= d->cap) {
        return true;
    }
    while (cap < need) {
        cap *= 2;
    }
    if (cap > d->frame.length) {
        cap = d->frame.length;
    }
    buffer = calloc(1, cap);
    if (buffer == NULL) {
        return false;
    }
    if (d->taken > 0) {
        memcpy(buffer, d->buffer, d->taken);
    }
    release_buffer(d);
    d->buffer = buffer;
    d->cap = cap;
    return true;
}

static void end_frame(struct wherry_frame_decoder *d)
{
    d->state = WHERRY_DECODER_HEADER;
    d->header_len = 0;
}

static void take_payload(struct wherry_frame_decoder *d, struct bytes_reader *in,
                         struct wherry_decoded *ret)
{
    size_t missing = d->frame.length - d->taken;
    size_t n = in->left < missing ? in->left : missing;

    if (n > 0) { /* an empty payload needs no buffer */
        if (!grow(d, d->taken + n)) {
            turn_bad(d, RES_NO_MEMORY, "no memory for a frame");
            return;
        }
        d->taken += (uint32_t)move_bytes(in, d->buffer + d->taken, n);
    }
    if (d->taken == d->frame.length) {
        ret->kind = WHERRY_DECODED_WHOLE;
        ret->frame = d->frame;
        ret->bytes = (struct wherry_view){.bytes = d->buffer, .len = d->taken};
        end_frame(d);
    }
}

static void take_data(struct wherry_frame_decoder *d, struct bytes_reader *in,
                      struct wherry_decoded *ret)
{
    size_t missing = d->frame.length - d->taken;
    size_t n = in->left < missing ? in->left : missing;

    if (n == 0 && !d->piece_due) {
        return;
    }
    ret->kind = WHERRY_DECODED_DATA;
    ret->frame = d->frame;
    ret->first = d->piece_due;
    ret->last = n == missing;
    ret->bytes.len = n;
    (void)bytes_get_view(in, n, &ret->bytes.bytes);
    d->piece_due = false;
    d->taken += (uint32_t)n;
    if (ret->last) {
        end_frame(d);
    }
}

static void skip_payload(struct wherry_frame_decoder *d, struct bytes_reader *in)
{
    size_t missing = d->frame.length - d->taken;
    size_t n = in->left < missing ? in->left : missing;
    const uint8_t *bytes;

    if (bytes_get_view(in, n, &bytes)) {
        d->taken += (uint32_t)n;
    }
    if (d->taken == d->frame.length) {
        end_frame(d);
    }
}

/* As far as the next thing to say, or the end of a frame of which nothing is said. */
static void take_frame(struct wherry_frame_decoder *d, struct bytes_reader *in,
                       struct wherry_decoded *ret)
{
    if (d->state == WHERRY_DECODER_HEADER) {
        take_header(d, in);
    }
    if (d->state == WHERRY_DECODER_PAYLOAD) {
        take_payload(d, in, ret);
    } else if (d->state == WHERRY_DECODER_DATA) {
        take_data(d, in, ret);
    } else if (d->state == WHERRY_DECODER_SKIP) {
        skip_payload(d, in);
    }
}

size_t wherry_frame_decode(struct wherry_frame_decoder *d, const uint8_t *bytes, size_t len,
                           struct wherry_decoded *ret)
{
    struct bytes_reader in = {.at = bytes, .left = len};

    *ret = (struct wherry_decoded){.kind = WHERRY_DECODED_MORE};
    do {
        take_frame(d, &in, ret);
    } while (d->state == WHERRY_DECODER_HEADER && ret->kind == WHERRY_DECODED_MORE && in.left > 0);
    if (d->state == WHERRY_DECODER_BAD) {
        ret->kind = WHERRY_DECODED_BAD;
        ret->result = d->result;
        ret->why = d->why;
    }
    return len - in.left;
}

bool wherry_frame_decoder_midway(const struct wherry_frame_decoder *d)
{
    return d->header_len > 0 && d->state != WHERRY_DECODER_BAD;
}

const struct wherry_frame *wherry_frame_decoder_current(const struct wherry_frame_decoder *d)
{
    bool known = d->state != WHERRY_DECODER_HEADER && d->state != WHERRY_DECODER_BAD;

    return known ? &d->frame : NULL;
}
