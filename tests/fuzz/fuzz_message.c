/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: a byte that chooses the row of messages[], then a payload. Whatever it holds, a refusal
 * leaves the output alone, and what was parsed, written as a frame and parsed again, is written the
 * same; the decoder takes the frame from the side that sends it. */
#include <wherry/message.h>

#include "fuzz/check.h"

#define PAYLOAD_MAX 65536u
#define FRAME_MAX (WHERRY_FRAME_HEADER_BYTES + PAYLOAD_MAX)
#define ID 7u

static void check_string(struct wherry_view v, struct wherry_view payload)
{
    CHECK(v.len <= WHERRY_STRING_MAX);
    CHECK(v.len == 0 || memchr(v.bytes, 0, v.len) == NULL);
    CHECK(v.bytes >= payload.bytes && v.bytes + v.len <= payload.bytes + payload.len);
}

static void check_name(struct wherry_view v, struct wherry_view payload)
{
    check_string(v, payload);
    CHECK(v.len > 0 && v.len <= WHERRY_COMPONENT_MAX);
    CHECK(memchr(v.bytes, '/', v.len) == NULL);
    CHECK(!bytes_equal(v.bytes, v.len, (const uint8_t *)"..", 2));
}

static void check_fixed(const uint8_t *value, size_t len, struct wherry_view payload)
{
    CHECK(value == NULL || (value >= payload.bytes && value + len <= payload.bytes + payload.len));
}

static void check_hello(const struct wherry_message_hello *m, struct wherry_view p)
{
    CHECK(m->lowest == p.bytes[4] && m->highest == p.bytes[5]);
}

static void check_path(const struct wherry_message_path *m, struct wherry_view p)
{
    check_string(m->path, p);
}

static void check_list(const struct wherry_message_list *m, struct wherry_view p)
{
    check_string(m->path, p);
    check_string(m->after, p);
}

static void check_get(const struct wherry_message_get *m, struct wherry_view p)
{
    check_string(m->path, p);
    check_fixed(m->if_match, WHERRY_VALIDATOR_BYTES, p);
}

static void check_put(const struct wherry_message_put *m, struct wherry_view p)
{
    check_string(m->path, p);
    check_fixed(m->sha256, WHERRY_SHA256_BYTES, p);
    check_fixed(m->upload_id, WHERRY_UPLOAD_ID_BYTES, p);
    CHECK(m->mode == WHERRY_PUT_CREATE || m->mode == WHERRY_PUT_REPLACE);
}

static void check_end(const struct wherry_message_end *m, struct wherry_view p)
{
    check_fixed(m->sha256, WHERRY_SHA256_BYTES, p);
}

static void check_hello_reply(const struct wherry_message_hello_reply *m, struct wherry_view p)
{
    CHECK(p.len >= 13);
    CHECK(m->max_frame >= WHERRY_MAX_FRAME_LOWEST && m->max_frame <= WHERRY_MAX_FRAME_HIGHEST);
}

static void check_info(const struct wherry_message_info *m, struct wherry_view p)
{
    CHECK(p.len >= 33);
    CHECK(m->kind == WHERRY_KIND_FILE || m->kind == WHERRY_KIND_DIRECTORY);
}

static void check_get_reply(const struct wherry_message_get_reply *m, struct wherry_view p)
{
    CHECK(p.len >= 49);
    check_info(&m->info, p);
}

static void check_ready(const struct wherry_message_ready *m, struct wherry_view p)
{
    CHECK(p.len >= 24 && memcmp(m->upload_id, p.bytes + 8, sizeof(m->upload_id)) == 0);
}

static void check_end_reply(const struct wherry_message_end_reply *m, struct wherry_view p)
{
    check_string(m->text, p);
    check_fixed(m->sha256, WHERRY_SHA256_BYTES, p);
    check_fixed(m->validator, WHERRY_VALIDATOR_BYTES, p);
}

static void check_hash_reply(const struct wherry_message_hash_reply *m, struct wherry_view p)
{
    CHECK(p.len >= 48 && memcmp(m->sha256, p.bytes + 16, sizeof(m->sha256)) == 0);
}

static void check_goaway(const struct wherry_message_goaway *m, struct wherry_view p)
{
    check_string(m->text, p);
}

/* Parses a payload; what was understood is written as a frame into buf. */
#define REWRITE(name, write_call)                                                                  \
    static enum res rewrite_##name(struct wherry_view payload, uint8_t *buf, size_t cap,           \
                                   size_t *ret_len)                                                \
    {                                                                                              \
        struct wherry_message_##name m;                                                            \
        struct wherry_message_##name before;                                                       \
        enum res r;                                                                                \
                                                                                                   \
        memset(&m, 0x5a, sizeof(m));                                                               \
        memcpy(&before, &m, sizeof(m));                                                            \
        r = wherry_message_parse_##name(&m, payload);                                              \
        if (r != RES_OK) {                                                                         \
            CHECK(memcmp(&m, &before, sizeof(m)) == 0);                                            \
            return r;                                                                              \
        }                                                                                          \
        check_##name(&m, payload);                                                                 \
        *ret_len = write_call;                                                                     \
        return r;                                                                                  \
    }

REWRITE(hello, wherry_message_write_hello(buf, cap, &m))
REWRITE(path, wherry_message_write_path(buf, cap, WHERRY_FRAME_STAT, ID, &m))
REWRITE(list, wherry_message_write_list(buf, cap, ID, &m))
REWRITE(get, wherry_message_write_get(buf, cap, ID, &m))
REWRITE(put, wherry_message_write_put(buf, cap, ID, &m))
REWRITE(end, wherry_message_write_end(buf, cap, ID, &m))
REWRITE(hello_reply, wherry_message_write_hello_reply(buf, cap, &m))
REWRITE(info, wherry_message_write_info(buf, cap, ID, &m))
REWRITE(get_reply, wherry_message_write_get_reply(buf, cap, ID, &m))
REWRITE(ready, wherry_message_write_ready(buf, cap, ID, &m))
REWRITE(end_reply, wherry_message_write_end_reply(buf, cap, ID, WHERRY_STATUS_IO, &m))
REWRITE(hash_reply, wherry_message_write_hash_reply(buf, cap, ID, &m))
REWRITE(goaway, wherry_message_write_goaway(buf, cap, WHERRY_STATUS_BUSY, &m))

static enum res rewrite_cancel(struct wherry_view payload, uint8_t *buf, size_t cap,
                               size_t *ret_len)
{
    enum res r = wherry_message_parse_cancel(payload);

    if (r == RES_OK) {
        *ret_len = wherry_message_write_cancel(buf, cap, ID);
    }
    return r;
}

static enum res rewrite_entries(struct wherry_view payload, uint8_t *buf, size_t cap,
                                size_t *ret_len)
{
    struct wherry_message_entries e;
    struct wherry_message_entry entry;
    struct wherry_view rest = payload;

    wherry_message_entries_begin(&e, buf, cap);
    while (rest.len > 0) {
        size_t before = rest.len;

        if (wherry_message_next_entry(&rest, &entry) != RES_OK) {
            CHECK(rest.len == before);
            return RES_PROTOCOL;
        }
        CHECK(rest.len < before);
        check_name(entry.name, payload);
        if (!wherry_message_entries_add(&e, &entry)) {
            *ret_len = 0;
            return RES_OK;
        }
    }
    *ret_len = wherry_message_entries_end(&e, ID);
    return *ret_len > 0 ? RES_OK : RES_PROTOCOL; /* no entries, no frame */
}

static const struct message {
    enum wherry_frame_sender sender;
    enum res (*rewrite)(struct wherry_view payload, uint8_t *buf, size_t cap, size_t *ret_len);
} messages[] = {
    {WHERRY_FROM_CLIENT, rewrite_hello},      {WHERRY_FROM_CLIENT, rewrite_path},
    {WHERRY_FROM_CLIENT, rewrite_list},       {WHERRY_FROM_CLIENT, rewrite_get},
    {WHERRY_FROM_CLIENT, rewrite_put},        {WHERRY_FROM_CLIENT, rewrite_end},
    {WHERRY_FROM_CLIENT, rewrite_cancel},     {WHERRY_FROM_SERVER, rewrite_hello_reply},
    {WHERRY_FROM_SERVER, rewrite_info},       {WHERRY_FROM_SERVER, rewrite_get_reply},
    {WHERRY_FROM_SERVER, rewrite_ready},      {WHERRY_FROM_SERVER, rewrite_end_reply},
    {WHERRY_FROM_SERVER, rewrite_hash_reply}, {WHERRY_FROM_SERVER, rewrite_goaway},
    {WHERRY_FROM_SERVER, rewrite_entries},
};

static bool is_hello(uint8_t type)
{
    return type == WHERRY_FRAME_HELLO || type == WHERRY_FRAME_HELLO_REPLY;
}

static void check_frame(const struct message *m, const uint8_t *frame, size_t len)
{
    static uint8_t again[FRAME_MAX];
    struct wherry_frame_decoder d;
    struct wherry_decoded got;
    size_t again_len = 0;

    wherry_frame_decoder_init(&d, m->sender, WHERRY_MAX_FRAME_LOWEST, is_hello(frame[4]));
    CHECK(wherry_frame_decode(&d, frame, len, &got) == len);
    CHECK(got.kind == WHERRY_DECODED_WHOLE);
    CHECK(m->rewrite(got.bytes, again, sizeof(again), &again_len) == RES_OK);
    CHECK(bytes_equal(frame, len, again, again_len));
    CHECK(m->rewrite(got.bytes, again, len - 1, &again_len) == RES_OK);
    CHECK(again_len < len); /* no room: a frame less long, or none */
    wherry_frame_decoder_clear(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t frame[FRAME_MAX];
    const struct message *m;
    struct wherry_view payload;
    uint8_t *copy;
    size_t len = 0;
    enum res r;

    if (size < 1 || size - 1 > PAYLOAD_MAX) {
        return 0;
    }
    m = &messages[data[0] % (sizeof(messages) / sizeof(messages[0]))];
    copy = malloc(size - 1 > 0 ? size - 1 : 1); /* a read past its end is caught */
    CHECK(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    payload = (struct wherry_view){.bytes = copy, .len = size - 1};
    r = m->rewrite(payload, frame, sizeof(frame), &len);
    if (r == RES_OK) {
        CHECK(len >= WHERRY_FRAME_HEADER_BYTES);
        check_frame(m, frame, len);
    } else {
        CHECK(r == RES_PROTOCOL || r == RES_UNSUPPORTED || r == RES_NAME);
    }
    free(copy);
    return 0;
}
