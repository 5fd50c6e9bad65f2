/* SPDX-License-Identifier: BSD-2-Clause */
/* How the client's bytes cross its socket: windows that come joined, and windows that the socket,
 * or the path, does not take. The rest of the client is tested as a program. */
#include "client/tftp_side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/tftp_get.h"
#include "net/udp_story.h"
#include "support/pattern.h"
#include "support/scratch.h"

#define BLKSIZE 64u
#define WINDOW 8u
#define BYTES (2 * WINDOW * BLKSIZE + 1) /* two windows and a last block of one byte */
#define LAST (2 * WINDOW + 1)

struct story {
    struct loop *loop;
    struct pool *pool;
    struct udp_batch *batch;
    struct udp_out *out;
    struct sink *sink;
    struct source *source;
    struct tftp_side *side;
    int client;
    int server;
    struct addr server_addr;
    struct sockaddr_in client_addr;
    uint8_t packet[2048]; /* the last that came to the server */
    bool opened;
    bool ended;
    uint8_t bytes[BYTES];
};

static int story_setup(void **state)
{
    struct story *t = calloc(1, sizeof(*t));

    assert_non_null(t);
    assert_int_equal(scratch_setup(state), 0);
    memset(&played, 0, sizeof(played));
    for (size_t i = 0; i < BYTES; i++) {
        t->bytes[i] = pattern_at(i);
    }
    assert_int_equal(loop_new(&t->loop), RES_OK);
    assert_int_equal(pool_new(&t->pool, t->loop, 0), RES_OK);
    assert_int_equal(udp_batch_new(&t->batch), RES_OK);
    assert_int_equal(udp_out_new(&t->out, UDP_SEGMENTS_AUTO), RES_OK);
    t->server = open_on("127.0.0.1", &t->server_addr);
    *state = t;
    return 0;
}

static int story_teardown(void **state)
{
    struct story *t = *state;

    tftp_side_free(t->side);
    sink_free(t->sink);
    source_free(t->source);
    close(t->server);
    udp_out_free(t->out);
    udp_batch_free(t->batch);
    pool_free(t->pool);
    loop_free(t->loop);
    free(t);
    return scratch_teardown(state);
}

static void on_opened(void *owner, enum res r)
{
    struct story *t = owner;

    assert_int_equal(r, RES_OK);
    t->opened = true;
}

static void on_stored(void *owner, enum res r, uint64_t block)
{
    struct story *t = owner;

    tftp_side_stored(t->side, r, block);
}

static void on_committed(void *owner, enum res r)
{
    struct story *t = owner;

    tftp_side_committed(t->side, r);
}

static void on_ready(void *owner)
{
    struct story *t = owner;

    tftp_side_ready(t->side);
}

static void on_agreed(void *owner)
{
    (void)owner;
}

static void on_ended(void *owner)
{
    struct story *t = owner;

    t->ended = true;
}

static void start(struct story *t, enum wherry_opcode opcode, uint16_t windowsize, bool gathers)
{
    struct addr bound;
    struct tftp_side_params p = {
        .loop = t->loop,
        .batch = t->batch,
        .out = t->out,
        .server = &t->server_addr,
        .opcode = opcode,
        .name = "x",
        .mode = WHERRY_OCTET,
        .asks = {.blksize = windowsize > 0 ? BLKSIZE : WHERRY_BLKSIZE_MAX,
                 .windowsize = windowsize},
        .patience_ns = UINT64_C(60000000000),
        .sink = t->sink,
        .source = t->source,
        .gathers = gathers,
        .agreed = on_agreed,
        .ended = on_ended,
        .owner = t,
    };

    t->client = open_on("127.0.0.1", &bound);
    p.fd = t->client;
    assert_int_equal(tftp_side_start(&t->side, &p), RES_OK);
}

static void start_get(struct story *t, uint16_t windowsize, bool gathers)
{
    struct sink_params p = {.pool = t->pool,
                            .opened = on_opened,
                            .stored = on_stored,
                            .committed = on_committed,
                            .owner = t};
    struct writer_params w = {.mode = 0600, .expected_size = WRITER_SIZE_UNKNOWN};

    assert_int_equal(sink_open_local(&t->sink, &p, "x", &w), RES_LATER);
    while (!t->opened) {
        loop_turn(t->loop, true);
    }
    start(t, WHERRY_RRQ, windowsize, gathers);
}

static void start_put(struct story *t, uint16_t windowsize)
{
    struct source_params p = {.loop = t->loop, .pool = t->pool, .ready = on_ready, .owner = t};
    int fd = open("local", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_return_code(fd, errno);
    assert_int_equal(write(fd, t->bytes, BYTES), BYTES);
    assert_return_code(lseek(fd, 0, SEEK_SET), errno);
    assert_int_equal(source_from_fd(&t->source, &p, fd), RES_OK);
    start(t, WHERRY_WRQ, windowsize, false);
}

static bool server_has_one(const struct story *t)
{
    struct pollfd p = {.fd = t->server, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

/* The next that comes to the server; returns its length. */
static size_t take(struct story *t)
{
    socklen_t len = sizeof(t->client_addr);
    ssize_t n;

    while (!server_has_one(t)) {
        loop_turn(t->loop, true);
    }
    n = recvfrom(t->server, t->packet, sizeof(t->packet), 0, (struct sockaddr *)&t->client_addr,
                 &len);
    assert_true(n >= 4);
    return (size_t)n;
}

static void take_ack(struct story *t, uint8_t block)
{
    const uint8_t ack[] = {0, 4, 0, block};

    assert_int_equal(take(t), sizeof(ack));
    assert_memory_equal(t->packet, ack, sizeof(ack));
}

static void take_blocks(struct story *t, uint8_t first, uint8_t last)
{
    for (uint8_t block = first; block <= last; block++) {
        const uint8_t header[] = {0, 3, 0, block};
        size_t offset = (size_t)(block - 1) * BLKSIZE;
        size_t len = block == LAST ? 1 : BLKSIZE;

        assert_int_equal(take(t), sizeof(header) + len);
        assert_memory_equal(t->packet, header, sizeof(header));
        assert_memory_equal(t->packet + sizeof(header), t->bytes + offset, len);
    }
}

static void answer(struct story *t, const void *bytes, size_t len)
{
    assert_int_equal(sendto(t->server, bytes, len, 0, (struct sockaddr *)&t->client_addr,
                            sizeof(t->client_addr)),
                     len);
}

static void answer_oack(struct story *t)
{
    static const char oack[] = "\0\6blksize\0"
                               "64\0windowsize\0"
                               "8";

    (void)take(t); /* the request */
    answer(t, oack, sizeof(oack));
}

static void answer_ack(struct story *t, uint8_t block)
{
    const uint8_t ack[] = {0, 4, 0, block};

    answer(t, ack, sizeof(ack));
}

/* Of one message that the kernel cuts, if it can. */
static void answer_joined(struct story *t, uint8_t first, uint8_t last)
{
    struct addr client = {.len = sizeof(client.u.in4)};
    struct udp_line line = {.fd = t->server};
    bool segments = true;
    struct wherry_burst b = {
        .first = first,
        .count = (uint32_t)(last - first + 1),
        .blksize = BLKSIZE,
        .last_len = last == LAST ? 1 : BLKSIZE,
    };

    client.u.in4 = t->client_addr;
    udp_out_to(t->out, &line);
    udp_out_data(t->out, &client, &b, t->bytes + (size_t)(first - 1) * BLKSIZE, &segments);
    udp_out_flush(t->out);
    assert_false(line.full);
}

static void turn_until_ended(struct story *t)
{
    while (!t->ended) {
        loop_turn(t->loop, true);
    }
    assert_int_equal(tftp_side_outcome(t->side)->side, OUTCOME_DONE);
}

static void expect_file(const struct story *t)
{
    uint8_t got[BYTES + 1];
    int fd = open("x", O_RDONLY | O_CLOEXEC);

    assert_return_code(fd, errno);
    assert_int_equal(read(fd, got, sizeof(got)), BYTES);
    assert_memory_equal(got, t->bytes, BYTES);
    close(fd);
}

/* --- what comes --- */

static void test_joined_windows_are_taken_apart_and_acknowledged_once(void **state)
{
    struct story *t = *state;

    start_get(t, WINDOW, true);
    answer_oack(t);
    take_ack(t, 0);
    answer_joined(t, 1, WINDOW);
    take_ack(t, WINDOW);
    answer_joined(t, WINDOW + 1, 2 * WINDOW);
    take_ack(t, 2 * WINDOW);
    answer_joined(t, LAST, LAST);
    take_ack(t, LAST);
    turn_until_ended(t);
    assert_false(server_has_one(t));
    expect_file(t);
}

static void test_windows_may_come_joined_and_lock_step_does_not(void **state)
{
    struct story *t = *state;
    int fd = open_on("127.0.0.1", &(struct addr){0});

    if (!udp_receive_joined(fd)) {
        print_message("SKIPPED: this kernel has no UDP_GRO\n");
        close(fd);
        skip();
    }
    close(fd);
    start_get(t, WINDOW, true);
    assert_int_equal(int_option(t->client, IPPROTO_UDP, UDP_GRO), 0);
    answer_oack(t);
    take_ack(t, 0);
    assert_int_equal(int_option(t->client, IPPROTO_UDP, UDP_GRO), 1);
}

static void test_window_larger_than_a_batch_is_taken_whole(void **state)
{
    enum { BLOCKS = UDP_RECEIVE_MAX + 8 };
    static const char oack[] = "\0\6windowsize\0"
                               "40";
    struct story *t = *state;
    uint8_t data[4 + 512] = {0, 3};

    start_get(t, BLOCKS, true);
    (void)take(t);
    answer(t, oack, sizeof(oack));
    take_ack(t, 0);
    for (uint8_t block = 1; block <= BLOCKS; block++) {
        data[3] = block;
        answer(t, data, sizeof(data));
    }
    take_ack(t, BLOCKS);
}

/* --- what is written --- */

static void test_file_is_written_some_blocks_at_a_time_and_whole_before_the_last_ack(void **state)
{
    struct story *t = *state;

    start_get(t, WINDOW, true);
    answer_oack(t);
    take_ack(t, 0);
    answer_joined(t, 1, WINDOW);
    take_ack(t, WINDOW);
    answer_joined(t, WINDOW + 1, 2 * WINDOW);
    take_ack(t, 2 * WINDOW);
    assert_int_equal(sink_bytes(t->sink), 0);
    answer_joined(t, LAST, LAST);
    take_ack(t, LAST);
    expect_file(t);
}

static void test_pipe_is_written_before_each_ack(void **state)
{
    struct story *t = *state;

    start_get(t, WINDOW, false);
    answer_oack(t);
    take_ack(t, 0);
    answer_joined(t, 1, WINDOW);
    take_ack(t, WINDOW);
    assert_int_equal(sink_bytes(t->sink), WINDOW * BLKSIZE);
}

static void test_ack_waits_for_the_disk_when_too_much_is_not_written(void **state)
{
    enum { LARGE = TFTP_GET_BEHIND_BYTES / 2 };
    static const char oack[] = "\0\6blksize\0"
                               "32768";
    static uint8_t data[4 + LARGE] = {0, 3};
    struct story *t = *state;

    start_get(t, 0, true);
    (void)take(t);
    answer(t, oack, sizeof(oack));
    take_ack(t, 0);
    for (uint8_t block = 1; block <= 4; block++) {
        data[3] = block;
        answer(t, data, sizeof(data));
        take_ack(t, block);
        assert_int_equal(sink_bytes(t->sink), block / 2 * 2 * LARGE);
    }
}

/* --- what leaves --- */

static void test_full_socket_takes_the_window_up_again(void **state)
{
    struct story *t = *state;

    start_put(t, WINDOW);
    answer_oack(t);
    played.error = EAGAIN;
    played.times = 1;
    while (played.times > 0) {
        loop_turn(t->loop, true);
    }
    assert_false(server_has_one(t));
    take_blocks(t, 1, WINDOW);
    answer_ack(t, WINDOW);
    take_blocks(t, WINDOW + 1, 2 * WINDOW);
    answer_ack(t, 2 * WINDOW);
    take_blocks(t, LAST, LAST);
    answer_ack(t, LAST);
    turn_until_ended(t);
    assert_false(server_has_one(t));
    assert_int_equal(tftp_side_resent(t->side), 0);
}

static void test_put_that_ends_while_the_socket_is_full_leaves_nothing(void **state)
{
    static const char error[] = "\0\5\0\3full";
    struct story *t = *state;

    start_put(t, WINDOW);
    answer_oack(t);
    answer(t, error, sizeof(error));
    played.error = EAGAIN;
    played.times = INT16_MAX;
    while (!t->ended) {
        loop_turn(t->loop, true);
    }
    assert_int_equal(tftp_side_outcome(t->side)->side, OUTCOME_SERVER);
    tftp_side_free(t->side);
    t->side = NULL;
    assert_false(server_has_one(t));
}

static int refuse_joined(void *arg, const struct msghdr *message)
{
    (void)arg;
    return message->msg_controllen > 0 ? EMSGSIZE : 0;
}

static void test_path_that_refuses_joined_blocks_gets_them_one_by_one(void **state)
{
    struct story *t = *state;

    played.judge = refuse_joined;
    start_put(t, WINDOW);
    answer_oack(t);
    take_blocks(t, 1, WINDOW);
    answer_ack(t, WINDOW);
    take_blocks(t, WINDOW + 1, 2 * WINDOW);
    answer_ack(t, 2 * WINDOW);
    take_blocks(t, LAST, LAST);
    answer_ack(t, LAST);
    turn_until_ended(t);
    assert_int_equal(tftp_side_resent(t->side), 0);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, story_setup, story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_joined_windows_are_taken_apart_and_acknowledged_once),
        STORY(test_windows_may_come_joined_and_lock_step_does_not),
        STORY(test_window_larger_than_a_batch_is_taken_whole),
        STORY(test_file_is_written_some_blocks_at_a_time_and_whole_before_the_last_ack),
        STORY(test_pipe_is_written_before_each_ack),
        STORY(test_ack_waits_for_the_disk_when_too_much_is_not_written),
        STORY(test_full_socket_takes_the_window_up_again),
        STORY(test_put_that_ends_while_the_socket_is_full_leaves_nothing),
        STORY(test_path_that_refuses_joined_blocks_gets_them_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
