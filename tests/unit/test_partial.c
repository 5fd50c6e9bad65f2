/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"

static const uint8_t version_1[WHERRY_VALIDATOR_BYTES] = {1, 0xab};
static const uint8_t version_2[WHERRY_VALIDATOR_BYTES] = {2, 0xcd};

static const struct url url = {
    .scheme = URL_WHERRY, .host = "host", .port = 7069, .name = "dir/file"};

/* --- what the tests do --- */

struct wanted {
    const char *last;
    const struct url *url;
    const char *path;
    bool resume;
    bool keep_old; /* no replacing */
    bool none_kept;
};

static const struct wanted plain = {.last = "file", .url = &url, .path = "dir/file"};
static const struct wanted resumed = {
    .last = "file", .url = &url, .path = "dir/file", .resume = true};

static enum res try_new(struct partial **ret, const struct wanted *w)
{
    struct jail_target target;
    const struct partial_params p = {
        .target = &target,
        .url = w->url,
        .path = {.bytes = (const uint8_t *)w->path, .len = strlen(w->path)},
        .replace = !w->keep_old,
        .mode = 0640,
        .resume = w->resume,
        .none_kept = w->none_kept,
    };

    assert_int_equal(jail_find_local(w->last, &target), RES_OK);
    /* Stays open: the process ends with the test. */
    return partial_new(ret, &p);
}

static struct partial *make(const struct wanted *w)
{
    struct partial *f = NULL;

    assert_int_equal(try_new(&f, w), RES_OK);
    return f;
}

static void put(struct partial *f, const char *text)
{
    assert_int_equal(partial_write(f, (const uint8_t *)text, strlen(text)), RES_OK);
}

static struct partial *begin(const struct wanted *w, const uint8_t *version, const char *text)
{
    struct partial *f = make(w);

    assert_int_equal(partial_begin(f, version, 100), RES_OK);
    put(f, text);
    return f;
}

/* A download of this version that is broken off after these bytes. */
static void leave_behind(const struct wanted *w, const uint8_t *version, const char *text)
{
    struct partial *f = begin(w, version, text);

    assert_true(partial_keep(f));
    partial_free(f);
}

static void expect_found(struct partial *f, const uint8_t *version, uint64_t bytes)
{
    assert_non_null(partial_validator(f));
    assert_memory_equal(partial_validator(f), version, WHERRY_VALIDATOR_BYTES);
    assert_int_equal(partial_bytes(f), bytes);
}

/* The only file whose name begins so. */
static void name_of_kept(char name[256])
{
    DIR *d = opendir(".");
    const struct dirent *e;

    assert_non_null(d);
    name[0] = '\0';
    while ((e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, ".wherry-", 8) == 0) {
            assert_string_equal(name, "");
            (void)snprintf(name, 256, "%s", e->d_name);
        }
    }
    assert_string_not_equal(name, "");
    assert_return_code(closedir(d), errno);
}

/* --- tests --- */

static void test_the_target_appears_whole_and_replaces_the_old_one(void **state)
{
    struct partial *f;
    struct stat st;

    (void)state;
    f = begin(&plain, version_1, "new ");
    scratch_absent("file");
    put(f, "bytes");
    assert_int_equal(partial_commit(f), RES_OK);
    partial_free(f);
    scratch_holds("file", "new bytes");
    assert_return_code(stat("file", &st), errno);
    assert_int_equal(st.st_mode & 0777, 0640);

    f = begin(&plain, version_2, "newer");
    scratch_holds("file", "new bytes");
    assert_int_equal(partial_commit(f), RES_OK);
    partial_free(f);
    scratch_holds("file", "newer");
    assert_int_equal(scratch_count("."), 1);
}

static void test_nothing_stays_of_what_is_neither_committed_nor_kept(void **state)
{
    (void)state;
    scratch_file("file", "old");
    partial_free(begin(&plain, version_1, "bytes"));
    partial_free(begin(&resumed, version_1, "bytes"));
    partial_free(make(&resumed));
    scratch_holds("file", "old");
    assert_int_equal(scratch_count("."), 1);
}

static void test_an_existing_file_is_refused_before_anything_is_made(void **state)
{
    struct wanted w = plain;
    struct partial *f = NULL;

    (void)state;
    w.keep_old = true;
    scratch_file("file", "old");
    assert_int_equal(try_new(&f, &w), RES_EXISTS);
    assert_null(f);
}

static void test_a_file_that_appeared_meanwhile_is_not_replaced_unless_allowed(void **state)
{
    struct wanted w = plain;
    struct partial *f;

    (void)state;
    w.keep_old = true;
    f = begin(&w, version_1, "mine");
    scratch_file("file", "theirs");
    assert_int_equal(partial_commit(f), RES_EXISTS);
    partial_free(f);
    scratch_holds("file", "theirs");
    assert_int_equal(scratch_count("."), 1);
}

static void test_what_was_kept_is_gone_on_with(void **state)
{
    struct partial *f;
    uint8_t bytes[16];
    size_t len = 0;

    (void)state;
    leave_behind(&plain, version_1, "first half, ");
    assert_int_equal(scratch_count("."), 1);
    scratch_absent("file");

    f = make(&resumed);
    expect_found(f, version_1, 12);
    assert_int_equal(partial_read(f, 6, bytes, sizeof(bytes), &len), RES_OK);
    assert_int_equal(len, 6);
    assert_memory_equal(bytes, "half, ", 6);
    assert_int_equal(partial_begin(f, version_1, 23), RES_OK);
    assert_int_equal(partial_bytes(f), 12);
    put(f, "second half");
    assert_int_equal(partial_bytes(f), 23);
    assert_int_equal(partial_commit(f), RES_OK);
    partial_free(f);
    scratch_holds("file", "first half, second half");
    assert_int_equal(scratch_count("."), 1);
}

/* .wherry- 16 hex digits - the validator in 32 */
static void test_the_name_says_of_which_version_it_is(void **state)
{
    char name[256];

    (void)state;
    leave_behind(&plain, version_1, "x");
    name_of_kept(name);
    assert_int_equal(strlen(name), 8 + 16 + 1 + 32);
    assert_int_equal(strspn(name + 8, "0123456789abcdef"), 16);
    assert_string_equal(name + 8 + 16, "-01ab0000000000000000000000000000");
}

static void test_without_resume_what_was_kept_is_not_looked_at(void **state)
{
    struct partial *f;

    (void)state;
    leave_behind(&plain, version_1, "x");
    f = make(&plain);
    assert_null(partial_validator(f));
    assert_int_equal(partial_bytes(f), 0);
    partial_free(f);
    assert_int_equal(scratch_count("."), 1);
}

static void test_another_url_or_target_finds_nothing(void **state)
{
    static const struct url other_host = {.scheme = URL_WHERRY, .host = "tsoh", .port = 7069};
    static const struct url other_port = {.scheme = URL_WHERRY, .host = "host", .port = 7070};
    const struct wanted others[] = {
        {.last = "other", .url = &url, .path = "dir/file", .resume = true},
        {.last = "file", .url = &url, .path = "rid/file", .resume = true},
        {.last = "file", .url = &other_host, .path = "dir/file", .resume = true},
        {.last = "file", .url = &other_port, .path = "dir/file", .resume = true},
    };

    (void)state;
    leave_behind(&plain, version_1, "x");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct partial *f = make(&others[i]);

        assert_null(partial_validator(f));
        partial_free(f);
    }
    assert_int_equal(scratch_count("."), 1);
}

static void test_bytes_of_another_version_never_mix(void **state)
{
    struct partial *f;

    (void)state;
    leave_behind(&plain, version_1, "old old old");
    f = make(&resumed);
    expect_found(f, version_1, 11);
    assert_int_equal(partial_begin(f, version_2, 3), RES_OK);
    assert_int_equal(partial_bytes(f), 0);
    put(f, "new");
    assert_int_equal(partial_commit(f), RES_OK);
    partial_free(f);
    scratch_holds("file", "new");
    assert_int_equal(scratch_count("."), 1);
}

static void test_a_success_without_resume_removes_what_was_kept(void **state)
{
    struct wanted other = plain;
    struct partial *f;

    (void)state;
    other.path = "dir/other";
    leave_behind(&plain, version_1, "x");
    leave_behind(&other, version_1, "y");
    f = begin(&plain, version_2, "whole");
    assert_int_equal(partial_commit(f), RES_OK);
    partial_free(f);
    assert_int_equal(scratch_count("."), 2); /* the file, and what is of the other URL */
    other.resume = true;
    f = make(&other);
    expect_found(f, version_1, 1);
    partial_free(f);
}

static void test_of_several_the_youngest_is_gone_on_with(void **state)
{
    char name[256];
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct partial *f;

    (void)state;
    leave_behind(&plain, version_1, "older, longer");
    name_of_kept(name);
    assert_return_code(utimensat(AT_FDCWD, name, old, 0), errno);
    leave_behind(&plain, version_2, "younger");
    assert_int_equal(scratch_count("."), 2);
    f = make(&resumed);
    expect_found(f, version_2, 7);
    partial_free(f);
    assert_int_equal(scratch_count("."), 1);
}

static void test_of_two_of_the_same_version_the_longer_is_kept(void **state)
{
    struct partial *f;

    (void)state;
    leave_behind(&plain, version_1, "12345");
    leave_behind(&plain, version_1, "123");
    f = make(&resumed);
    expect_found(f, version_1, 5);
    partial_free(f);
    leave_behind(&plain, version_1, "1234567");
    f = make(&resumed);
    expect_found(f, version_1, 7);
    partial_free(f);
    assert_int_equal(scratch_count("."), 1);
}

static void test_what_somebody_works_on_is_left_alone(void **state)
{
    struct partial *first = begin(&resumed, version_1, "first");
    struct partial *second = make(&resumed);

    (void)state;
    assert_null(partial_validator(second));
    assert_int_equal(partial_begin(second, version_1, 6), RES_OK);
    put(second, "second");
    assert_false(partial_keep(second));
    partial_free(second);
    assert_int_equal(scratch_count("."), 1);
    second = begin(&plain, version_1, "second");
    assert_int_equal(partial_commit(second), RES_OK);
    partial_free(second);
    scratch_holds("file", "second");
    assert_int_equal(scratch_count("."), 2);
    put(first, "!");
    assert_int_equal(partial_commit(first), RES_OK);
    partial_free(first);
    scratch_holds("file", "first!");
    assert_int_equal(scratch_count("."), 1);
}

static int begin_and_die(void *arg)
{
    struct partial *f = begin(&resumed, version_1, "so far");

    (void)arg;
    return partial_bytes(f) == 6 ? 0 : 1; /* ends without a word */
}

static void test_with_resume_it_outlives_the_process(void **state)
{
    struct partial *f;

    (void)state;
    assert_int_equal(scratch_in_child(begin_and_die, NULL, false), 0);
    f = make(&resumed);
    expect_found(f, version_1, 6);
    partial_free(f);
}

/* Somebody else may write to the directory and lay traps. */
static void test_only_a_regular_file_of_one_name_is_taken(void **state)
{
    char name[256];
    struct partial *f;

    (void)state;
    leave_behind(&plain, version_1, "x");
    name_of_kept(name);
    assert_return_code(link(name, "second name"), errno);
    f = make(&resumed);
    assert_null(partial_validator(f));
    partial_free(f);

    assert_return_code(unlink(name), errno);
    scratch_link("second name", name);
    f = make(&resumed);
    assert_null(partial_validator(f));
    partial_free(f);

    assert_return_code(unlink(name), errno);
    assert_return_code(mkfifo(name, 0600), errno);
    f = make(&resumed);
    assert_null(partial_validator(f));
    partial_free(f);
    scratch_holds("second name", "x");
}

static int find_as_another(void *arg)
{
    struct partial *f = NULL;
    bool found;

    (void)arg;
    if (getuid() == 0) {
        return SCRATCH_CANNOT;
    }
    f = make(&resumed);
    found = partial_validator(f) != NULL;
    partial_free(f);
    return found ? 1 : 0;
}

static void test_a_file_of_another_user_is_not_taken(void **state)
{
    char name[256];

    (void)state;
    if (getuid() != 0) {
        scratch_skip("needs a file of another user");
    }
    leave_behind(&plain, version_1, "x");
    name_of_kept(name);
    assert_return_code(chmod(name, 0666), errno);
    assert_return_code(chmod(".", 0777), errno);
    assert_int_equal(scratch_in_child(find_as_another, NULL, true), 0);
}

static void test_an_empty_one_is_not_kept(void **state)
{
    struct partial *f = begin(&resumed, version_1, "");

    (void)state;
    assert_false(partial_keep(f));
    partial_free(f);
    f = make(&plain);
    assert_false(partial_keep(f));
    partial_free(f);
    assert_int_equal(scratch_count("."), 0);
}

static void test_what_was_found_and_not_begun_stays(void **state)
{
    struct partial *f;

    (void)state;
    leave_behind(&plain, version_1, "x");
    partial_free(make(&resumed));
    f = make(&resumed);
    expect_found(f, version_1, 1);
    partial_discard(f);
    assert_null(partial_validator(f));
    assert_int_equal(partial_bytes(f), 0);
    partial_free(f);
    assert_int_equal(scratch_count("."), 0);
}

static void test_any_kept_sees_only_such_names(void **state)
{
    int fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct wanted w = resumed;
    struct partial *f;

    (void)state;
    assert_return_code(fd, errno);
    scratch_file(".wherry-abcdefgh", "an upload");
    scratch_file("file", "");
    assert_false(partial_any_kept(fd));
    leave_behind(&plain, version_1, "x");
    assert_true(partial_any_kept(fd));
    assert_return_code(close(fd), errno);
    /* Who says that there is none is believed. */
    w.none_kept = true;
    f = make(&w);
    assert_null(partial_validator(f));
    partial_free(f);
}

static void test_a_link_stays_and_its_file_is_replaced(void **state)
{
    struct partial *f;
    struct stat st;

    (void)state;
    scratch_dir("sub");
    scratch_file("sub/real", "old");
    scratch_link("sub/real", "file");
    f = begin(&plain, version_1, "new");
    assert_true(partial_keep(f));
    partial_free(f);
    assert_int_equal(scratch_count("sub"), 2); /* what is kept lies beside the real file */
    f = make(&resumed);
    expect_found(f, version_1, 3);
    assert_int_equal(partial_begin(f, version_1, 3), RES_OK);
    assert_int_equal(partial_commit(f), RES_OK);
    partial_free(f);
    scratch_holds("sub/real", "new");
    assert_return_code(lstat("file", &st), errno);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(scratch_count("sub"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_target_appears_whole_and_replaces_the_old_one),
        TEST(test_nothing_stays_of_what_is_neither_committed_nor_kept),
        TEST(test_an_existing_file_is_refused_before_anything_is_made),
        TEST(test_a_file_that_appeared_meanwhile_is_not_replaced_unless_allowed),
        TEST(test_what_was_kept_is_gone_on_with),
        TEST(test_the_name_says_of_which_version_it_is),
        TEST(test_without_resume_what_was_kept_is_not_looked_at),
        TEST(test_another_url_or_target_finds_nothing),
        TEST(test_bytes_of_another_version_never_mix),
        TEST(test_a_success_without_resume_removes_what_was_kept),
        TEST(test_of_several_the_youngest_is_gone_on_with),
        TEST(test_of_two_of_the_same_version_the_longer_is_kept),
        TEST(test_what_somebody_works_on_is_left_alone),
        TEST(test_with_resume_it_outlives_the_process),
        TEST(test_only_a_regular_file_of_one_name_is_taken),
        TEST(test_a_file_of_another_user_is_not_taken),
        TEST(test_an_empty_one_is_not_kept),
        TEST(test_what_was_found_and_not_begun_stays),
        TEST(test_any_kept_sees_only_such_names),
        TEST(test_a_link_stays_and_its_file_is_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
