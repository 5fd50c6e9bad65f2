/* SPDX-License-Identifier: BSD-2-Clause */
/* What a listing holds. Who shares it: test_listing_share.c. */
#include "store/listing.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/list_reader.h"
#include "support/scratch.h"

enum { BATCH = 256 }; /* names that are looked up in one go, as listing.c has it */

#define EXPECT(reader, ...)                                                                        \
    do {                                                                                           \
        const char *const expected[] = {__VA_ARGS__};                                              \
        list_reader_expect(reader, expected, sizeof(expected) / sizeof(expected[0]));              \
    } while (0)

/* --- a root, a loop that does the pool's work in its next turn, and a reader --- */

struct fixture {
    void *scratch;
    struct loop *loop;
    struct pool *pool;
    struct jail *jail;
    struct listings *all;
    struct list_reader reader;
};

static struct fixture fixture;

static int setup(void **state)
{
    struct fixture *f = &fixture;

    memset(f, 0, sizeof(*f));
    assert_int_equal(scratch_setup(&f->scratch), 0);
    scratch_dir("root");
    scratch_dir("outside");
    scratch_file("outside/secret", "secret");
    assert_int_equal(loop_new(&f->loop), RES_OK);
    assert_int_equal(pool_new(&f->pool, f->loop, 0), RES_OK);
    assert_int_equal(jail_open(&f->jail, "root"), RES_OK);
    assert_int_equal(listings_new(&f->all, f->pool, f->jail, 4), RES_OK);
    f->reader = (struct list_reader){.loop = f->loop, .all = f->all};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    list_reader_free(&f->reader);
    assert_int_equal(listings_held(f->all), 0);
    listings_free(f->all);
    pool_free(f->pool);
    loop_free(f->loop);
    jail_free(f->jail);
    return scratch_teardown(&f->scratch);
}

static struct list_reader *lists(struct fixture *f, const char *name, const char *after)
{
    list_reader_free(&f->reader);
    assert_int_equal(list_reader_open(&f->reader, name, after), RES_OK);
    return &f->reader;
}

/* Files named by numbers that sort as they count. */
static void make_numbered(unsigned from, unsigned to)
{
    char path[64];

    for (unsigned i = from; i < to; i++) {
        (void)snprintf(path, sizeof(path), "root/%06u", i);
        scratch_file(path, "");
    }
}

/* --- order --- */

static void test_names_come_sorted_bytewise(void **state)
{
    scratch_file("root/b", "");
    scratch_file("root/a", "");
    scratch_file("root/B", "");
    scratch_file("root/a.b", "");
    scratch_dir("root/a-dir");
    scratch_file("root/\xc3\xa4", ""); /* over 127: behind all of ASCII, not before */
    scratch_file("root/~", "");
    scratch_file("root/10", "");
    scratch_file("root/9", "");
    EXPECT(lists(*state, "", ""), "10", "9", "B", "a", "a-dir", "a.b", "b", "~", "\xc3\xa4");
}

static void test_odd_names_are_listed_as_they_are(void **state)
{
    struct wherry_message_entry e;
    struct list_reader *r;
    char path[5 + 255 + 1] = "root/";

    memset(path + 5, 'n', 255);
    scratch_file(path, "");
    scratch_file("root/a\\..\\b", "");
    scratch_file("root/new\nline", "");
    scratch_file("root/\xff\xfe", "");
    scratch_file("root/ ", "");
    scratch_file("root/...", "");
    r = lists(*state, "", "\\");
    EXPECT(r, "a\\..\\b", "new\nline", path + 5, "\xff\xfe");
    r = lists(*state, "", "");
    assert_true(list_reader_next(r, &e));
    assert_int_equal(e.name.len, 1);
    assert_memory_equal(e.name.bytes, " ", 1);
}

static void test_an_empty_directory_has_no_entries(void **state)
{
    struct wherry_message_entry e;

    assert_false(list_reader_next(lists(*state, "", ""), &e));
    assert_int_equal(fixture.reader.ready, 0); /* there was nothing to look up */
}

static void test_what_has_a_temporary_name_is_left_out(void **state)
{
    scratch_file("root/.wherry-abcdefgh", "");
    scratch_dir("root/.wherry-dir");
    scratch_file("root/.wherry", "");
    scratch_file("root/x.wherry-", "");
    EXPECT(lists(*state, "", ""), ".wherry", "x.wherry-");
}

/* --- what entries say --- */

static void expect_entry(struct list_reader *r, enum wherry_kind kind, uint64_t size,
                         const char *name)
{
    struct wherry_message_entry e;

    assert_true(list_reader_next(r, &e));
    assert_int_equal(e.name.len, strlen(name));
    assert_memory_equal(e.name.bytes, name, e.name.len);
    assert_int_equal(e.kind, kind);
    assert_int_equal(e.size, size);
}

static void test_entries_tell_kind_size_and_mtime(void **state)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000000000, .tv_nsec = 7}};
    struct wherry_message_entry e;
    struct list_reader *r;

    scratch_dir("root/dir");
    scratch_file("root/dir/in-it", "");
    scratch_file("root/file", "twelve bytes");
    assert_int_equal(utimensat(AT_FDCWD, "root/file", times, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, "root/dir", times, 0), 0);
    r = lists(*state, "", "");
    expect_entry(r, WHERRY_KIND_DIRECTORY, 0, "dir");
    expect_entry(r, WHERRY_KIND_FILE, 12, "file");
    r = lists(*state, "", "");
    while (list_reader_next(r, &e)) {
        assert_int_equal(e.mtime_ns, UINT64_C(1000000000000000007));
    }
}

static void test_a_link_is_what_it_leads_to_inside_the_root(void **state)
{
    struct list_reader *r;

    scratch_file("root/top", "three");
    scratch_dir("root/dir");
    scratch_file("root/dir/file", "4444");
    scratch_link("file", "root/dir/beside");
    scratch_link("../top", "root/dir/above");
    scratch_link("/dir/file", "root/dir/absolute");
    scratch_link("../../../../top", "root/dir/ends-at-the-root");
    scratch_link("..", "root/dir/parent");
    r = lists(*state, "dir", "");
    expect_entry(r, WHERRY_KIND_FILE, 5, "above");
    expect_entry(r, WHERRY_KIND_FILE, 4, "absolute");
    expect_entry(r, WHERRY_KIND_FILE, 4, "beside");
    expect_entry(r, WHERRY_KIND_FILE, 5, "ends-at-the-root");
    expect_entry(r, WHERRY_KIND_FILE, 4, "file");
    expect_entry(r, WHERRY_KIND_DIRECTORY, 0, "parent");
}

static void test_what_is_neither_file_nor_directory_is_left_out(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "root/socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    assert_int_equal(mkfifo("root/fifo", 0600), 0);
    scratch_link("fifo", "root/to-fifo");
    scratch_link("absent", "root/dangling");
    scratch_link("../outside/secret", "root/out");
    scratch_link("../outside", "root/out-dir");
    scratch_link("/proc/self/root", "root/magic");
    scratch_link("circle", "root/circle");
    scratch_file("root/file", "");
    EXPECT(lists(*state, "", ""), "file");
    close(fd);
}

static void test_a_directory_is_listed_through_a_link_too(void **state)
{
    scratch_dir("root/dir");
    scratch_file("root/dir/file", "");
    scratch_link("file", "root/dir/link");
    scratch_link("dir", "root/to-dir");
    EXPECT(lists(*state, "to-dir", ""), "file", "link");
}

/* --- where it begins --- */

static void test_start_after_is_exclusive_and_need_not_exist(void **state)
{
    struct wherry_message_entry e;

    scratch_file("root/a", "");
    scratch_file("root/b", "");
    scratch_file("root/b0", "");
    scratch_file("root/c", "");
    EXPECT(lists(*state, "", "a"), "b", "b0", "c");
    EXPECT(lists(*state, "", "b"), "b0", "c");
    EXPECT(lists(*state, "", "aaa"), "b", "b0", "c");
    EXPECT(lists(*state, "", "A"), "a", "b", "b0", "c");
    EXPECT(lists(*state, "", "b/.."), "b0", "c"); /* only compared */
    EXPECT(lists(*state, "", "b1"), "c");
    assert_false(list_reader_next(lists(*state, "", "c"), &e));
    assert_false(list_reader_next(lists(*state, "", "\xff"), &e));
}

/* --- what cannot be listed --- */

static void test_only_a_directory_can_be_listed(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name;
        enum res res;
    } cases[] = {
        {"file", RES_NOT_FOUND},    {"absent", RES_NOT_FOUND},
        {"file/x", RES_NOT_FOUND},  {"fifo", RES_NOT_FOUND},
        {"to-file", RES_NOT_FOUND}, {"out", RES_NOT_FOUND},
        {"..", RES_NAME},           {"/", RES_NAME},
        {".wherry-dir", RES_NAME},
    };

    scratch_file("root/file", "");
    scratch_dir("root/.wherry-dir");
    scratch_link("file", "root/to-file");
    scratch_link("../outside", "root/out");
    assert_int_equal(mkfifo("root/fifo", 0600), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(list_reader_open(&f->reader, cases[i].name, ""), cases[i].res);
        list_reader_free(&f->reader);
        assert_int_equal(listings_held(f->all), 0);
    }
}

static int list_as_a_stranger(void *arg)
{
    const char *name = arg;
    struct list_reader r = {.loop = NULL};
    struct pool *pool = NULL;
    struct jail *jail = NULL;
    enum res res;

    if (loop_new(&r.loop) != RES_OK || pool_new(&pool, r.loop, 0) != RES_OK ||
        jail_open(&jail, "root") != RES_OK || listings_new(&r.all, pool, jail, 1) != RES_OK) {
        return -1;
    }
    res = list_reader_open(&r, name, "");
    list_reader_free(&r);
    listings_free(r.all);
    pool_free(pool);
    loop_free(r.loop);
    jail_free(jail);
    return (int)res;
}

static void test_a_directory_that_may_not_be_read_or_searched_is_denied(void **state)
{
    (void)state;
    scratch_dir("root/unread");
    scratch_dir("root/unsearched");
    scratch_file("root/unsearched/file", "");
    scratch_give("root/unread");
    scratch_give("root/unsearched");
    assert_int_equal(chmod("root/unread", 0300), 0);
    assert_int_equal(chmod("root/unsearched", 0600), 0); /* names, but nothing about them */
    assert_int_equal(scratch_in_child(list_as_a_stranger, "unread", true), RES_DENIED);
    assert_int_equal(scratch_in_child(list_as_a_stranger, "unsearched", true), RES_DENIED);
    assert_int_equal(chmod("root/unread", 0700), 0);
    assert_int_equal(chmod("root/unsearched", 0700), 0);
}

/* --- what changes meanwhile --- */

static void test_names_that_are_gone_meanwhile_are_left_out(void **state)
{
    struct list_reader *r;

    scratch_file("root/a", "");
    scratch_file("root/b", "");
    scratch_file("root/c", "");
    scratch_dir("root/d");
    r = lists(*state, "", "");
    assert_int_equal(unlink("root/a"), 0);
    assert_int_equal(unlink("root/c"), 0);
    scratch_file("root/aa", ""); /* came too late */
    EXPECT(r, "b", "d");
}

static void test_entries_are_of_the_time_when_they_are_taken(void **state)
{
    struct list_reader *r;

    scratch_file("root/file", "short");
    scratch_file("root/other", "");
    r = lists(*state, "", "");
    scratch_file("root/file", "longer than before");
    assert_int_equal(unlink("root/other"), 0);
    scratch_dir("root/other");
    expect_entry(r, WHERRY_KIND_FILE, 18, "file");
    expect_entry(r, WHERRY_KIND_DIRECTORY, 0, "other");
}

static void test_a_directory_that_is_removed_just_ends(void **state)
{
    struct wherry_message_entry e;
    struct list_reader *r;

    scratch_dir("root/dir");
    scratch_file("root/dir/file", "");
    r = lists(*state, "dir", "");
    assert_int_equal(unlink("root/dir/file"), 0);
    assert_int_equal(rmdir("root/dir"), 0);
    assert_false(list_reader_next(r, &e));
}

/* --- batches --- */

static void test_entries_are_looked_up_in_batches(void **state)
{
    struct wherry_message_entry e;
    struct list_reader *r;
    char name[16];
    unsigned n = 0;

    make_numbered(0, 2 * BATCH + 1);
    r = lists(*state, "", "");
    while (list_reader_next(r, &e)) {
        (void)snprintf(name, sizeof(name), "%06u", n++);
        assert_memory_equal(e.name.bytes, name, e.name.len);
        assert_int_equal(r->ready, (n - 1) / BATCH + 1);
    }
    assert_int_equal(n, 2 * BATCH + 1);
    assert_int_equal(r->ready, 3);
}

static void test_a_whole_batch_that_is_gone_is_passed_over(void **state)
{
    struct list_reader *r;
    char path[64];

    make_numbered(0, 2 * BATCH + 1);
    r = lists(*state, "", "");
    for (unsigned i = 0; i < 2 * BATCH; i++) {
        (void)snprintf(path, sizeof(path), "root/%06u", i);
        assert_int_equal(unlink(path), 0);
    }
    EXPECT(r, "000512");
}

static void test_an_entry_stays_until_it_is_taken(void **state)
{
    struct fixture *f = *state;
    struct wherry_message_entry e;
    struct wherry_message_entry again;
    bool more = false;

    scratch_file("root/a", "");
    scratch_file("root/b", "");
    lists(f, "", "");
    assert_true(list_reader_next(&f->reader, &e));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(listing_next(f->reader.listing, &again, &more), RES_OK);
        assert_true(more);
        assert_memory_equal(again.name.bytes, "b", 1);
    }
    listing_take(f->reader.listing);
    assert_int_equal(listing_next(f->reader.listing, &again, &more), RES_OK);
    assert_false(more);
}

static void test_without_descriptors_links_do_not_vanish(void **state)
{
    struct fixture *f = *state;
    struct wherry_message_entry e;
    struct rlimit before;
    struct rlimit none;
    bool more = false;
    int lowest;

    scratch_file("root/file", "");
    scratch_link("file", "root/link");
    lists(f, "", "");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    lowest = dup(0);
    assert_true(lowest >= 0);
    close(lowest);
    none = before;
    none.rlim_cur = (rlim_t)lowest;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(list_reader_try(&f->reader, &e, &more), RES_BUSY);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names_come_sorted_bytewise),
        TEST(test_odd_names_are_listed_as_they_are),
        TEST(test_an_empty_directory_has_no_entries),
        TEST(test_what_has_a_temporary_name_is_left_out),
        TEST(test_entries_tell_kind_size_and_mtime),
        TEST(test_a_link_is_what_it_leads_to_inside_the_root),
        TEST(test_what_is_neither_file_nor_directory_is_left_out),
        TEST(test_a_directory_is_listed_through_a_link_too),
        TEST(test_start_after_is_exclusive_and_need_not_exist),
        TEST(test_only_a_directory_can_be_listed),
        TEST(test_a_directory_that_may_not_be_read_or_searched_is_denied),
        TEST(test_names_that_are_gone_meanwhile_are_left_out),
        TEST(test_entries_are_of_the_time_when_they_are_taken),
        TEST(test_a_directory_that_is_removed_just_ends),
        TEST(test_entries_are_looked_up_in_batches),
        TEST(test_a_whole_batch_that_is_gone_is_passed_over),
        TEST(test_an_entry_stays_until_it_is_taken),
        TEST(test_without_descriptors_links_do_not_vanish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
