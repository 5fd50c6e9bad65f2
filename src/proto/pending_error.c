/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/pending_error.h"

#include <string.h>

void pending_error_set(struct pending_error *e, enum wherry_error code, const char *text)
{
    size_t len = strnlen(text, sizeof(e->text) - 1);

    e->due = true;
    e->code = code;
    memcpy(e->text, text, len);
    e->text[len] = '\0';
}

size_t pending_error_take(struct pending_error *e, uint8_t *buf, size_t cap)
{
    size_t len = e->due ? wherry_packet_error(buf, cap, (uint16_t)e->code, e->text) : 0;

    e->due = e->due && len == 0;
    return len;
}
