/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/mem_file.h"

#include <stdlib.h>
#include <string.h>

#include "support/chance.h"

void mem_file_init(struct mem_file *f)
{
    *f = (struct mem_file){.fails_at = MEM_FILE_NEVER_FAILS};
}

static enum res mem_file_reserve(struct mem_file *f, uint64_t len)
{
    uint64_t room = f->room > 0 ? f->room : 4096;
    uint8_t *bytes;

    if (len <= f->room) {
        return RES_OK;
    }
    if (len > SIZE_MAX / 2) {
        return RES_NO_MEMORY;
    }
    while (room < len) {
        room *= 2;
    }
    bytes = realloc(f->bytes, (size_t)room);
    if (bytes == NULL) {
        return RES_NO_MEMORY;
    }
    memset(bytes + f->room, 0, (size_t)(room - f->room));
    f->bytes = bytes;
    f->room = room;
    return RES_OK;
}

enum res mem_file_fill(struct mem_file *f, uint64_t len, uint64_t seed)
{
    struct chance chance;
    enum res r = mem_file_reserve(f, len);

    if (r != RES_OK) {
        return r;
    }
    chance_init(&chance, seed);
    for (uint64_t i = 0; i < len; i++) {
        f->bytes[i] = (uint8_t)chance_draw(&chance);
    }
    f->len = len;
    return RES_OK;
}

enum res mem_file_read(const struct mem_file *f, uint64_t offset, uint8_t *buf, size_t len)
{
    if (offset > f->len || len > f->len - offset || offset + len > f->fails_at) {
        return RES_IO;
    }
    if (len > 0) {
        memcpy(buf, f->bytes + offset, len);
    }
    return RES_OK;
}

enum res mem_file_write(struct mem_file *f, uint64_t offset, const uint8_t *bytes, size_t len)
{
    enum res r;

    if (offset + len > f->fails_at) {
        return RES_IO;
    }
    r = mem_file_reserve(f, offset + len);
    if (r != RES_OK) {
        return r;
    }
    if (len > 0) {
        memcpy(f->bytes + offset, bytes, len);
    }
    if (f->len < offset + len) {
        f->len = offset + len;
    }
    return RES_OK;
}

uint64_t mem_file_difference(const struct mem_file *a, const struct mem_file *b)
{
    uint64_t both = a->len < b->len ? a->len : b->len;

    for (uint64_t i = 0; i < both; i++) {
        if (a->bytes[i] != b->bytes[i]) {
            return i;
        }
    }
    return a->len == b->len ? UINT64_MAX : both;
}

void mem_file_free(struct mem_file *f)
{
    free(f->bytes);
    mem_file_init(f);
}
