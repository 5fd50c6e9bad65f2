/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/bytes.h"

#include <string.h>

bool bytes_get_u16(struct bytes_reader *r, uint16_t *ret)
{
    if (r->left < 2) {
        return false;
    }
    *ret = (uint16_t)(r->at[0] << 8 | r->at[1]);
    r->at += 2;
    r->left -= 2;
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

void bytes_put_u16(struct bytes_writer *w, uint16_t value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

    bytes_put(w, bytes, sizeof(bytes));
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

void bytes_put_text(struct bytes_writer *w, const char *text)
{
    bytes_put(w, text, strlen(text) + 1);
}

size_t bytes_written(const struct bytes_writer *w)
{
    return w->failed ? 0 : w->len;
}
