/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/tcp_served.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/number.h"
#include "io/pool.h"
#include "net/tcp.h"
#include "support/pattern.h"
#include "support/scratch.h"

#define PATIENCE_NS (20 * NUMBER_SECOND)
#define SUMS_REMEMBERED 64u

/* The defaults of the options. */
static void defaults(struct tcp_served *f)
{
    f->config = (struct config){
        .write = POLICY_WRITE_REPLACE,
        .umask = 022,
        .upload_mode = 0640,
        .drain_timeout_ns = 10 * NUMBER_SECOND,
        .max_frame = WHERRY_MAX_FRAME_DEFAULT,
        .requests_max = 16,
        .hello_timeout_ns = 5 * NUMBER_SECOND,
        .frame_timeout_ns = 10 * NUMBER_SECOND,
        .body_rate = 1024,
        .body_timeout_ns = 30 * NUMBER_SECOND,
        .idle_timeout_ns = 120 * NUMBER_SECOND,
        .output_max = 65536,
        .turn_max = 1048576,
        .connections_max = 1024,
        .connections_per_address = 64,
        .user_timeout_ns = 30 * NUMBER_SECOND,
        .keepalive_idle_ns = 60 * NUMBER_SECOND,
        .keepalive_interval_ns = 10 * NUMBER_SECOND,
        .keepalive_count = 3,
        .listings_max = 64,
        .upload_keep_ns = 24 * 3600 * NUMBER_SECOND,
        .upload_kept_total = UINT64_C(1) << 30,
    };
    f->limits = (struct uploads_limits){
        .policy = POLICY_WRITE_REPLACE,
        .mode = 0640,
        .size_max = UINT64_MAX,
        .keep_ns = f->config.upload_keep_ns,
        .kept_total = f->config.upload_kept_total,
    };
}

static void on_limit(void *arg)
{
    ((struct tcp_served *)arg)->late = true;
}

static void on_connection(void *arg, unsigned events)
{
    struct tcp_served *f = arg;
    const struct tcp_care care = {
        .not_sent_low = f->config.output_max,
        .user_timeout_ns = f->config.user_timeout_ns,
        .keep_idle_ns = f->config.keepalive_idle_ns,
        .keep_interval_ns = f->config.keepalive_interval_ns,
        .keep_count = f->config.keepalive_count,
    };
    struct tcp_session *s;
    struct addr peer;
    struct addr local;
    int fd;

    (void)events;
    while (tcp_accept(f->listener, &fd, &peer, &local) == RES_OK) {
        tcp_tend(fd, &care);
        assert_int_equal(tcp_session_begin(&f->room, fd, &peer, &local, loop_now_ns(f->loop), &s),
                         RES_OK);
        f->accepted++;
    }
}

static void listen_anywhere(struct tcp_served *f)
{
    struct addr a = {.u.in4 = {.sin_family = AF_INET}, .len = sizeof(a.u.in4)};

    a.u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(tcp_listen(&a, &f->listener), RES_OK);
    a.len = sizeof(a.u);
    assert_int_equal(getsockname(f->listener, &a.u.sa, &a.len), 0);
    f->port = addr_port(&a);
    loop_io_start(f->loop, &f->accepting, f->listener, LOOP_READ, on_connection, f);
}

int tcp_served_setup(void **state)
{
    struct tcp_served *f = calloc(1, sizeof(*f));
    struct tcp_room *room;

    assert_non_null(f);
    assert_int_equal(scratch_setup(state), 0);
    room = &f->room;
    f->descriptors = scratch_count("/proc/self/fd");
    defaults(f);
    f->log = log_lines_log(&f->lines);
    room->config = &f->config;
    room->log = &f->log;
    assert_int_equal(loop_new(&f->loop), RES_OK);
    room->loop = f->loop;
    loop_timer_init(f->loop, &f->limit, on_limit, f);
    assert_int_equal(jail_open(&f->jail, "."), RES_OK);
    room->jail = f->jail;
    assert_int_equal(pool_new(&room->pool, f->loop, 2), RES_OK);
    assert_int_equal(transfer_log_new(&room->transfers, f->loop, &f->log), RES_OK);
    assert_int_equal(listings_new(&room->listings, room->pool, f->jail, f->config.listings_max),
                     RES_OK);
    assert_int_equal(hasher_new(&room->hasher, f->loop, f->jail, HASHER_THREADS, SUMS_REMEMBERED),
                     RES_OK);
    assert_int_equal(
        uploads_new(&room->uploads, f->loop, room->pool, f->jail, room->hasher, &f->limits),
        RES_OK);
    room->input = malloc(TCP_INPUT_BYTES);
    assert_non_null(room->input);
    listen_anywhere(f);
    *state = f;
    return 0;
}

int tcp_served_teardown(void **state)
{
    struct tcp_served *f = *state;

    while (f->room.sessions != NULL) {
        tcp_session_free(f->room.sessions);
    }
    assert_int_equal(f->room.count, 0);
    loop_io_stop(&f->accepting);
    close(f->listener);
    loop_timer_stop(&f->limit);
    uploads_free(f->room.uploads);
    hasher_free(f->room.hasher);
    listings_free(f->room.listings);
    transfer_log_free(f->room.transfers);
    pool_free(f->room.pool);
    jail_free(f->jail);
    loop_free(f->loop);
    free(f->room.input);
    assert_int_equal(scratch_count("/proc/self/fd"), f->descriptors);
    log_lines_clear(&f->lines);
    free(f);
    return scratch_teardown(state);
}

void tcp_served_limit(struct tcp_served *f)
{
    f->late = false;
    loop_timer_at(&f->limit, loop_now_ns(f->loop) + PATIENCE_NS);
}

void tcp_served_turn(struct tcp_served *f)
{
    assert_false(f->late);
    loop_turn(f->loop, true);
}

struct tcp_session *tcp_served_newest(const struct tcp_served *f)
{
    assert_non_null(f->room.sessions);
    return f->room.sessions->prev; /* the head of an utlist knows its tail */
}

void tcp_served_connections(struct tcp_served *f, size_t count)
{
    tcp_served_limit(f);
    while (f->room.count != count) {
        tcp_served_turn(f);
    }
}

/* A bystander's question is answered after what came before it. */
void tcp_served_settle(struct tcp_served *f)
{
    struct tcp_client bystander;
    size_t count = f->room.count;

    tcp_client_greet(&bystander, f);
    for (int i = 0; i < 3; i++) {
        loop_turn(f->loop, false); /* the order of sockets within a turn is not ours */
    }
    tcp_served_limit(f);
    while (!pool_idle(f->room.pool)) {
        tcp_served_turn(f);
    }
    tcp_client_close(&bystander);
    while (f->room.count > count) {
        tcp_served_turn(f);
    }
}

const char *tcp_served_line(struct tcp_served *f, const char *beginning)
{
    const char *line;

    tcp_served_limit(f);
    while ((line = log_lines_find(&f->lines, beginning, NULL)) == NULL) {
        if (f->late) {
            fail_msg("no line '%s...' in the log", beginning);
        }
        loop_turn(f->loop, true);
    }
    return line;
}

size_t tcp_served_line_count(const struct tcp_served *f, const char *beginning)
{
    size_t count;

    (void)log_lines_find(&f->lines, beginning, &count);
    return count;
}

void tcp_served_pattern(const char *name, size_t len)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    for (size_t i = 0; i < len; i++) {
        assert_int_not_equal(putc(pattern_at(i), file), EOF);
    }
    assert_int_equal(fclose(file), 0);
}

void tcp_served_holds_pattern(const char *name, size_t len)
{
    FILE *file = fopen(name, "r");

    assert_non_null(file);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(getc(file), pattern_at(i));
    }
    assert_int_equal(getc(file), EOF);
    assert_int_equal(fclose(file), 0);
}
