/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/bytes.h"

#include <string.h>

/* size: 1 to 8 */
static bool get_integer(struct bytes_reader *r, size_t size, uint64_t *ret)
{
    uint64_t value = 0;

    if (r->left < size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | r->at[i];
    }
    r->at += size;
    r->left -= size;
    *ret = value;
    return true;
}

bool bytes_get_u8(struct bytes_reader *r, uint8_t *ret)
{
    uint64_t value;

    if (!get_integer(r, sizeof(*ret), &value)) {
        return false;
    }
    *ret = (uint8_t)value;
    return true;
}

bool bytes_get_u16(struct bytes_reader *r, uint16_t *ret)
{
    uint64_t value;

    if (!get_integer(r, sizeof(*ret), &value)) {
        return false;
    }
    *ret = (uint16_t)value;
    return true;
}

bool bytes_get_u32(struct bytes_reader *r, uint32_t *ret)
{
    uint64_t value;

    if (!get_integer(r, sizeof(*ret), &value)) {
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

bool bytes_get_u64(struct bytes_reader *r, uint64_t *ret)
{
    return get_integer(r, sizeof(*ret), ret);
}

bool bytes_get_view(struct bytes_reader *r, size_t len, const uint8_t **ret)
{
    if (r->left < len) {
        return false;
    }
    *ret = r->at;
    if (len > 0) { /* there may be no bytes to point behind */
        r->at += len;
        r->left -= len;
    }
    return true;
}

bool bytes_get_string(struct bytes_reader *r, const uint8_t **ret, size_t *ret_len)
{
    struct bytes_reader ahead = *r;
    uint16_t len;

    if (!bytes_get_u16(&ahead, &len) || !bytes_get_view(&ahead, len, ret)) {
        return false;
    }
    *ret_len = len;
    *r = ahead;
    return true;
}

bool bytes_get_text(struct bytes_reader *r, const uint8_t **ret, size_t *ret_len)
{
    const uint8_t *end = r->left > 0 ? memchr(r->at, 0, r->left) : NULL;
    size_t len;

    if (end == NULL) {
        return false;
    }
    len = (size_t)(end - r->at);
    *ret = r->at;
    *ret_len = len;
    r->at += len + 1;
    r->left -= len + 1;
    return true;
}

static void put_integer(struct bytes_writer *w, size_t size, uint64_t value)
{
    uint8_t bytes[sizeof(value)];

    for (size_t i = size; i-- > 0; value >>= 8) {
        bytes[i] = (uint8_t)value;
    }
    bytes_put(w, bytes, size);
}

void bytes_put_u8(struct bytes_writer *w, uint8_t value)
{
    put_integer(w, sizeof(value), value);
}

void bytes_put_u16(struct bytes_writer *w, uint16_t value)
{
    put_integer(w, sizeof(value), value);
}

void bytes_put_u32(struct bytes_writer *w, uint32_t value)
{
    put_integer(w, sizeof(value), value);
}

void bytes_put_u64(struct bytes_writer *w, uint64_t value)
{
    put_integer(w, sizeof(value), value);
}

void bytes_put(struct bytes_writer *w, const void *bytes, size_t len)
{
    if (w->failed || len > w->cap - w->len) {
        w->failed = true;
        return;
    }
    if (len > 0) { /* memcpy takes no NULL, not even for nothing */
        memcpy(w->start + w->len, bytes, len);
        w->len += len;
    }
}

void bytes_put_string(struct bytes_writer *w, const void *bytes, size_t len)
{
    if (len > UINT16_MAX) {
        w->failed = true;
        return;
    }
    bytes_put_u16(w, (uint16_t)len);
    bytes_put(w, bytes, len);
}

void bytes_put_text(struct bytes_writer *w, const char *text)
{
    bytes_put(w, text, strlen(text) + 1);
}

size_t bytes_written(const struct bytes_writer *w)
{
    return w->failed ? 0 : w->len;
}
