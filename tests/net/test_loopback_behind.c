/* SPDX-License-Identifier: BSD-2-Clause */
/* How far the ACKs of an upload may be ahead of the disk. The disk here is a gate that the test
 * opens: no file system stands still on request. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "net/served.h"
#include "store/policy.h"
#include "store/writer.h"
#include "support/pattern.h"

#define BLOCK_BYTES 8192u
#define AHEAD_BLOCKS 128u      /* 1 MiB */
#define AHEAD_BLOCKS_CROWD 32u /* 256 KiB */
#define CROWD 9u               /* transfers */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool is_open;
static enum res answer;
static uint8_t block[BLOCK_BYTES];

enum res __real_writer_write(struct writer *w, const uint8_t *bytes, size_t len);
enum res __wrap_writer_write(struct writer *w, const uint8_t *bytes, size_t len);

enum res __wrap_writer_write(struct writer *w, const uint8_t *bytes, size_t len)
{
    enum res r;

    pthread_mutex_lock(&lock);
    while (!is_open) {
        pthread_cond_wait(&opened, &lock);
    }
    r = answer;
    pthread_mutex_unlock(&lock);
    return r == RES_OK ? __real_writer_write(w, bytes, len) : r;
}

static void set_gate(bool open, enum res r)
{
    pthread_mutex_lock(&lock);
    is_open = open;
    answer = r;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&lock);
}

/* Two answers to another client later, all that was sent before has been looked at: no ACK came.
 * The pool is not waited for, a thread of it stands at the gate. */
static void expect_no_ack(struct client *c)
{
    struct client other;
    uint8_t byte;

    client_open_local(&other, c->f);
    for (int i = 0; i < 2; i++) {
        client_ask(&other, RRQ, "missing", "octet", NULL);
        client_expect_first_error(&other, 1);
    }
    client_close(&other);
    assert_int_equal(recv(c->fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

/* Sends blocks while the disk stands still, until an ACK does not come. */
static void fill(struct client *c, unsigned ahead)
{
    client_ask(c, WRQ, "file", "octet", "blksize", "8192", NULL);
    client_expect_first_oack(c, "blksize=8192");
    for (unsigned i = 1; i <= ahead; i++) {
        client_data(c, i, block, BLOCK_BYTES);
        client_expect_ack(c, i);
    }
    client_data(c, ahead + 1, block, BLOCK_BYTES);
    expect_no_ack(c);
}

/* The disk goes on, and the upload that waited for it to its end. */
static void finish(struct client *c, unsigned ahead)
{
    set_gate(true, RES_OK);
    client_expect_ack(c, (uint16_t)(ahead + 1));
    client_data(c, (uint16_t)(ahead + 2), block, 1);
    client_expect_ack(c, (uint16_t)(ahead + 2));
    assert_true(served_exists(c->f, "file"));
}

static void test_acks_are_ahead_of_the_disk_by_1_mib_at_most(void **state)
{
    struct served *f = *state;
    struct client c;

    f->config.write = POLICY_WRITE_CREATE;
    client_open_local(&c, f);
    set_gate(false, RES_OK);
    fill(&c, AHEAD_BLOCKS);
    finish(&c, AHEAD_BLOCKS);
    client_close(&c);
}

static void test_acks_are_ahead_of_the_disk_by_256_kib_at_most_in_a_crowd(void **state)
{
    struct served *f = *state;
    struct client others[CROWD - 1];
    struct client c;

    f->config.write = POLICY_WRITE_CREATE;
    for (size_t i = 0; i < CROWD - 1; i++) {
        const char name[] = {(char)('a' + i), '\0'};

        client_open_local(&others[i], f);
        client_ask(&others[i], WRQ, name, "octet", NULL);
        client_expect_first_ack(&others[i], 0);
    }
    client_open_local(&c, f);
    set_gate(false, RES_OK);
    fill(&c, AHEAD_BLOCKS_CROWD);
    finish(&c, AHEAD_BLOCKS_CROWD);
    client_close(&c);
    for (size_t i = 0; i < CROWD - 1; i++) {
        client_close(&others[i]);
    }
}

static void test_a_disk_that_fails_behind_the_acks_is_an_error(void **state)
{
    struct served *f = *state;
    struct client c;

    f->config.write = POLICY_WRITE_CREATE;
    client_open_local(&c, f);
    set_gate(false, RES_OK);
    fill(&c, AHEAD_BLOCKS);
    set_gate(true, RES_NO_SPACE);
    client_expect_error(&c, 3);
    served_settle(f);
    assert_int_equal(served_entries(f), 0);
    client_close(&c);
}

/* Also when all was acknowledged but the last: that one is the promise. */
static void test_a_disk_that_fails_at_the_end_takes_the_last_ack_away(void **state)
{
    struct served *f = *state;
    struct client c;

    f->config.write = POLICY_WRITE_CREATE;
    client_open_local(&c, f);
    set_gate(true, RES_NO_SPACE);
    client_ask(&c, WRQ, "file", "octet", NULL);
    client_expect_first_ack(&c, 0);
    client_data(&c, 1, block, 512);
    client_expect_ack(&c, 1);
    client_data(&c, 2, block, 100);
    client_expect_error(&c, 3);
    served_settle(f);
    assert_int_equal(served_entries(f), 0);
    client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_acks_are_ahead_of_the_disk_by_1_mib_at_most,
                                        served_setup, served_teardown),
        cmocka_unit_test_setup_teardown(
            test_acks_are_ahead_of_the_disk_by_256_kib_at_most_in_a_crowd, served_setup,
            served_teardown),
        cmocka_unit_test_setup_teardown(test_a_disk_that_fails_behind_the_acks_is_an_error,
                                        served_setup, served_teardown),
        cmocka_unit_test_setup_teardown(test_a_disk_that_fails_at_the_end_takes_the_last_ack_away,
                                        served_setup, served_teardown),
    };

    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] = pattern_at(i);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
