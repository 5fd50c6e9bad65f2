/* SPDX-License-Identifier: BSD-2-Clause */
/* Large directories, with threads. */
#include "store/listing.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/chance.h"
#include "support/list_reader.h"
#include "support/scratch.h"

#ifdef __SANITIZE_ADDRESS__
enum { NAMES = 20000 };
#else
enum { NAMES = 100000 };
#endif

enum { PAGE = 7000, READERS = 4, STROKES = 400 };

struct fixture {
    void *scratch;
    struct loop *loop;
    struct pool *pool;
    struct jail *jail;
    struct listings *all;
};

static struct fixture fixture;

static void make_names(void)
{
    char path[64];

    for (unsigned i = 0; i < NAMES; i++) {
        int fd;

        /* Backwards: no file system gives them sorted by chance. */
        (void)snprintf(path, sizeof(path), "root/many/%06u", NAMES - 1 - i);
        fd = open(path, O_CREAT | O_WRONLY, 0644);
        assert_true(fd >= 0);
        assert_int_equal(close(fd), 0);
    }
}

static int setup(void **state)
{
    struct fixture *f = &fixture;

    assert_int_equal(scratch_setup(&f->scratch), 0);
    scratch_dir("root");
    scratch_dir("root/many");
    make_names();
    assert_int_equal(loop_new(&f->loop), RES_OK);
    assert_int_equal(pool_new(&f->pool, f->loop, 2), RES_OK);
    assert_int_equal(jail_open(&f->jail, "root"), RES_OK);
    assert_int_equal(listings_new(&f->all, f->pool, f->jail, READERS), RES_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    listings_free(f->all);
    pool_free(f->pool);
    loop_free(f->loop);
    jail_free(f->jail);
    return scratch_teardown(&f->scratch);
}

static void expect_name(const struct wherry_message_entry *e, unsigned i)
{
    char name[16];

    (void)snprintf(name, sizeof(name), "%06u", i);
    assert_int_equal(e->name.len, strlen(name));
    assert_memory_equal(e->name.bytes, name, e->name.len);
}

static void test_every_name_of_a_large_directory_comes_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    struct list_reader r = {.loop = f->loop, .all = f->all};
    struct wherry_message_entry e;
    unsigned n = 0;

    assert_int_equal(list_reader_open(&r, "many", ""), RES_OK);
    while (list_reader_next(&r, &e)) {
        expect_name(&e, n++);
    }
    assert_int_equal(n, NAMES);
    list_reader_free(&r);
}

static void test_a_large_directory_can_be_read_in_pages(void **state)
{
    struct fixture *f = *state;
    struct list_reader r = {.loop = f->loop, .all = f->all};
    struct wherry_message_entry e;
    char last[16] = "";
    unsigned n = 0;
    unsigned in_page;

    do {
        assert_int_equal(list_reader_open(&r, "many", last), RES_OK);
        for (in_page = 0; in_page < PAGE && list_reader_next(&r, &e); in_page++) {
            expect_name(&e, n++);
            (void)snprintf(last, sizeof(last), "%.*s", (int)e.name.len, (const char *)e.name.bytes);
        }
        list_reader_free(&r);
    } while (in_page == PAGE);
    assert_int_equal(n, NAMES);
}

/* Readers come and go at any point of their work; the sanitizers watch. */
static void test_readers_may_leave_at_any_time(void **state)
{
    struct fixture *f = *state;
    struct list_reader readers[READERS];
    struct wherry_message_entry e;
    struct chance c;
    unsigned taken = 0;

    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct list_reader){.loop = f->loop, .all = f->all};
    }
    chance_init(&c, 1);
    for (unsigned i = 0; i < STROKES; i++) {
        struct list_reader *r = &readers[chance_between(&c, 0, READERS - 1)];

        if (r->listing == NULL) {
            list_reader_ask(r, "many", "");
        } else if (chance_happens(&c, 300)) {
            list_reader_free(r);
        } else if (r->opened == 1) {
            bool more = false;

            assert_int_equal(r->opened_res, RES_OK); /* READERS are within the limit */
            while (listing_next(r->listing, &e, &more) == RES_OK && more) {
                listing_take(r->listing);
                taken++;
            }
        }
        loop_turn(f->loop, chance_happens(&c, 500) && !pool_idle(f->pool));
    }
    for (size_t i = 0; i < READERS; i++) {
        list_reader_free(&readers[i]);
    }
    while (!pool_idle(f->pool)) {
        loop_turn(f->loop, true);
    }
    assert_int_equal(listings_held(f->all), 0);
    assert_true(taken > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_name_of_a_large_directory_comes_once_and_in_order),
        cmocka_unit_test(test_a_large_directory_can_be_read_in_pages),
        cmocka_unit_test(test_readers_may_leave_at_any_time),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
