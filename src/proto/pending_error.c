/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/pending_error.h"

#include <stdlib.h>
#include <string.h>

void pending_error_set(struct pending_error *e, enum wherry_error code, const char *text)
{
    size_t len = strnlen(text, PENDING_ERROR_TEXT);

    e->due = true;
    e->code = code;
    free(e->text);
    e->text = calloc(1, len + 1);
    if (e->text != NULL) { /* else the code says enough */
        memcpy(e->text, text, len);
    }
}

size_t pending_error_take(struct pending_error *e, uint8_t *buf, size_t cap)
{
    const char *text = e->text != NULL ? e->text : "";
    size_t len = e->due ? wherry_packet_error(buf, cap, (uint16_t)e->code, text) : 0;

    e->due = e->due && len == 0;
    return len;
}

void pending_error_free(struct pending_error *e)
{
    free(e->text);
}
