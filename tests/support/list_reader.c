/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/list_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void on_opened(void *owner, enum res res)
{
    struct list_reader *r = owner;

    r->opened++;
    r->opened_res = res;
    if (r->frees != NULL) {
        list_reader_free(r->frees);
    }
}

static void on_ready(void *owner, enum res res)
{
    struct list_reader *r = owner;

    r->ready++;
    r->ready_res = res;
    if (r->frees != NULL) {
        list_reader_free(r->frees);
    }
}

void list_reader_ask(struct list_reader *r, const char *name, const char *after)
{
    struct listing_params p = {.opened = on_opened, .ready = on_ready, .owner = r};
    struct wherry_view view = {(const uint8_t *)after, strlen(after)};

    r->opened = 0;
    r->ready = 0;
    assert_int_equal(listing_open(&r->listing, r->all, &p, name, view), RES_LATER);
}

enum res list_reader_open(struct list_reader *r, const char *name, const char *after)
{
    list_reader_ask(r, name, after);
    while (r->opened == 0) {
        loop_turn(r->loop, true);
    }
    return r->opened_res;
}

void list_reader_free(struct list_reader *r)
{
    listing_free(r->listing);
    r->listing = NULL;
}

enum res list_reader_try(struct list_reader *r, struct wherry_message_entry *ret, bool *ret_more)
{
    enum res res;

    while ((res = listing_next(r->listing, ret, ret_more)) == RES_LATER) {
        unsigned before = r->ready;

        while (r->ready == before) {
            loop_turn(r->loop, true);
        }
        if (r->ready_res != RES_OK) {
            return r->ready_res;
        }
    }
    if (res == RES_OK && *ret_more) {
        listing_take(r->listing);
    }
    return res;
}

bool list_reader_next(struct list_reader *r, struct wherry_message_entry *ret)
{
    bool more = false;

    assert_int_equal(list_reader_try(r, ret, &more), RES_OK);
    return more;
}

void list_reader_expect(struct list_reader *r, const char *const *names, size_t count)
{
    struct wherry_message_entry e;

    for (size_t i = 0; i < count; i++) {
        if (!list_reader_next(r, &e)) {
            fail_msg("'%s' is missing", names[i]);
        }
        if (e.name.len != strlen(names[i]) || memcmp(e.name.bytes, names[i], e.name.len) != 0) {
            fail_msg("'%.*s' where '%s' should be", (int)e.name.len, (const char *)e.name.bytes,
                     names[i]);
        }
    }
    if (list_reader_next(r, &e)) {
        fail_msg("'%.*s' is too many", (int)e.name.len, (const char *)e.name.bytes);
    }
}
