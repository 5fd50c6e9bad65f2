/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/entries.h"

#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 4096u

static enum res make_room(struct entries *n, size_t more)
{
    size_t cap = n->cap > 0 ? n->cap : CAP_FIRST;
    char *bytes;

    while (cap - n->len < more) {
        cap *= 2;
    }
    if (cap == n->cap) {
        return RES_OK;
    }
    if (cap > ENTRIES_BYTES_MAX) {
        return RES_TOO_LARGE;
    }
    bytes = realloc(n->bytes, cap);
    if (bytes == NULL) {
        return RES_NO_MEMORY;
    }
    n->bytes = bytes;
    n->cap = cap;
    return RES_OK;
}

enum res entries_add(struct entries *n, enum wherry_kind kind, struct wherry_view name)
{
    enum res r = make_room(n, name.len + 2);

    if (r != RES_OK) {
        return r;
    }
    n->bytes[n->len++] = (char)kind;
    memcpy(n->bytes + n->len, name.bytes, name.len);
    n->len += name.len;
    n->bytes[n->len++] = '\0';
    return RES_OK;
}

bool entries_next(const struct entries *n, size_t *at, struct entries_item *ret)
{
    if (*at == n->len) {
        return false;
    }
    ret->kind = (enum wherry_kind)n->bytes[*at];
    ret->name = n->bytes + *at + 1;
    *at += 1 + strlen(ret->name) + 1;
    return true;
}

void entries_free(struct entries *n)
{
    free(n->bytes);
    *n = (struct entries){0};
}
