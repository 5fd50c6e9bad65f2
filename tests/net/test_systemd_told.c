/* SPDX-License-Identifier: BSD-2-Clause */
/* What a running wherryd tells its service manager. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/managed.h"
#include "net/plain_client.h"

#define WAIT_MS 20000

static uint64_t now_us(void)
{
    struct timespec ts;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t number_behind(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    assert_non_null(at);
    return strtoull(at + strlen(key), NULL, 10);
}

static void test_ready_is_told_once_requests_are_answered(void **state)
{
    struct managed *f = *state;

    managed_hand_over(f, SOCK_DGRAM, "127.0.0.1");
    f->server.addr = managed_name_of(f->sockets[0]);
    managed_launch(f, NULL);
    /* The first word of all. */
    assert_string_equal(managed_hear(f), "READY=1\nSTATUS=0 running, 0 done, 0 failed, 0 missing");
    plain_read_all(&f->server.addr);
}

static void test_status_counts_each_request_once(void **state)
{
    struct managed *f = *state;
    struct plain_client running, other;

    plain_open(&running);
    plain_open(&other);
    managed_launch_listening(f, NULL);
    managed_expect_told(f, "READY=1");
    plain_ask(&running, &f->server.addr, 1, "file");
    plain_take(&running, 3, 1);
    for (int i = 0; i < 4; i++) {
        plain_read_all(&f->server.addr);
    }
    plain_ask(&other, &f->server.addr, 1, "none"); /* missing */
    plain_take(&other, 5, 1);
    plain_ask(&other, &f->server.addr, 2, "new"); /* uploads are not allowed */
    plain_take(&other, 5, 2);
    plain_ask(&other, &f->server.addr, 1, "file");
    plain_take(&other, 3, 1);
    plain_send(&other, &other.from, "\0\5\0\0no\0", 7); /* aborted */
    server_process_expect_line(&f->server, "aborted op=read", WAIT_MS);
    managed_expect_told(f, "STATUS=1 running, 4 done, 2 failed, 1 missing");
    plain_finish_read(&running);
    managed_expect_told(f, "STATUS=0 running, 5 done, 2 failed, 1 missing");
    close(running.fd);
    close(other.fd);
}

static void test_reload_is_told_with_its_time_and_its_end(void **state)
{
    struct managed *f = *state;
    uint64_t before, told;

    managed_launch_listening(f, NULL);
    managed_expect_told(f, "READY=1");
    before = now_us();
    managed_signal(f, SIGHUP);
    told = number_behind(managed_expect_told(f, "RELOADING=1"), "MONOTONIC_USEC=");
    assert_true(before <= told);
    assert_true(told <= now_us());
    managed_expect_told(f, "READY=1");
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
}

static void test_end_is_told_with_what_runs_and_how_long_it_may_take(void **state)
{
    const char *const words[] = {"--drain-timeout", "1h", NULL};
    struct managed *f = *state;
    struct plain_client c;

    plain_open(&c);
    managed_launch_listening(f, words);
    managed_expect_told(f, "READY=1");
    plain_ask(&c, &f->server.addr, 1, "file");
    plain_take(&c, 3, 1);
    managed_signal(f, SIGTERM);
    managed_expect_told(f, "STOPPING=1");
    assert_non_null(strstr(f->said, "STATUS=ending: 1 running, 0 done, 0 failed, 0 missing"));
    assert_true(number_behind(f->said, "EXTEND_TIMEOUT_USEC=") >= UINT64_C(3600000000));
    managed_expect_told(f, "STATUS=ending: 1 running"); /* and it goes on */
    plain_finish_read(&c);
    server_process_expect_line(&f->server, "ended", WAIT_MS);
    close(c.fd);
}

static void test_watchdog_is_fed_at_half_of_its_time(void **state)
{
    struct managed *f = *state;
    uint64_t begun = now_us();
    uint64_t first;

    f->environment[0] = "WATCHDOG_USEC";
    f->environment[1] = "6000000";
    managed_launch_listening(f, NULL);
    managed_expect_told(f, "READY=1");
    managed_expect_told(f, "WATCHDOG=1");
    first = now_us();
    managed_expect_told(f, "WATCHDOG=1");
    assert_true(now_us() - begun >= 3000000);
    assert_true(now_us() - first < 6000000);
}

/* Fed, it is with READY and ever after. */
static void test_watchdog_of_another_process_is_not_fed(void **state)
{
    struct managed *f = *state;

    f->environment[0] = "WATCHDOG_USEC";
    f->environment[1] = "1000";
    f->environment[2] = "WATCHDOG_PID";
    f->environment[3] = "1";
    managed_launch_listening(f, NULL);
    while (strstr(managed_hear(f), "READY=1") == NULL) {
        assert_null(strstr(f->said, "WATCHDOG"));
    }
    managed_signal(f, SIGHUP);
    while (strstr(managed_hear(f), "READY=1") == NULL) {
        assert_null(strstr(f->said, "WATCHDOG"));
    }
}

static void test_manager_that_is_gone_changes_nothing(void **state)
{
    struct managed *f = *state;

    strcpy(f->name, "/nowhere/notify");
    managed_launch_listening(f, NULL);
    server_process_expect_line(&f->server, "the service manager cannot be told", WAIT_MS);
    plain_read_all(&f->server.addr);
    managed_signal(f, SIGHUP);
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, managed_setup, managed_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ready_is_told_once_requests_are_answered),
        TEST(test_status_counts_each_request_once),
        TEST(test_reload_is_told_with_its_time_and_its_end),
        TEST(test_end_is_told_with_what_runs_and_how_long_it_may_take),
        TEST(test_watchdog_is_fed_at_half_of_its_time),
        TEST(test_watchdog_of_another_process_is_not_fed),
        TEST(test_manager_that_is_gone_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
