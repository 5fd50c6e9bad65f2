/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/keep.h"
#include "store/upload_work.h"
#include "support/scratch.h"
#include "support/upload_broken.h"

static const uint8_t zeros[WHERRY_UPLOAD_ID_BYTES];
/* --- going on --- */

static void test_a_broken_upload_goes_on_where_it_stopped(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_leave(st, &q);
    assert_memory_equal(st->clients[0].id, id_a, sizeof(id_a));
    assert_int_equal(uploads_kept(st->uploads), 1);
    scratch_holds(DATA_A, "one");
    story_expect_files(st, 2);
    broken_finish(st, &q);
    assert_memory_equal(st->clients[0].id, id_a, sizeof(id_a));
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 1);
}

static void test_it_may_break_again_and_again(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_leave(st, &q);
    broken_begin_at(st, 0, &q, 3);
    story_break(st, 0); /* nothing new */
    broken_begin_at(st, 0, &q, 3);
    assert_int_equal(story_text(st, 0, "two"), RES_OK);
    story_break(st, 0);
    assert_int_equal(uploads_kept(st->uploads), 1);
    broken_begin_at(st, 0, &q, 6);
    assert_int_equal(story_text(st, 0, "end"), RES_OK);
    assert_int_equal(story_commit(st, 0, NULL), RES_OK);
    scratch_holds("root/file", "onetwoend");
}

static void test_a_restarted_server_goes_on_too(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_leave(st, &q);
    story_restart(st);
    assert_int_equal(st->removed, 0);
    assert_int_equal(uploads_kept(st->uploads), 1);
    broken_finish(st, &q);
    story_expect_files(st, 1);
}

static void test_what_ran_when_the_server_ended_goes_on(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_begin_at(st, 0, &q, 0);
    assert_int_equal(story_text(st, 0, "one"), RES_OK);
    story_restart(st);
    broken_finish(st, &q);
}

enum { KILLED_LEN = 20 << 20, KILLED_PIECE = 1 << 20 };

static int upload_until_killed(void *arg)
{
    const struct upload_request *q = arg;
    struct upload_story *st = story_new();
    char *bytes = story_bytes(KILLED_LEN);

    if (story_begin(st, 0, q) != RES_OK) {
        return 1;
    }
    for (size_t at = 0; at < KILLED_LEN; at += KILLED_PIECE) {
        if (story_add(st, 0, bytes + at, KILLED_PIECE) != RES_OK) {
            return 2;
        }
    }
    story_settle(st);
    _exit(0); /* without a word to anybody */
}

static void test_a_killed_server_goes_on_from_what_was_synced(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);
    char *bytes = story_bytes(KILLED_LEN);
    uint8_t sum[WHERRY_SHA256_BYTES];
    size_t offset;

    story_sha256(bytes, KILLED_LEN, sum);
    q.size = KILLED_LEN;
    q.sha256 = sum;
    assert_int_equal(scratch_in_child(upload_until_killed, &q, false), 0);
    story_restart(st);
    assert_int_equal(uploads_kept(st->uploads), 1);
    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    offset = (size_t)st->clients[0].offset;
    assert_in_range(offset, UPLOAD_SYNC_BYTES, KILLED_LEN);
    assert_int_equal(story_add(st, 0, bytes + offset, KILLED_LEN - offset), RES_OK);
    assert_int_equal(story_commit(st, 0, NULL), RES_OK); /* the digest is of the whole */
    free(bytes);
    story_expect_files(st, 1);
}

static void test_bytes_behind_what_counts_are_cut_off(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);
    FILE *data;

    broken_leave(st, &q);
    data = fopen(DATA_A, "a");
    assert_non_null(data);
    assert_int_equal(fputs("torn off", data) >= 0, 1);
    fclose(data);
    broken_finish(st, &q);
}

/* --- ids --- */

static void test_an_id_of_zeros_asks_for_one(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(zeros);
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];

    broken_leave(st, &q);
    memcpy(id, st->clients[0].id, sizeof(id));
    assert_memory_not_equal(id, zeros, sizeof(id));
    broken_begin_at(st, 0, &q, 0);
    assert_memory_not_equal(st->clients[0].id, id, sizeof(id));
    story_drop(st, 0);
    q.upload_id = id;
    broken_finish(st, &q);
}

static void test_two_ids_of_one_name_never_mix(void **state)
{
    struct upload_story *st = *state;
    struct upload_request a = broken_request(id_a);
    struct upload_request b = broken_request(id_b);

    broken_leave(st, &a);
    broken_begin_at(st, 1, &b, 0);
    assert_int_equal(story_text(st, 1, "something"), RES_OK);
    assert_int_equal(story_commit(st, 1, NULL), RES_OK);
    scratch_holds("root/file", "something");
    broken_finish(st, &a);
}

static void test_it_goes_on_only_as_the_same_upload(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);
    struct upload_request other;
    uint8_t sum[WHERRY_SHA256_BYTES];

    scratch_dir("root/dir");
    story_sha256("onetwoend", 9, sum);
    broken_leave(st, &q);
    for (int i = 0; i < 2; i++) { /* the second time after a restart */
        other = q;
        other.name = "other";
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        other.name = "dir/file";
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        other = q;
        other.size = 10;
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        other.size = WHERRY_SIZE_UNKNOWN;
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        other = q;
        other.create = true;
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        other = q;
        other.sha256 = sum;
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        other = q;
        other.network[14]++;
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        assert_int_equal(uploads_kept(st->uploads), 1);
        story_restart(st);
    }
    broken_finish(st, &q);
}

static void test_it_goes_on_only_under_the_policy_of_today(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_leave(st, &q);
    st->limits.policy = POLICY_WRITE_NONE;
    story_limit(st);
    assert_int_equal(story_begin(st, 0, &q), RES_DENIED);
    scratch_file("root/file", "old");
    st->limits.policy = POLICY_WRITE_CREATE;
    story_limit(st);
    story_await(st, &st->swept, 2); /* uploads were allowed anew */
    assert_int_equal(story_begin(st, 0, &q), RES_EXISTS);
    assert_int_equal(uploads_kept(st->uploads), 1);
    st->limits.policy = POLICY_WRITE_REPLACE;
    story_limit(st);
    broken_finish(st, &q);
}

/* --- what is not kept --- */

static void test_what_is_dropped_is_not_kept(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_leave(st, &q);
    broken_begin_at(st, 0, &q, 3);
    story_drop(st, 0);
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 0);
    broken_begin_at(st, 0, &q, 0);
}

static void test_what_broke_before_its_first_byte_is_not_kept(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_begin_at(st, 0, &q, 0);
    story_break(st, 0);
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 0);
}

static void test_what_failed_is_not_kept(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);
    uint8_t sum[WHERRY_SHA256_BYTES];

    broken_begin_at(st, 0, &q, 0);
    assert_int_equal(story_text(st, 0, "ten bytes."), RES_OFFSET);
    story_break(st, 0);
    story_expect_files(st, 0);
    broken_begin_at(st, 0, &q, 0);
    assert_int_equal(story_text(st, 0, "8 bytes."), RES_OK);
    assert_int_equal(story_commit(st, 0, NULL), RES_OFFSET);
    story_expect_files(st, 0);
    story_sha256("something", 9, sum);
    q.sha256 = sum;
    broken_begin_at(st, 0, &q, 0);
    assert_int_equal(story_text(st, 0, "some"), RES_OK);
    story_break(st, 0);
    broken_begin_at(st, 0, &q, 4);
    assert_int_equal(story_text(st, 0, "other"), RES_OK);
    assert_int_equal(story_commit(st, 0, NULL), RES_DIGEST);
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 0);
}

static void test_what_breaks_while_it_is_hashed_is_kept(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);
    uint8_t sum[WHERRY_SHA256_BYTES];

    story_sha256("onetwoend", 9, sum);
    broken_begin_at(st, 0, &q, 0);
    assert_int_equal(story_text(st, 0, "onetwoend"), RES_OK);
    story_settle(st);
    upload_commit(st->clients[0].upload, sum);
    story_break(st, 0);
    broken_begin_at(st, 0, &q, 9);
    assert_int_equal(story_commit(st, 0, sum), RES_OK);
    scratch_holds("root/file", "onetwoend");
}

static void test_where_nothing_is_kept_there_is_no_id(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    st->limits.keep_ns = 0;
    story_limit(st);
    broken_leave(st, &q);
    assert_memory_equal(st->clients[0].id, zeros, sizeof(zeros));
    story_expect_files(st, 0);
}

/* --- one id, many who name it --- */

static void test_the_newest_takes_an_id_over(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_begin_at(st, 1, &q, 0);
    assert_int_equal(story_text(st, 1, "one"), RES_OK);
    broken_finish(st, &q); /* it waits until the other's bytes are safe */
    assert_int_equal(st->clients[1].superseded, 1);
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 1);
}

static void test_what_the_older_drops_is_gone(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_begin_at(st, 1, &q, 0);
    assert_int_equal(story_text(st, 1, "one"), RES_OK);
    st->clients[1].drops = true;
    broken_begin_at(st, 0, &q, 0);
    assert_int_equal(st->clients[1].superseded, 1);
}

struct waiting {
    struct upload *upload;
    unsigned superseded;
};

static void give_way(void *owner)
{
    struct waiting *w = owner;

    w->superseded++;
    upload_break(w->upload);
    w->upload = NULL;
}

static void test_who_waits_for_an_id_gives_way_to_a_newer(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);
    struct waiting w = {0};
    const struct upload_params p = {
        .opened = broken_never_opened, .superseded = give_way, .owner = &w};

    broken_begin_at(st, 1, &q, 0);
    assert_int_equal(story_text(st, 1, "one"), RES_OK);
    assert_int_equal(upload_begin(&w.upload, st->uploads, &q, &p), RES_LATER);
    broken_finish(st, &q);
    assert_int_equal(st->clients[1].superseded, 1);
    assert_int_equal(w.superseded, 1);
}

static void test_who_waits_for_an_id_may_go(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);
    struct waiting w = {0};
    const struct upload_params p = {
        .opened = broken_never_opened, .superseded = give_way, .owner = &w};

    broken_begin_at(st, 1, &q, 0);
    assert_int_equal(story_text(st, 1, "one"), RES_OK);
    assert_int_equal(upload_begin(&w.upload, st->uploads, &q, &p), RES_LATER);
    upload_drop(w.upload);
    story_settle(st);
    assert_int_equal(st->clients[1].superseded, 1);
    broken_finish(st, &q);
}

static void test_another_upload_ends_nobody(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);
    struct upload_request other = q;

    other.network[14]++;
    broken_begin_at(st, 1, &q, 0);
    assert_int_equal(story_text(st, 1, "one"), RES_OK);
    assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
    assert_int_equal(st->clients[1].superseded, 0);
    assert_int_equal(story_text(st, 1, "twoend"), RES_OK);
    assert_int_equal(story_commit(st, 1, NULL), RES_OK);
}

static void test_a_commit_under_way_is_waited_for(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = broken_request(id_a);

    broken_begin_at(st, 1, &q, 0);
    assert_int_equal(story_text(st, 1, "onetwoend"), RES_OK);
    story_settle(st);
    upload_commit(st->clients[1].upload, NULL);
    broken_begin_at(st, 0, &q, 0); /* the id is unknown by now */
    assert_int_equal(st->clients[1].committed, 1);
    assert_int_equal(st->clients[1].result, RES_OK);
    assert_int_equal(st->clients[1].superseded, 0);
    scratch_holds("root/file", "onetwoend");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, story_setup, story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_broken_upload_goes_on_where_it_stopped),
        TEST(test_it_may_break_again_and_again),
        TEST(test_a_restarted_server_goes_on_too),
        TEST(test_what_ran_when_the_server_ended_goes_on),
        TEST(test_a_killed_server_goes_on_from_what_was_synced),
        TEST(test_bytes_behind_what_counts_are_cut_off),
        TEST(test_an_id_of_zeros_asks_for_one),
        TEST(test_two_ids_of_one_name_never_mix),
        TEST(test_it_goes_on_only_as_the_same_upload),
        TEST(test_it_goes_on_only_under_the_policy_of_today),
        TEST(test_what_is_dropped_is_not_kept),
        TEST(test_what_broke_before_its_first_byte_is_not_kept),
        TEST(test_what_failed_is_not_kept),
        TEST(test_what_breaks_while_it_is_hashed_is_kept),
        TEST(test_where_nothing_is_kept_there_is_no_id),
        TEST(test_the_newest_takes_an_id_over),
        TEST(test_what_the_older_drops_is_gone),
        TEST(test_who_waits_for_an_id_gives_way_to_a_newer),
        TEST(test_who_waits_for_an_id_may_go),
        TEST(test_another_upload_ends_nobody),
        TEST(test_a_commit_under_way_is_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
