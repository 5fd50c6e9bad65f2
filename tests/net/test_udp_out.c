/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/udp_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/out_story.h"

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t len);

static bool kernel_is_old;

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    if (kernel_is_old && level == IPPROTO_UDP && name == UDP_SEGMENT) {
        errno = ENOPROTOOPT;
        return -1;
    }
    return __real_setsockopt(fd, level, name, value, len);
}

static const struct {
    uint32_t count;
    uint16_t blksize;
    uint16_t last_len;
} shapes[] = {
    {1, 512, 512},  {1, 512, 0},      {2, 512, 512},     {2, 512, 0},       {2, 512, 1},
    {3, 1428, 700}, {16, 1428, 1428}, {45, 1428, 1428},  {46, 1428, 1},     {64, 1428, 0},
    {183, 1428, 5}, {64, 8, 3},       {65, 8, 8},        {511, 8, 8},       {512, 8, 8},
    {513, 8, 1},    {1300, 8, 0},     {512, 512, 512},   {4, 65464, 9},     {4, 65464, 65464},
    {2, 32749, 7},  {2, 32750, 7},    {2, 32749, 32749}, {2, 32750, 32750}, {7, 9000, 8999},
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static struct wherry_burst shape(size_t i, uint64_t first)
{
    return out_burst(first, shapes[i].count, shapes[i].blksize, shapes[i].last_len);
}

static void test_every_shape_leaves_whole_and_in_order(void **state)
{
    struct out *o = *state;
    bool segments = true;

    for (size_t i = 0; i < SHAPES; i++) {
        struct wherry_burst b = shape(i, 1);

        out_give(o, 2000, &b, &segments);
        udp_out_flush(o->queue);
        out_compare(o);
    }
    assert_true(segments);
    assert_false(o->line.full || o->line.errors);
}

static void test_shapes_behind_one_another_keep_their_bytes(void **state)
{
    struct out *o = *state;
    bool segments = true;

    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < SHAPES; i++) {
            struct wherry_burst b = shape(i, 1 + i * 2000);

            if (shapes[i].blksize < 9000) {
                out_give(o, (uint16_t)(2000 + i), &b, &segments);
                out_give_text(o, (uint16_t)(3000 + i), "between");
            }
        }
        udp_out_flush(o->queue);
        out_compare(o);
    }
}

static void test_window_is_one_message_in_one_call(void **state)
{
    struct out *o = *state;
    struct wherry_burst b = out_burst(1, 45, 1428, 1428);
    bool segments = true;

    out_give(o, 2000, &b, &segments);
    assert_int_equal(o->messages, 0); /* not before the flush */
    udp_out_flush(o->queue);
    assert_int_equal(o->messages, 1);
    assert_int_equal(o->joined, 1);
    assert_int_equal(played.one_calls + played.many_calls, 1);
    out_compare(o);
}

static void test_joined_message_keeps_to_the_kernels_bounds(void **state)
{
    struct out *o = *state;
    struct wherry_burst by_count = out_burst(1, 64 + 64 + 1, 512, 512);
    struct wherry_burst by_bytes = out_burst(1, 45 + 45 + 2, 1428, 1428); /* 45 * 1432 = 64440 */
    bool segments = true;

    out_give(o, 2000, &by_count, &segments);
    udp_out_flush(o->queue);
    assert_int_equal(o->messages, 3);
    assert_int_equal(o->joined, 2); /* the last block is alone */
    out_compare(o);
    out_give(o, 2000, &by_bytes, &segments);
    udp_out_flush(o->queue);
    assert_int_equal(o->messages, 3);
    assert_int_equal(o->joined, 3);
    out_compare(o);
}

static void test_bursts_of_many_transfers_leave_in_one_call(void **state)
{
    struct out *o = *state;
    struct wherry_burst b = out_burst(7, 4, 1428, 1428);
    bool segments = true;

    for (uint16_t i = 0; i < 40; i++) {
        out_give(o, (uint16_t)(FIRST_PORT + i), &b, &segments);
        out_give_text(o, (uint16_t)(FIRST_PORT + 40 + i), "acknowledged");
    }
    udp_out_flush(o->queue);
    assert_int_equal(o->messages, 80);
    assert_int_equal(o->joined, 40);
    assert_int_equal(played.one_calls + played.many_calls, 1);
    out_compare(o);
    udp_out_flush(o->queue); /* nothing waits any more */
    assert_int_equal(played.one_calls + played.many_calls, 0);
}

static void test_one_datagram_needs_no_vector(void **state)
{
    struct out *o = *state;
    struct wherry_burst b = out_burst(3, 1, 1428, 1428);
    bool segments = true;

    out_give_text(o, 2000, "alone");
    udp_out_flush(o->queue);
    assert_int_equal(played.one_calls, 1);
    assert_int_equal(played.many_calls, 0);
    out_compare(o);
    out_give(o, 2000, &b, &segments);
    udp_out_flush(o->queue);
    assert_int_equal(o->joined, 0);
    assert_int_equal(played.one_calls, 1);
    assert_int_equal(played.many_calls, 0);
    out_compare(o);
}

static void test_blocks_elsewhere_are_sent_from_there(void **state)
{
    static uint8_t blocks[46 * 1428];
    struct out *o = *state;
    struct addr peer = out_peer(2000);
    bool segments = true;

    for (uint32_t count = 1; count <= 46; count += 15) {
        struct wherry_burst b = out_burst(9, count, 1428, 100);

        out_fill(blocks, &b);
        udp_out_to(o->queue, &o->line);
        udp_out_data(o->queue, &peer, &b, blocks, &segments);
        for (uint32_t i = 0; i < count; i++) {
            out_expect(o, 2000, &b, i);
        }
        udp_out_flush(o->queue);
        out_compare(o);
    }
}

static void test_room_may_be_left_unused(void **state)
{
    struct out *o = *state;
    struct wherry_burst b = out_burst(1, 4, 1428, 1428);
    bool segments = true;

    udp_out_to(o->queue, &o->line);
    for (int i = 0; i < 100; i++) {
        memset(udp_out_room(o->queue, UDP_OUT_BLOCK_BYTES), 0, UDP_OUT_BLOCK_BYTES);
    }
    for (uint16_t i = 0; i < 20; i++) {
        out_give(o, (uint16_t)(FIRST_PORT + i), &b, &segments);
        memset(udp_out_room(o->queue, 1428), 0xff, 1428);
    }
    udp_out_flush(o->queue);
    assert_int_equal(played.many_calls, 1);
    out_compare(o);
}

static void test_another_line_flushes_the_first(void **state)
{
    struct out *o = *state;
    struct udp_line other = {.fd = o->line.fd};
    struct wherry_burst b = out_burst(1, 4, 1428, 1428);
    bool segments = true;

    out_give(o, 2000, &b, &segments);
    udp_out_to(o->queue, &o->line); /* the same: nothing happens */
    assert_int_equal(o->messages, 0);
    udp_out_to(o->queue, &other);
    assert_int_equal(o->messages, 1);
    out_compare(o);
}

static void test_block_numbers_roll_over(void **state)
{
    static const uint16_t rollovers[] = {0, 1};
    static const uint16_t numbers[2][4] = {{65534, 65535, 0, 1}, {65534, 65535, 1, 2}};
    struct out *o = *state;
    struct wherry_burst b = out_burst(65534, 4, 512, 512);
    bool segments = true;

    for (size_t i = 0; i < 2; i++) {
        b.rollover = rollovers[i];
        out_give(o, 2000, &b, &segments);
        udp_out_flush(o->queue);
        assert_int_equal(o->left_count, 4);
        for (size_t j = 0; j < 4; j++) {
            const uint8_t want[] = {0, 3, (uint8_t)(numbers[i][j] >> 8), (uint8_t)numbers[i][j]};

            assert_memory_equal(o->left[j].bytes, want, sizeof(want));
        }
        o->want_count = 0;
        o->left_count = 0;
    }
}

static void test_transfer_without_segments_gets_none(void **state)
{
    struct out *o = *state;
    struct wherry_burst b = out_burst(1, 45, 1428, 1428);
    bool refused = false;
    bool segments = true;

    out_give(o, 2000, &b, &refused);
    out_give(o, 2001, &b, &segments);
    udp_out_flush(o->queue);
    assert_int_equal(o->messages, 46);
    assert_int_equal(o->joined, 1);
    assert_int_equal(played.many_calls, 1);
    assert_false(refused);
    out_compare(o);
}

static void test_queue_without_segments_joins_nothing(void **state)
{
    struct out *o = *state;
    struct wherry_burst b = out_burst(1, 45, 1428, 1428);
    bool segments = true;

    out_give(o, 2000, &b, &segments);
    udp_out_flush(o->queue);
    assert_int_equal(o->messages, 45);
    assert_int_equal(o->joined, 0);
    assert_int_equal(played.many_calls, 1);
    out_compare(o);
}

static void test_kernel_without_segments_is_asked_first(void **state)
{
    struct out *o = *state;
    struct udp_out *mine = o->queue;
    struct wherry_burst b = out_burst(1, 45, 1428, 1428);
    bool segments = true;

    kernel_is_old = true;
    assert_int_equal(udp_out_new(&o->queue, UDP_SEGMENTS_AUTO), RES_OK);
    kernel_is_old = false;
    out_give(o, 2000, &b, &segments);
    udp_out_flush(o->queue);
    assert_int_equal(o->joined, 0);
    out_compare(o);
    udp_out_free(o->queue);
    o->queue = mine;
}

static void test_queue_is_not_made_without_descriptors(void **state)
{
    struct udp_out *none = NULL;

    (void)state;
    played.socket_error = EMFILE;
    assert_int_equal(udp_out_new(&none, UDP_SEGMENTS_AUTO), RES_BUSY);
    assert_null(none);
    assert_int_equal(udp_out_new(&none, UDP_SEGMENTS_OFF), RES_OK);
    udp_out_free(none);
    udp_out_free(NULL);
}

/* The kernel's own cutting, seen by a receiver. */
static void test_receiver_gets_every_datagram(void **state)
{
    static uint8_t blocks[65536];
    struct out *o = *state;
    struct udp_batch *batch = NULL;
    struct addr to;
    int fd = open_on("127.0.0.1", &to);
    bool segments = true;

    assert_int_equal(udp_batch_new(&batch), RES_OK);
    played.judge = NULL;
    for (uint32_t count = 1; count <= 40; count++) {
        struct wherry_burst b = out_burst(count, count, 1400, (uint16_t)(count * 36 % 1401));
        uint32_t came = 0;

        out_fill(blocks, &b);
        udp_out_to(o->queue, &o->line);
        udp_out_data(o->queue, &to, &b, blocks, &segments);
        udp_out_flush(o->queue);
        while (came < count) {
            const struct udp_packet *p;
            bool errors;
            size_t n;

            wait_for(fd, POLLIN);
            n = udp_receive(fd, batch, UDP_RECEIVE_MAX, &p, &errors);
            for (size_t i = 0; i < n; i++, came++) {
                const uint8_t header[] = {0, 3, 0, (uint8_t)(count + came)};
                size_t len = came + 1 == count ? b.last_len : 1400u;

                assert_int_equal(p[i].len, 4 + len);
                assert_memory_equal(p[i].bytes, header, 4);
                assert_memory_equal(p[i].bytes + 4, blocks + came * 1400u, len);
            }
        }
        assert_int_equal(came, count);
    }
    assert_true(segments); /* loopback's MTU holds them */
    assert_false(o->line.errors);
    udp_batch_free(batch);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUT_TEST(test_every_shape_leaves_whole_and_in_order),
        OUT_TEST_SINGLE(test_every_shape_leaves_whole_and_in_order),
        OUT_TEST(test_shapes_behind_one_another_keep_their_bytes),
        OUT_TEST_SINGLE(test_shapes_behind_one_another_keep_their_bytes),
        OUT_TEST(test_window_is_one_message_in_one_call),
        OUT_TEST(test_joined_message_keeps_to_the_kernels_bounds),
        OUT_TEST(test_bursts_of_many_transfers_leave_in_one_call),
        OUT_TEST(test_one_datagram_needs_no_vector),
        OUT_TEST(test_blocks_elsewhere_are_sent_from_there),
        OUT_TEST_SINGLE(test_blocks_elsewhere_are_sent_from_there),
        OUT_TEST(test_room_may_be_left_unused),
        OUT_TEST(test_another_line_flushes_the_first),
        OUT_TEST(test_block_numbers_roll_over),
        OUT_TEST(test_transfer_without_segments_gets_none),
        OUT_TEST_SINGLE(test_queue_without_segments_joins_nothing),
        OUT_TEST(test_kernel_without_segments_is_asked_first),
        OUT_TEST(test_queue_is_not_made_without_descriptors),
        OUT_TEST(test_receiver_gets_every_datagram),
        OUT_TEST_SINGLE(test_receiver_gets_every_datagram),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
