/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/packet.h>

#include "base/bytes.h"
#include "base/text.h"

static const struct {
    const char *name;
    enum wherry_mode mode;
} modes[] = {
    {"octet", WHERRY_OCTET},
    {"netascii", WHERRY_NETASCII},
};

static bool get_view(struct bytes_reader *r, struct wherry_view *ret)
{
    return bytes_get_text(r, &ret->bytes, &ret->len);
}

/* An empty name and nothing but zeros: padding, as old ROMs send up to 512 bytes. */
static bool is_padding(const struct bytes_reader *r)
{
    for (size_t i = 0; i < r->left; i++) {
        if (r->at[i] != 0) {
            return false;
        }
    }
    return true;
}

/* *ret becomes the whole pairs that r begins with. False: what follows them is neither padding nor
 * a lone name. */
static bool decode_pairs(struct bytes_reader r, struct wherry_view *ret)
{
    const uint8_t *start = r.at;
    struct wherry_view name;
    struct wherry_view value;

    while (!is_padding(&r)) {
        const uint8_t *pair = r.at;

        if (!get_view(&r, &name) || name.len == 0) {
            return false;
        }
        if (r.left == 0) { /* a name without a value */
            r.at = pair;
            break;
        }
        if (!get_view(&r, &value)) {
            return false;
        }
    }
    ret->bytes = start;
    ret->len = (size_t)(r.at - start);
    return true;
}

static bool find_mode(struct wherry_view text, enum wherry_mode *ret)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (text_is_word(text.bytes, text.len, modes[i].name)) {
            *ret = modes[i].mode;
            return true;
        }
    }
    return false;
}

static enum res decode_request(struct bytes_reader *r, struct wherry_request *ret)
{
    struct wherry_view mode;

    if (!get_view(r, &ret->name) || !get_view(r, &mode)) {
        return RES_PROTOCOL;
    }
    if (!find_mode(mode, &ret->mode)) {
        return RES_UNSUPPORTED;
    }
    return decode_pairs(*r, &ret->options) ? RES_OK : RES_OPTIONS;
}

static enum res decode_block(struct bytes_reader *r, uint16_t *ret, struct wherry_view *ret_rest)
{
    if (!bytes_get_u16(r, ret)) {
        return RES_PROTOCOL;
    }
    ret_rest->bytes = r->at;
    ret_rest->len = r->left;
    return RES_OK;
}

/* The text ends at its NUL or with the datagram. */
static enum res decode_error(struct bytes_reader *r, uint16_t *ret, struct wherry_view *ret_text)
{
    enum res result = decode_block(r, ret, ret_text);
    struct wherry_view text;

    if (result == RES_OK && get_view(r, &text)) {
        *ret_text = text;
    }
    return result;
}

enum res wherry_packet_decode(struct wherry_packet *ret, const uint8_t *datagram, size_t len)
{
    struct bytes_reader r = {.at = datagram, .left = len};
    struct wherry_packet p = {0};
    struct wherry_view ignored; /* Windows' boot manager lengthens its ACKs */
    uint16_t opcode;
    enum res result;

    if (!bytes_get_u16(&r, &opcode)) {
        return RES_PROTOCOL;
    }
    switch (opcode) {
    case WHERRY_RRQ:
    case WHERRY_WRQ:
        result = decode_request(&r, &p.request);
        break;
    case WHERRY_DATA:
        result = decode_block(&r, &p.block, &p.bytes);
        break;
    case WHERRY_ACK:
        result = decode_block(&r, &p.block, &ignored);
        break;
    case WHERRY_ERROR:
        result = decode_error(&r, &p.code, &p.bytes);
        break;
    case WHERRY_OACK:
        result = decode_pairs(r, &p.options) ? RES_OK : RES_OPTIONS;
        break;
    default:
        result = RES_UNSUPPORTED;
        break;
    }
    if (result == RES_OK) {
        p.opcode = (enum wherry_opcode)opcode;
        *ret = p;
    }
    return result;
}

uint16_t wherry_packet_opcode(const uint8_t *datagram, size_t len)
{
    struct bytes_reader r = {.at = datagram, .left = len};
    uint16_t opcode;

    return bytes_get_u16(&r, &opcode) ? opcode : 0;
}

size_t wherry_packet_request(uint8_t *buf, size_t cap, enum wherry_opcode opcode, const char *name,
                             enum wherry_mode mode, const uint8_t *options, size_t options_len)
{
    struct bytes_writer w = {.start = buf, .cap = cap};

    bytes_put_u16(&w, (uint16_t)opcode);
    bytes_put_text(&w, name);
    bytes_put_text(&w, modes[mode].name);
    bytes_put(&w, options, options_len);
    return bytes_written(&w);
}

size_t wherry_packet_ack(uint8_t *buf, size_t cap, uint16_t block)
{
    struct bytes_writer w = {.start = buf, .cap = cap};

    bytes_put_u16(&w, WHERRY_ACK);
    bytes_put_u16(&w, block);
    return bytes_written(&w);
}

size_t wherry_packet_error(uint8_t *buf, size_t cap, uint16_t code, const char *text)
{
    struct bytes_writer w = {.start = buf, .cap = cap};

    bytes_put_u16(&w, WHERRY_ERROR);
    bytes_put_u16(&w, code);
    bytes_put_text(&w, text);
    return bytes_written(&w);
}

size_t wherry_packet_oack(uint8_t *buf, size_t cap, const uint8_t *options, size_t options_len)
{
    struct bytes_writer w = {.start = buf, .cap = cap};

    bytes_put_u16(&w, WHERRY_OACK);
    bytes_put(&w, options, options_len);
    return bytes_written(&w);
}

void wherry_packet_data_header(uint8_t header[WHERRY_HEADER_BYTES], uint16_t block)
{
    struct bytes_writer w = {.start = header, .cap = WHERRY_HEADER_BYTES};

    bytes_put_u16(&w, WHERRY_DATA);
    bytes_put_u16(&w, block);
}
