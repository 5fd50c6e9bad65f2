/* SPDX-License-Identifier: BSD-2-Clause */
/* The input is a datagram. Whatever it holds, views stay inside it, a refusal leaves the output
 * alone, and what was decoded, written again, decodes to the same. */
#include <wherry/packet.h>

#include "fuzz/check.h"

#define DATAGRAM_BYTES 65535u

static bool views_equal(struct wherry_view a, struct wherry_view b)
{
    return bytes_equal(a.bytes, a.len, b.bytes, b.len);
}

static void check_inside(struct wherry_view v, const uint8_t *data, size_t size)
{
    if (v.len > 0) {
        CHECK(v.bytes >= data);
        CHECK((size_t)(v.bytes - data) <= size);
        CHECK(v.len <= size - (size_t)(v.bytes - data));
    }
}

/* Options are whole pairs with names; a NUL ends the last value. */
static void check_pairs(struct wherry_view options)
{
    bool in_name = true;

    for (size_t i = 0; i < options.len; i++) {
        if (options.bytes[i] == 0) {
            CHECK(!in_name || (i > 0 && options.bytes[i - 1] != 0));
            in_name = !in_name;
        }
    }
    CHECK(in_name);
    CHECK(options.len == 0 || options.bytes[options.len - 1] == 0);
}

static void check_same(const struct wherry_packet *a, const struct wherry_packet *b)
{
    CHECK(a->opcode == b->opcode);
    CHECK(a->block == b->block);
    CHECK(a->code == b->code);
    CHECK(views_equal(a->bytes, b->bytes));
    CHECK(views_equal(a->options, b->options));
    CHECK(views_equal(a->request.name, b->request.name));
    CHECK(a->request.mode == b->request.mode);
    CHECK(views_equal(a->request.options, b->request.options));
}

/* A decoded text lies before a NUL, or is an ERROR's that ends with the datagram: copied it has
 * one for sure. */
static char *text_copy(struct wherry_view v)
{
    char *text = malloc(v.len + 1);

    CHECK(text != NULL);
    if (v.len > 0) {
        memcpy(text, v.bytes, v.len);
    }
    text[v.len] = '\0';
    CHECK(strlen(text) == v.len);
    return text;
}

static size_t encode(const struct wherry_packet *p, uint8_t *buf, size_t cap)
{
    char *text = text_copy(p->opcode == WHERRY_ERROR ? p->bytes : p->request.name);
    size_t len = 0;

    switch (p->opcode) {
    case WHERRY_RRQ:
    case WHERRY_WRQ:
        len = wherry_packet_request(buf, cap, p->opcode, text, p->request.mode,
                                    p->request.options.bytes, p->request.options.len);
        break;
    case WHERRY_DATA:
        if (cap >= WHERRY_HEADER_BYTES + p->bytes.len) {
            wherry_packet_data_header(buf, p->block);
            len = WHERRY_HEADER_BYTES + p->bytes.len;
            memcpy(buf + WHERRY_HEADER_BYTES, p->bytes.bytes, p->bytes.len);
        }
        break;
    case WHERRY_ACK:
        len = wherry_packet_ack(buf, cap, p->block);
        break;
    case WHERRY_ERROR:
        len = wherry_packet_error(buf, cap, p->code, text);
        break;
    case WHERRY_OACK:
        len = wherry_packet_oack(buf, cap, p->options.bytes, p->options.len);
        break;
    }
    free(text);
    return len;
}

static void check_round_trip(const struct wherry_packet *p)
{
    static uint8_t buf[DATAGRAM_BYTES + 16]; /* a mode in lower case or a NUL may be added */
    struct wherry_packet again;
    size_t len = encode(p, buf, sizeof(buf));

    CHECK(len > 0);
    CHECK(wherry_packet_decode(&again, buf, len) == RES_OK);
    check_same(p, &again);
    CHECK(encode(p, buf, len - 1) == 0); /* no room: nothing, and never past the end */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wherry_packet p;
    struct wherry_packet before;
    enum res r;

    if (size > DATAGRAM_BYTES) {
        return 0;
    }
    memset(&p, 0x5a, sizeof(p));
    memcpy(&before, &p, sizeof(p));
    r = wherry_packet_decode(&p, data, size);
    if (r != RES_OK) {
        CHECK(r == RES_PROTOCOL || r == RES_UNSUPPORTED || r == RES_OPTIONS);
        CHECK(memcmp(&p, &before, sizeof(p)) == 0);
        return 0;
    }
    CHECK(wherry_packet_opcode(data, size) == (uint16_t)p.opcode);
    check_inside(p.bytes, data, size);
    check_inside(p.options, data, size);
    check_inside(p.request.name, data, size);
    check_inside(p.request.options, data, size);
    check_pairs(p.options);
    check_pairs(p.request.options);
    check_round_trip(&p);
    return 0;
}
