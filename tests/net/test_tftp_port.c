/* SPDX-License-Identifier: BSD-2-Clause */
/* Which port takes the next transfer; the time is the test's. */
#include "server/tftp_port.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#define NOW (100 * NUMBER_SECOND)
#define SEATS (2 * (PORTS_BESIDE + 1)) /* two clients at each shared port, and at one alone */

struct fixture {
    struct loop *loop;
    struct udp_batch *batch;
    struct udp_out *out;
    struct tid_table *tids;
    struct tftp_ports *ports;
    struct log log;
    unsigned notes;
    struct tftp_seat seat[SEATS];
};

static void heard_nothing(struct tftp_seat *seat, const struct udp_packet *p, uint64_t now_ns)
{
    (void)seat;
    (void)p;
    (void)now_ns;
    fail();
}

static void no_turn(struct tftp_seat *seat, uint64_t now_ns)
{
    (void)seat;
    (void)now_ns;
    fail();
}

static const struct tftp_port_calls calls = {
    .heard = heard_nothing,
    .unreachable = no_turn,
    .turn = no_turn,
};

static void count_note(void *arg, enum log_level level, const char *line)
{
    struct fixture *f = arg;

    (void)level;
    (void)line;
    f->notes++;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct tftp_ports_params p = {.calls = &calls};

    assert_non_null(f);
    f->log = (struct log){.level = LOG_LEVEL_DEBUG, .sink = count_note, .arg = f};
    assert_int_equal(loop_new(&f->loop), RES_OK);
    assert_int_equal(udp_batch_new(&f->batch), RES_OK);
    assert_int_equal(udp_out_new(&f->out, UDP_SEGMENTS_OFF), RES_OK);
    assert_int_equal(tid_table_new(&f->tids), RES_OK);
    p.loop = f->loop;
    p.log = &f->log;
    p.batch = f->batch;
    p.out = f->out;
    p.tids = f->tids;
    assert_int_equal(tftp_ports_new(&f->ports, &p), RES_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < SEATS; i++) {
        tftp_seat_leave(&f->seat[i], NOW);
    }
    assert_int_equal(tftp_ports_count(f->ports), 0);
    tftp_ports_free(f->ports);
    tid_table_free(f->tids);
    udp_out_free(f->out);
    udp_batch_free(f->batch);
    loop_free(f->loop);
    free(f);
    return 0;
}

static struct addr loopback(uint16_t port)
{
    struct addr a = {.u.in4 = {.sin_family = AF_INET}, .len = sizeof(a.u.in4)};

    a.u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr_set_port(&a, port);
    return a;
}

/* The client at this port of the loopback address takes seat i. Returns its port. */
static struct tftp_port *sit(struct fixture *f, size_t i, uint16_t client, uint64_t now_ns)
{
    struct addr peer = loopback(client);
    struct addr local = loopback(0);

    assert_int_equal(tftp_ports_sit(f->ports, &f->seat[i], &peer, &local, true, now_ns), RES_OK);
    return f->seat[i].port;
}

static void test_shared_port_takes_transfers_for_five_seconds(void **state)
{
    struct fixture *f = *state;
    struct tftp_port *first = sit(f, 0, 1000, NOW);
    struct tftp_port *next;

    assert_ptr_equal(sit(f, 1, 1001, NOW + 5 * NUMBER_SECOND - 1), first);
    next = sit(f, 2, 1002, NOW + 5 * NUMBER_SECOND);
    assert_ptr_not_equal(next, first);
    assert_ptr_equal(sit(f, 3, 1003, NOW + 5 * NUMBER_SECOND), next);
    assert_int_equal(tftp_ports_count(f->ports), 2); /* both serve who sits there */
    tftp_seat_leave(&f->seat[0], NOW + 6 * NUMBER_SECOND);
    assert_int_equal(tftp_ports_count(f->ports), 2);
    tftp_seat_leave(&f->seat[1], NOW + 6 * NUMBER_SECOND);
    assert_int_equal(tftp_ports_count(f->ports), 1);
}

static void test_client_at_a_port_gets_another_for_its_next_transfer(void **state)
{
    struct fixture *f = *state;
    struct tftp_port *first = sit(f, 0, 1000, NOW);
    struct tftp_port *second = sit(f, 1, 1000, NOW);

    assert_ptr_not_equal(second, first);
    assert_ptr_equal(sit(f, 2, 1001, NOW), first); /* the second is for who may not meet this one */
    assert_ptr_equal(f->seat[0].port, first);
}

static void test_client_that_may_not_meet_one_shared_port_shares_the_next(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < SEATS; i++) {
        (void)sit(f, i, i % 2 == 0 ? 1000 : 1001, NOW);
    }
    for (size_t i = 0; i < SEATS; i += 2) {
        for (size_t k = 1; k < SEATS; k += 2) {
            bool shared = k == i + 1 && i / 2 < PORTS_BESIDE;

            assert_int_equal(f->seat[i].port == f->seat[k].port, shared);
        }
    }
    assert_int_equal(tftp_ports_count(f->ports), PORTS_BESIDE + 2); /* each has one alone, too */
}

static void test_client_that_left_a_port_meets_it_no_more(void **state)
{
    struct fixture *f = *state;
    struct tftp_port *first = sit(f, 0, 1000, NOW);

    assert_ptr_equal(sit(f, 1, 1001, NOW), first);
    tftp_seat_leave(&f->seat[1], NOW + 1);
    assert_ptr_not_equal(sit(f, 1, 1001, NOW + 2), first);
    assert_ptr_equal(sit(f, 2, 1002, NOW + 2), first);
}

static void test_port_takes_nobody_once_one_who_left_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct tftp_port *first = sit(f, 0, 1000, NOW);
    struct addr other = loopback(2000);

    assert_ptr_equal(sit(f, 1, 1001, NOW), first);
    tftp_seat_leave(&f->seat[1], NOW);
    for (uint32_t i = 0; i < TID_REMEMBERED_MAX - 1; i++) {
        tid_table_used(f->tids, &other, (uint16_t)i, NOW + 1);
    }
    assert_ptr_equal(sit(f, 2, 1002, NOW + 1), first);
    tid_table_used(f->tids, &other, UINT16_MAX, NOW + 1);
    assert_ptr_not_equal(sit(f, 1, 1001, NOW + 1), first);
}

/* A receive buffer of the smallest size that the kernel has. */
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
static bool small;

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    int least = 1;

    if (small && level == SOL_SOCKET && (name == SO_RCVBUF || name == SO_RCVBUFFORCE)) {
        return __real_setsockopt(fd, level, SO_RCVBUF, &least, sizeof(least));
    }
    return __real_setsockopt(fd, level, name, value, len);
}

static void test_port_takes_no_more_than_its_buffer_holds_packets_of(void **state)
{
    struct fixture *f = *state;
    struct tftp_port *first;

    small = true; /* 2,304 bytes, of which a packet of 4 takes more than half */
    first = sit(f, 0, 1000, NOW);
    assert_ptr_not_equal(sit(f, 1, 1001, NOW), first);
    assert_int_equal(f->notes, 1);
    small = false;
}

static void test_answer_without_a_transfer_leaves_no_port_behind(void **state)
{
    struct fixture *f = *state;
    struct addr peer = loopback(9);
    struct addr local = loopback(0);

    assert_int_equal(
        tftp_ports_answer(f->ports, &peer, &local, false, (const uint8_t *)"\0\5\0\1", 4, NOW),
        RES_OK);
    assert_int_equal(tftp_ports_count(f->ports), 0);
    assert_int_equal(tid_table_count(f->tids), 1); /* it rests as after a transfer */
}

#define PORT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PORT_TEST(test_shared_port_takes_transfers_for_five_seconds),
        PORT_TEST(test_client_at_a_port_gets_another_for_its_next_transfer),
        PORT_TEST(test_client_that_may_not_meet_one_shared_port_shares_the_next),
        PORT_TEST(test_client_that_left_a_port_meets_it_no_more),
        PORT_TEST(test_port_takes_nobody_once_one_who_left_is_forgotten),
        PORT_TEST(test_port_takes_no_more_than_its_buffer_holds_packets_of),
        PORT_TEST(test_answer_without_a_transfer_leaves_no_port_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
