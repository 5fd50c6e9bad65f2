/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"

void keeper_clear(struct keeper *k)
{
    free(k->memory);
    *k = (struct keeper){0};
}

uint64_t keeper_end(const struct keeper *k)
{
    return k->offset + k->len;
}

uint8_t *keeper_room(struct keeper *k, size_t len)
{
    if (len > k->cap - k->start - k->len && k->start >= k->len) {
        if (k->len > 0) {
            memmove(k->memory, k->memory + k->start, k->len);
        }
        k->start = 0;
    }
    if (len > k->cap - k->start - k->len) {
        size_t needed = k->start + k->len + len;
        size_t cap = needed > 2 * k->cap ? needed : 2 * k->cap;
        uint8_t *memory = realloc(k->memory, cap);

        if (memory == NULL) {
            return NULL;
        }
        k->memory = memory;
        k->cap = cap;
    }
    return k->memory + k->start + k->len;
}

void keeper_add(struct keeper *k, size_t len)
{
    k->len += len;
}

void keeper_release(struct keeper *k, uint64_t offset)
{
    if (offset > k->offset) {
        size_t gone = (size_t)number_min(offset - k->offset, k->len);

        k->offset += gone;
        k->start += gone;
        k->len -= gone;
    }
}

bool keeper_get(const struct keeper *k, uint64_t offset, uint8_t *to, size_t len)
{
    if (offset < k->offset || offset > keeper_end(k) || len > keeper_end(k) - offset) {
        return false;
    }
    if (len > 0) {
        memcpy(to, k->memory + k->start + (size_t)(offset - k->offset), len);
    }
    return true;
}
