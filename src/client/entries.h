/* SPDX-License-Identifier: BSD-2-Clause */
/* client/entries.h: what a directory of a server holds, kept while its files are asked for. */
#ifndef CLIENT_ENTRIES_H
#define CLIENT_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>

#include <wherry/message.h>
#include <wherry/packet.h>
#include <wherry/res.h>

#define ENTRIES_BYTES_MAX ((size_t)1 << 30) /* a listing without an end has to end somewhere */

/* All zero: none. Entries lie one behind the other: kind, name, NUL. */
struct entries {
    char *bytes;
    size_t len;
    size_t cap;
};

struct entries_item {
    enum wherry_kind kind;
    const char *name; /* as long as the names */
};

/* RES_NO_MEMORY; RES_TOO_LARGE: over ENTRIES_BYTES_MAX. */
enum res entries_add(struct entries *n, enum wherry_kind kind, struct wherry_view name);
/* *at: 0 at first. False: there are no more. */
bool entries_next(const struct entries *n, size_t *at, struct entries_item *ret);
void entries_free(struct entries *n);

#endif
