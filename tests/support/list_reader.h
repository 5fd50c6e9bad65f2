/* SPDX-License-Identifier: BSD-2-Clause */
/* support/list_reader.h: one who reads a listing, and remembers what was said. Everything here
 * fails the running test (cmocka) when it fails. */
#ifndef SUPPORT_LIST_READER_H
#define SUPPORT_LIST_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "io/loop.h"
#include "store/listing.h"

struct list_reader {
    struct loop *loop;
    struct listings *all;
    struct listing *listing; /* NULL: none, or freed */
    unsigned opened, ready;  /* how often each was called */
    enum res opened_res, ready_res;
    struct list_reader *frees; /* whom a callback frees, after it was counted */
};

/* listing_open(), which must answer RES_LATER. after: "" for the beginning. */
void list_reader_ask(struct list_reader *r, const char *name, const char *after);
/* The same, and waits for the answer. */
enum res list_reader_open(struct list_reader *r, const char *name, const char *after);
void list_reader_free(struct list_reader *r);

/* The next entry, taken. False: there are no more. */
bool list_reader_next(struct list_reader *r, struct wherry_message_entry *ret);
/* As list_reader_next(), with the answer of ready() if that is a failure. */
enum res list_reader_try(struct list_reader *r, struct wherry_message_entry *ret, bool *ret_more);
/* All that is left is exactly these. */
void list_reader_expect(struct list_reader *r, const char *const *names, size_t count);

#endif
