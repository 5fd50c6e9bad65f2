/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/exchange_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool memory_is_full;

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_is_full ? NULL : __real_calloc(count, size);
}

static struct wherry_exchange_request stat_request(uint32_t id, const char *path)
{
    return (struct wherry_exchange_request){
        .id = id,
        .type = WHERRY_FRAME_STAT,
        .m.path.path = {.bytes = (const uint8_t *)path, .len = strlen(path)},
    };
}

static void add(struct exchange_queue *q, uint32_t id, const char *path, enum res verdict)
{
    struct wherry_exchange_request r = stat_request(id, path);

    assert_int_equal(exchange_queue_add(q, &r, verdict), RES_OK);
}

static void expect_ids(const struct exchange_queue *q, const char *ids)
{
    size_t count = 0;

    for (const struct exchange_entry *e = q->first; e != NULL; e = e->next) {
        assert_int_equal(e->request.id, ids[count] - '0');
        assert_true(e->next != NULL || q->last == e);
        count++;
    }
    assert_int_equal(count, strlen(ids));
    assert_int_equal(q->count, count);
}

static void test_requests_keep_their_order_wherever_one_is_taken_out(void **state)
{
    struct exchange_queue q = {.first = NULL};

    (void)state;
    add(&q, 1, "a", RES_OK);
    add(&q, 2, "b", RES_OK);
    add(&q, 3, "c", RES_OK);
    add(&q, 4, "d", RES_OK);
    expect_ids(&q, "1234");
    free(exchange_queue_take(&q, exchange_queue_find(&q, 2)));
    expect_ids(&q, "134");
    free(exchange_queue_take(&q, exchange_queue_find(&q, 4)));
    expect_ids(&q, "13");
    free(exchange_queue_take(&q, q.first));
    expect_ids(&q, "3");
    add(&q, 5, "e", RES_OK);
    expect_ids(&q, "35");
    exchange_queue_clear(&q);
    expect_ids(&q, "");
    assert_null(q.last);
    assert_int_equal(q.bytes, 0);
}

static void test_an_unknown_id_is_not_found(void **state)
{
    struct exchange_queue q = {.first = NULL};

    (void)state;
    assert_null(exchange_queue_find(&q, 1));
    add(&q, 1, "a", RES_OK);
    assert_null(exchange_queue_find(&q, 2));
    exchange_queue_clear(&q);
}

static void test_bytes_behind_views_are_copied(void **state)
{
    struct exchange_queue q = {.first = NULL};
    char path[] = "some/path";
    const struct exchange_entry *e;

    (void)state;
    add(&q, 1, path, RES_OK);
    memset(path, 'x', sizeof(path) - 1);
    e = exchange_queue_find(&q, 1);
    assert_int_equal(e->request.m.path.path.len, 9);
    assert_memory_equal(e->request.m.path.path.bytes, "some/path", 9);
    exchange_queue_clear(&q);
}

static void test_all_views_of_a_listing_are_copied(void **state)
{
    struct exchange_queue q = {.first = NULL};
    char text[] = "dirafter";
    struct wherry_exchange_request r = {
        .id = 1,
        .type = WHERRY_FRAME_LIST,
        .m.list = {.path = {(const uint8_t *)text, 3}, .after = {(const uint8_t *)text + 3, 5}},
    };

    (void)state;
    assert_int_equal(exchange_queue_add(&q, &r, RES_OK), RES_OK);
    memset(text, 'x', sizeof(text) - 1);
    assert_memory_equal(q.first->request.m.list.path.bytes, "dir", 3);
    assert_memory_equal(q.first->request.m.list.after.bytes, "after", 5);
    exchange_queue_clear(&q);
}

static void test_what_a_put_did_not_carry_stays_null(void **state)
{
    struct exchange_queue q = {.first = NULL};
    const uint8_t upload_id[WHERRY_UPLOAD_ID_BYTES] = {0};
    struct wherry_exchange_request r = {
        .id = 1,
        .type = WHERRY_FRAME_PUT,
        .m.put = {.path = {(const uint8_t *)"p", 1}, .upload_id = upload_id},
    };

    (void)state;
    assert_int_equal(exchange_queue_add(&q, &r, RES_OK), RES_OK);
    assert_null(q.first->request.m.put.sha256);
    assert_non_null(q.first->request.m.put.upload_id);
    assert_ptr_not_equal(q.first->request.m.put.upload_id, upload_id);
    exchange_queue_clear(&q);
}

static void test_a_get_without_a_condition_has_none(void **state)
{
    struct exchange_queue q = {.first = NULL};
    struct wherry_exchange_request r = {
        .id = 1,
        .type = WHERRY_FRAME_GET,
        .m.get = {.offset = 3, .path = {NULL, 0}},
    };

    (void)state;
    assert_int_equal(exchange_queue_add(&q, &r, RES_OK), RES_OK);
    assert_int_equal(q.first->request.m.get.offset, 3);
    assert_int_equal(q.first->request.m.get.path.len, 0);
    assert_null(q.first->request.m.get.if_match);
    exchange_queue_clear(&q);
}

static void test_refusals_are_counted_and_keep_no_bytes(void **state)
{
    struct exchange_queue q = {.first = NULL};

    (void)state;
    add(&q, 1, "a long path that is of no use", RES_BUSY);
    assert_int_equal(q.bytes, sizeof(struct exchange_entry));
    add(&q, 2, "b", RES_OK);
    assert_int_equal(q.refused, 1);
    exchange_queue_refuse(&q, q.last, RES_CANCELLED);
    exchange_queue_refuse(&q, q.last, RES_CANCELLED);
    assert_int_equal(q.refused, 2);
    assert_int_equal(q.last->verdict, RES_CANCELLED);
    free(exchange_queue_take(&q, q.first));
    free(exchange_queue_take(&q, q.first));
    assert_int_equal(q.refused, 0);
}

static void test_without_memory_nothing_is_added(void **state)
{
    struct exchange_queue q = {.first = NULL};
    struct wherry_exchange_request r = stat_request(1, "a");
    enum res result;

    (void)state;
    memory_is_full = true;
    result = exchange_queue_add(&q, &r, RES_OK);
    memory_is_full = false;
    assert_int_equal(result, RES_NO_MEMORY);
    expect_ids(&q, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_keep_their_order_wherever_one_is_taken_out),
        cmocka_unit_test(test_an_unknown_id_is_not_found),
        cmocka_unit_test(test_bytes_behind_views_are_copied),
        cmocka_unit_test(test_all_views_of_a_listing_are_copied),
        cmocka_unit_test(test_what_a_put_did_not_carry_stays_null),
        cmocka_unit_test(test_a_get_without_a_condition_has_none),
        cmocka_unit_test(test_refusals_are_counted_and_keep_no_bytes),
        cmocka_unit_test(test_without_memory_nothing_is_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
