/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/upload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/upload_story.h"

enum { MIB = 1 << 20 };

static void name_id(uint8_t ret[WHERRY_UPLOAD_ID_BYTES], uint8_t number)
{
    memset(ret, 0, WHERRY_UPLOAD_ID_BYTES);
    ret[0] = number;
}

/* Some bytes of an upload of unknown size, under the id of that number. False: it did not work. */
static bool leave_broken(struct upload_story *st, uint8_t number, size_t len, uint8_t network)
{
    struct upload_request q = story_request("file", WHERRY_SIZE_UNKNOWN);
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];
    char *bytes = story_bytes(len);
    bool left;

    name_id(id, number);
    q.upload_id = id;
    q.network[14] = network;
    left = story_begin(st, 0, &q) == RES_OK && st->clients[0].offset == 0 &&
           story_add(st, 0, bytes, len) == RES_OK;
    story_break(st, 0);
    free(bytes);
    return left;
}

/* Where the upload of that number goes on: 0 is where one begins that is not kept. */
static uint64_t kept_bytes(struct upload_story *st, uint8_t number, uint8_t network)
{
    struct upload_request q = story_request("file", WHERRY_SIZE_UNKNOWN);
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];
    uint64_t offset;

    name_id(id, number);
    q.upload_id = id;
    q.network[14] = network;
    if (story_begin(st, 0, &q) != RES_OK) {
        return UINT64_MAX;
    }
    offset = st->clients[0].offset;
    story_break(st, 0);
    return offset;
}

/* --- sizes --- */

static void test_more_than_the_largest_is_refused_at_once(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = story_request("file", 5);

    st->limits.size_max = 4;
    story_limit(st);
    assert_int_equal(story_begin(st, 0, &q), RES_TOO_LARGE);
    q.size = 4;
    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    assert_int_equal(story_text(st, 0, "four"), RES_OK);
    assert_int_equal(story_commit(st, 0, NULL), RES_OK);
    story_expect_files(st, 1);
}

static void test_one_of_unknown_size_ends_at_the_largest(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = story_request("file", WHERRY_SIZE_UNKNOWN);

    st->limits.size_max = 4;
    story_limit(st);
    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    assert_int_equal(story_text(st, 0, "four"), RES_OK);
    assert_int_equal(story_text(st, 0, "5"), RES_TOO_LARGE);
    story_drop(st, 0);
    story_expect_files(st, 0);
    st->limits.size_max = 0; /* none */
    story_limit(st);
    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    assert_int_equal(story_text(st, 0, "12345"), RES_OK);
    assert_int_equal(story_commit(st, 0, NULL), RES_OK);
}

/* --- what is kept --- */

static void test_the_oldest_of_a_network_goes_first(void **state)
{
    struct upload_story *st = *state;

    st->limits.kept_total = 30000;
    story_limit(st);
    assert_true(leave_broken(st, 1, 10000, 2));
    assert_true(leave_broken(st, 2, 10000, 2));
    assert_true(leave_broken(st, 3, 10000, 9)); /* another network's count for themselves */
    assert_true(leave_broken(st, 4, 10000, 2));
    assert_int_equal(uploads_kept(st->uploads), 4);
    assert_int_equal(kept_bytes(st, 1, 2), 10000); /* used: it is the newest now */
    assert_true(leave_broken(st, 5, 10000, 2));
    assert_int_equal(uploads_kept(st->uploads), 4);
    story_expect_files(st, 8);
    assert_int_equal(kept_bytes(st, 2, 2), 0);
    assert_int_equal(kept_bytes(st, 1, 2), 10000);
    assert_int_equal(kept_bytes(st, 3, 9), 10000);
    assert_int_equal(kept_bytes(st, 4, 2), 10000);
    assert_int_equal(kept_bytes(st, 5, 2), 10000);
}

static void test_one_that_is_larger_than_all_is_not_kept(void **state)
{
    struct upload_story *st = *state;

    st->limits.kept_total = 30000;
    story_limit(st);
    assert_true(leave_broken(st, 1, 30001, 2));
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 0);
    assert_true(leave_broken(st, 1, 30000, 2));
    assert_int_equal(uploads_kept(st->uploads), 1);
}

static void test_small_ones_count_as_a_block(void **state)
{
    struct upload_story *st = *state;

    st->limits.kept_total = 2 * 4096;
    story_limit(st);
    assert_true(leave_broken(st, 1, 1, 2));
    assert_true(leave_broken(st, 2, 1, 2));
    assert_true(leave_broken(st, 3, 1, 2));
    assert_int_equal(uploads_kept(st->uploads), 2);
    assert_int_equal(kept_bytes(st, 1, 2), 0);
}

static void test_the_order_of_last_use_outlives_a_restart(void **state)
{
    struct upload_story *st = *state;

    for (uint8_t i = 1; i <= 6; i++) {
        assert_true(leave_broken(st, (uint8_t)(i * 37), 10000, 2));
    }
    assert_int_equal(kept_bytes(st, 37, 2), 10000);
    st->limits.kept_total = 60000;
    story_restart(st);
    assert_int_equal(uploads_kept(st->uploads), 6);
    assert_true(leave_broken(st, 9, 10000, 2));
    assert_int_equal(uploads_kept(st->uploads), 6);
    assert_int_equal(kept_bytes(st, 2 * 37, 2), 0);
    assert_int_equal(kept_bytes(st, 37, 2), 10000);
}

/* --- a full disk; each says which step went wrong, or 0 --- */

static struct upload_story *begin_small(int *ret_status)
{
    if (!scratch_private_mounts() || mount("none", "root", "tmpfs", 0, "size=16m") == -1) {
        *ret_status = SCRATCH_CANNOT;
        return NULL;
    }
    return story_new();
}

static int make_room_at_begin(void *arg)
{
    int status = 0;
    struct upload_story *st = begin_small(&status);
    struct upload_request q = story_request("large", 12 * MIB);

    (void)arg;
    if (st == NULL) {
        return status;
    }
    if (!leave_broken(st, 1, 4 * MIB, 2) || !leave_broken(st, 2, 4 * MIB, 9) ||
        !leave_broken(st, 3, 2 * MIB, 9)) {
        return 1;
    }
    if (story_begin(st, 0, &q) != RES_OK) {
        return 2;
    }
    story_drop(st, 0);
    if (uploads_kept(st->uploads) != 1 || kept_bytes(st, 3, 9) != 2 * MIB) {
        return 3;
    }
    q.size = 17 * MIB; /* more than all of it */
    if (story_begin(st, 0, &q) != RES_NO_SPACE) {
        return 4;
    }
    return uploads_kept(st->uploads) == 0 && scratch_count("root") == 0 ? 0 : 5;
}

static int make_room_while_bytes_arrive(void *arg)
{
    int status = 0;
    struct upload_story *st = begin_small(&status);
    struct upload_request q = story_request("large", WHERRY_SIZE_UNKNOWN);
    char *bytes = story_bytes(14 * MIB);
    uint8_t sum[WHERRY_SHA256_BYTES];

    (void)arg;
    if (st == NULL) {
        free(bytes);
        return status;
    }
    story_sha256(bytes, 14 * MIB, sum);
    if (!leave_broken(st, 1, 4 * MIB, 2) || !leave_broken(st, 2, 4 * MIB, 2) ||
        story_begin(st, 0, &q) != RES_OK) {
        return 1;
    }
    for (size_t at = 0; at < 14 * MIB; at += MIB) {
        if (story_add(st, 0, bytes + at, MIB) != RES_OK) {
            return 2;
        }
    }
    if (story_commit(st, 0, sum) != RES_OK) { /* no byte was lost or came twice */
        return 3;
    }
    free(bytes);
    return uploads_kept(st->uploads) == 0 && scratch_count("root") == 1 ? 0 : 4;
}

static int fill_the_disk(void *arg)
{
    int status = 0;
    struct upload_story *st = begin_small(&status);
    struct upload_request q = story_request("large", WHERRY_SIZE_UNKNOWN);
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];
    char *bytes = story_bytes(MIB);
    enum res r = RES_OK;

    if (st == NULL) {
        free(bytes);
        return status;
    }
    name_id(id, 1);
    q.upload_id = arg != NULL ? id : NULL;
    scratch_file("root/large", "old");
    if (story_begin(st, 0, &q) != RES_OK) {
        return 1;
    }
    for (int i = 0; i < 20 && r == RES_OK; i++) {
        r = story_add(st, 0, bytes, MIB);
        story_settle(st);
    }
    free(bytes);
    if (r != RES_NO_SPACE) {
        return 2;
    }
    story_break(st, 0);
    scratch_holds("root/large", "old");
    return uploads_kept(st->uploads) == 0 && scratch_count("root") == 1 ? 0 : 3;
}

static int keep_the_reserve(void *arg)
{
    int status = 0;
    struct upload_story *st = begin_small(&status);
    struct upload_request q = story_request("large", 12 * MIB + 1);

    (void)arg;
    if (st == NULL) {
        return status;
    }
    st->limits.reserve = 4 * MIB;
    story_limit(st);
    if (story_begin(st, 0, &q) != RES_NO_SPACE) {
        return 1;
    }
    q.size = 12 * MIB;
    return story_begin(st, 0, &q) == RES_OK ? 0 : 2;
}

static void run(int (*fn)(void *arg), void *arg)
{
    int status = scratch_in_child(fn, arg, false);

    if (status == SCRATCH_CANNOT) {
        scratch_skip("no permission to mount a small tmpfs");
    }
    assert_int_equal(status, 0);
}

static void test_the_oldest_goes_before_an_upload_is_refused(void **state)
{
    (void)state;
    run(make_room_at_begin, NULL);
}

static void test_the_oldest_goes_before_an_upload_fails(void **state)
{
    (void)state;
    run(make_room_while_bytes_arrive, NULL);
}

static void test_a_full_disk_leaves_the_old_file_and_nothing_else(void **state)
{
    bool with_id = true;

    (void)state;
    run(fill_the_disk, NULL);
    run(fill_the_disk, &with_id);
}

static void test_the_reserve_stays_free(void **state)
{
    (void)state;
    run(keep_the_reserve, NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, story_setup, story_teardown)
/* Their stories are of a child. */
#define CHILD_TEST(f) cmocka_unit_test_setup_teardown(f, child_setup, scratch_teardown)

static int child_setup(void **state)
{
    if (scratch_setup(state) == -1) {
        return -1;
    }
    scratch_dir("root");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_more_than_the_largest_is_refused_at_once),
        TEST(test_one_of_unknown_size_ends_at_the_largest),
        TEST(test_the_oldest_of_a_network_goes_first),
        TEST(test_one_that_is_larger_than_all_is_not_kept),
        TEST(test_small_ones_count_as_a_block),
        TEST(test_the_order_of_last_use_outlives_a_restart),
        CHILD_TEST(test_the_oldest_goes_before_an_upload_is_refused),
        CHILD_TEST(test_the_oldest_goes_before_an_upload_fails),
        CHILD_TEST(test_a_full_disk_leaves_the_old_file_and_nothing_else),
        CHILD_TEST(test_the_reserve_stays_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
