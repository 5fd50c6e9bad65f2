/* SPDX-License-Identifier: BSD-2-Clause */
/* Who shares a snapshot of a directory, how many there are, and who frees it. */
#include "store/listing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/exact.h"
#include "store/names.h"
#include "support/list_reader.h"
#include "support/scratch.h"

enum { READERS = 8, MOST = 2 };

/* --- a kernel whose directories were changed long ago, and that counts how often it is asked ---
 */

static bool changed_just_now;
static unsigned opens;
static struct list_reader *leaves_before_second; /* opening is answered; NULL: nobody */
static unsigned reads;
static enum res read_res; /* RES_OK: the real answer */

enum res __real_exact_open_dir(const struct jail *j, const char *name, const struct policy_who *who,
                               int *ret_fd, struct stat *ret_stat);
enum res __wrap_exact_open_dir(const struct jail *j, const char *name, const struct policy_who *who,
                               int *ret_fd, struct stat *ret_stat);
enum res __real_names_read(struct names *ret, int dir_fd);
enum res __wrap_names_read(struct names *ret, int dir_fd);

enum res __wrap_exact_open_dir(const struct jail *j, const char *name, const struct policy_who *who,
                               int *ret_fd, struct stat *ret_stat)
{
    enum res r = __real_exact_open_dir(j, name, who, ret_fd, ret_stat);

    if (++opens == 2 && leaves_before_second != NULL) {
        list_reader_free(leaves_before_second);
    }
    if (r == RES_OK && !changed_just_now) {
        ret_stat->st_ctim.tv_sec -= 3600;
    }
    return r;
}

enum res __wrap_names_read(struct names *ret, int dir_fd)
{
    reads++;
    return read_res != RES_OK ? read_res : __real_names_read(ret, dir_fd);
}

/* --- a root, a loop that does the pool's work in its next turn, and readers --- */

struct fixture {
    void *scratch;
    struct loop *loop;
    struct pool *pool;
    struct jail *jail;
    struct listings *all;
    struct list_reader readers[READERS];
};

static struct fixture fixture;

static int setup(void **state)
{
    struct fixture *f = &fixture;

    memset(f, 0, sizeof(*f));
    changed_just_now = false;
    opens = 0;
    leaves_before_second = NULL;
    reads = 0;
    read_res = RES_OK;
    assert_int_equal(scratch_setup(&f->scratch), 0);
    scratch_dir("root");
    scratch_dir("root/one");
    scratch_dir("root/two");
    scratch_dir("root/three");
    scratch_file("root/one/a", "");
    scratch_file("root/one/b", "");
    assert_int_equal(loop_new(&f->loop), RES_OK);
    assert_int_equal(pool_new(&f->pool, f->loop, 0), RES_OK);
    assert_int_equal(jail_open(&f->jail, "root"), RES_OK);
    assert_int_equal(listings_new(&f->all, f->pool, f->jail, MOST), RES_OK);
    for (size_t i = 0; i < READERS; i++) {
        f->readers[i] = (struct list_reader){.loop = f->loop, .all = f->all};
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < READERS; i++) {
        list_reader_free(&f->readers[i]);
    }
    while (!pool_idle(f->pool)) {
        loop_turn(f->loop, true);
    }
    if (f->all != NULL) {
        assert_int_equal(listings_held(f->all), 0);
    }
    listings_free(f->all);
    pool_free(f->pool);
    loop_free(f->loop);
    jail_free(f->jail);
    return scratch_teardown(&f->scratch);
}

static void expect_a_b(struct list_reader *r)
{
    static const char *const names[] = {"a", "b"};

    list_reader_expect(r, names, 2);
}

static void expect_a_b_c(struct list_reader *r)
{
    static const char *const names[] = {"a", "b", "c"};

    list_reader_expect(r, names, 3);
}

/* One turn opens the directory, another one reads it. */
static void open_but_not_read(struct fixture *f)
{
    loop_turn(f->loop, true);
    assert_int_equal(listings_held(f->all), 1);
}

static void finish(struct fixture *f)
{
    while (!pool_idle(f->pool)) {
        loop_turn(f->loop, true);
    }
}

/* --- sharing --- */

static void test_readers_of_one_version_share_a_snapshot(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(list_reader_open(&f->readers[i], "one", ""), RES_OK);
        assert_int_equal(listings_held(f->all), 1);
    }
    assert_int_equal(reads, 1);
    for (size_t i = 0; i < READERS; i++) {
        expect_a_b(&f->readers[i]);
    }
}

static void test_readers_wait_together_while_it_is_read(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i + 1 < READERS; i++) {
        list_reader_ask(&f->readers[i], "one", i % 2 == 0 ? "" : "a");
    }
    open_but_not_read(f);
    assert_int_equal(f->readers[0].opened, 0);
    list_reader_ask(&f->readers[READERS - 1], "one", "b");
    finish(f);
    assert_int_equal(reads, 1);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(f->readers[i].opened, 1);
        assert_int_equal(f->readers[i].opened_res, RES_OK);
    }
    for (size_t i = 0; i + 1 < READERS; i += 2) {
        static const char *const b[] = {"b"};

        expect_a_b(&f->readers[i]); /* each begins where it asked to */
        if (i + 2 < READERS) {
            list_reader_expect(&f->readers[i + 1], b, 1);
        }
    }
    list_reader_expect(&f->readers[READERS - 1], NULL, 0);
}

static void test_a_directory_is_one_under_all_its_names(void **state)
{
    struct fixture *f = *state;

    scratch_link("one", "root/link");
    assert_int_equal(list_reader_open(&f->readers[0], "one", ""), RES_OK);
    assert_int_equal(list_reader_open(&f->readers[1], "link", ""), RES_OK);
    assert_int_equal(listings_held(f->all), 1);
    expect_a_b(&f->readers[1]);
}

static void test_another_version_is_another_snapshot(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(list_reader_open(&f->readers[0], "one", ""), RES_OK);
    scratch_file("root/one/c", "");
    assert_int_equal(list_reader_open(&f->readers[1], "one", ""), RES_OK);
    assert_int_equal(listings_held(f->all), 2);
    expect_a_b(&f->readers[0]);
    expect_a_b_c(&f->readers[1]);
    list_reader_free(&f->readers[0]);
    assert_int_equal(listings_held(f->all), 1);
}

static void test_a_version_younger_than_a_tick_is_not_shared(void **state)
{
    struct fixture *f = *state;

    changed_just_now = true; /* so that a name may come and leave no mark */
    scratch_dir("root/young");
    assert_int_equal(list_reader_open(&f->readers[0], "young", ""), RES_OK);
    assert_int_equal(list_reader_open(&f->readers[1], "young", ""), RES_OK);
    assert_int_equal(listings_held(f->all), 2);
    assert_int_equal(reads, 2);
}

/* --- how many --- */

static void test_too_many_snapshots_are_busy(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(list_reader_open(&f->readers[0], "one", ""), RES_OK);
    assert_int_equal(list_reader_open(&f->readers[1], "two", ""), RES_OK);
    assert_int_equal(list_reader_open(&f->readers[2], "three", ""), RES_BUSY);
    assert_int_equal(listings_held(f->all), MOST);
    assert_int_equal(list_reader_open(&f->readers[3], "one", ""),
                     RES_OK); /* shared: not one more */
    list_reader_free(&f->readers[1]);
    list_reader_free(&f->readers[2]);
    assert_int_equal(list_reader_open(&f->readers[2], "three", ""), RES_OK);
}

static void test_another_limit_holds_at_once(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(list_reader_open(&f->readers[0], "one", ""), RES_OK);
    assert_int_equal(list_reader_open(&f->readers[1], "two", ""), RES_OK);
    listings_limit(f->all, MOST + 1);
    assert_int_equal(list_reader_open(&f->readers[2], "three", ""), RES_OK);
    listings_limit(f->all, 1);
    expect_a_b(&f->readers[0]); /* what is read already goes on */
    list_reader_free(&f->readers[2]);
    assert_int_equal(list_reader_open(&f->readers[2], "three", ""), RES_BUSY);
}

/* --- who frees it --- */

static void test_the_last_reader_frees_the_snapshot(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(list_reader_open(&f->readers[0], "one", ""), RES_OK);
    assert_int_equal(list_reader_open(&f->readers[1], "one", ""), RES_OK);
    list_reader_free(&f->readers[0]);
    assert_int_equal(listings_held(f->all), 1);
    expect_a_b(&f->readers[1]);
    list_reader_free(&f->readers[1]);
    assert_int_equal(listings_held(f->all), 0);
    assert_int_equal(list_reader_open(&f->readers[0], "one", ""), RES_OK);
    assert_int_equal(reads, 2); /* nobody kept it */
}

static void test_freed_before_it_is_opened_nothing_is_read(void **state)
{
    struct fixture *f = *state;

    list_reader_ask(&f->readers[0], "one", "");
    list_reader_free(&f->readers[0]);
    finish(f);
    assert_int_equal(f->readers[0].opened, 0);
    assert_int_equal(reads, 0);
}

static void test_what_is_being_read_counts_until_it_is_read(void **state)
{
    struct fixture *f = *state;

    list_reader_ask(&f->readers[0], "one", "");
    open_but_not_read(f);
    list_reader_free(&f->readers[0]);
    assert_int_equal(listings_held(f->all), 1); /* or asking and leaving would know no limit */
    finish(f);
    assert_int_equal(f->readers[0].opened, 0);
    assert_int_equal(listings_held(f->all), 0);
}

static void test_what_somebody_left_while_it_is_read_serves_the_next(void **state)
{
    struct fixture *f = *state;

    list_reader_ask(&f->readers[0], "one", "");
    list_reader_ask(&f->readers[1], "one", "");
    leaves_before_second = &f->readers[0]; /* its snapshot is the pool's alone by then */
    finish(f);
    assert_null(f->readers[0].listing);
    assert_int_equal(f->readers[1].opened_res, RES_OK);
    assert_int_equal(reads, 1);
    expect_a_b(&f->readers[1]);
}

static void test_freed_while_entries_are_looked_up_nothing_is_said(void **state)
{
    struct fixture *f = *state;
    struct wherry_message_entry e;
    bool more;

    assert_int_equal(list_reader_open(&f->readers[0], "one", ""), RES_OK);
    assert_int_equal(listing_next(f->readers[0].listing, &e, &more), RES_LATER);
    assert_int_equal(listing_next(f->readers[0].listing, &e, &more), RES_LATER); /* still */
    list_reader_free(&f->readers[0]);
    finish(f);
    assert_int_equal(f->readers[0].ready, 0);
    assert_int_equal(listings_held(f->all), 0);
}

static void test_all_of_them_may_go_while_the_pool_still_works(void **state)
{
    struct fixture *f = *state;
    struct wherry_message_entry e;
    bool more;

    assert_int_equal(list_reader_open(&f->readers[0], "one", ""), RES_OK);
    assert_int_equal(listing_next(f->readers[0].listing, &e, &more), RES_LATER); /* a look-up */
    list_reader_ask(&f->readers[1], "two", "");
    loop_turn(f->loop, true); /* done; "two" is being read */
    assert_int_equal(listing_next(f->readers[0].listing, &e, &more), RES_OK);
    list_reader_ask(&f->readers[2], "three", ""); /* is being opened */
    for (size_t i = 0; i < 3; i++) {
        list_reader_free(&f->readers[i]);
    }
    listings_free(f->all);
    f->all = NULL;
    finish(f);
    assert_int_equal(f->readers[1].opened, 0);
    assert_int_equal(f->readers[2].opened, 0);
}

static void test_a_pool_that_ends_first_releases_what_it_holds(void **state)
{
    struct fixture *f = *state;

    list_reader_ask(&f->readers[0], "one", "");
    open_but_not_read(f);
    list_reader_ask(&f->readers[1], "two", "");
    list_reader_free(&f->readers[0]);
    list_reader_free(&f->readers[1]);
    listings_free(f->all);
    f->all = NULL;
    pool_free(f->pool); /* neither job has begun */
    assert_int_equal(pool_new(&f->pool, f->loop, 0), RES_OK);
    assert_int_equal(reads, 0);
}

static void test_callbacks_may_free_the_listing(void **state)
{
    struct fixture *f = *state;
    struct list_reader *r = &f->readers[0];
    struct wherry_message_entry e;
    bool more;

    r->frees = r;
    assert_int_equal(list_reader_open(r, "absent", ""), RES_NOT_FOUND);
    assert_int_equal(list_reader_open(r, "one", ""), RES_OK);
    assert_null(r->listing);
    assert_int_equal(listings_held(f->all), 0);
    r->frees = NULL;
    assert_int_equal(list_reader_open(r, "one", ""), RES_OK);
    r->frees = r;
    assert_int_equal(listing_next(r->listing, &e, &more), RES_LATER);
    finish(f);
    assert_int_equal(r->ready, 1);
    assert_int_equal(listings_held(f->all), 0);
}

static void test_a_callback_may_free_others_that_wait(void **state)
{
    struct fixture *f = *state;

    /* Whichever comes first, the other is never called. */
    f->readers[0].frees = &f->readers[1];
    f->readers[1].frees = &f->readers[0];
    list_reader_ask(&f->readers[0], "one", "");
    list_reader_ask(&f->readers[1], "one", "");
    finish(f);
    assert_int_equal(f->readers[0].opened + f->readers[1].opened, 1);
}

/* --- failures --- */

static void test_a_directory_that_cannot_be_read_fails_for_all_who_wait(void **state)
{
    struct fixture *f = *state;

    read_res = RES_IO;
    list_reader_ask(&f->readers[0], "one", "");
    list_reader_ask(&f->readers[1], "one", "");
    finish(f);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(f->readers[i].opened, 1);
        assert_int_equal(f->readers[i].opened_res, RES_IO);
    }
    assert_int_equal(reads, 1);
    assert_int_equal(listings_held(f->all), 0);
    read_res = RES_OK;
    assert_int_equal(list_reader_open(&f->readers[2], "one", ""), RES_OK); /* is read anew */
    expect_a_b(&f->readers[2]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_readers_of_one_version_share_a_snapshot),
        TEST(test_readers_wait_together_while_it_is_read),
        TEST(test_a_directory_is_one_under_all_its_names),
        TEST(test_another_version_is_another_snapshot),
        TEST(test_a_version_younger_than_a_tick_is_not_shared),
        TEST(test_too_many_snapshots_are_busy),
        TEST(test_another_limit_holds_at_once),
        TEST(test_the_last_reader_frees_the_snapshot),
        TEST(test_freed_before_it_is_opened_nothing_is_read),
        TEST(test_what_is_being_read_counts_until_it_is_read),
        TEST(test_what_somebody_left_while_it_is_read_serves_the_next),
        TEST(test_freed_while_entries_are_looked_up_nothing_is_said),
        TEST(test_all_of_them_may_go_while_the_pool_still_works),
        TEST(test_a_pool_that_ends_first_releases_what_it_holds),
        TEST(test_callbacks_may_free_the_listing),
        TEST(test_a_callback_may_free_others_that_wait),
        TEST(test_a_directory_that_cannot_be_read_fails_for_all_who_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
