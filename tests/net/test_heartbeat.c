/* SPDX-License-Identifier: BSD-2-Clause */
/* The watchdog is fed as long as the loops of all workers turn, and not a moment longer. */
#include "server/heartbeat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"

#define WORKERS 3
#define WATCHDOG_NS (40 * NUMBER_MILLISECOND)
#define CLIENTS_MAX 1000
#define WHY_BYTES 512

struct house {
    struct loop *loop;
    struct jail *jail;
    struct endpoint endpoint;
    struct config config;
    struct listeners listeners;
    struct log log;
    struct workers *workers;
    struct heartbeat heartbeat;
    struct notify notify;
    int manager;
    pthread_t main;
    atomic_bool holding; /* the next line that a worker's thread logs ... */
    sem_t held, go;      /* ... is where it stays, from held to go */
};

/* A request is logged by the worker that it is served by, in its thread. */
static void hold_worker(void *arg, enum log_level level, const char *line)
{
    struct house *h = arg;

    (void)level;
    if (!pthread_equal(pthread_self(), h->main) && strstr(line, "missing op=read") != NULL &&
        atomic_exchange(&h->holding, false)) {
        sem_post(&h->held);
        while (sem_wait(&h->go) != 0) { /* EINTR */
        }
    }
}

static void on_drained(void *arg)
{
    (void)arg;
}

static void on_answered(void *arg)
{
    struct house *h = arg;

    heartbeat_answered(&h->heartbeat);
}

static int setup(void **state)
{
    struct house *h = calloc(1, sizeof(*h));
    char why[WHY_BYTES];
    int ends[2];
    struct workers_params p;

    assert_int_equal(scratch_setup(state), 0);
    assert_non_null(h);
    assert_return_code(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
                       errno);
    h->manager = ends[0];
    h->notify = (struct notify){.log = &h->log, .fd = ends[1], .watchdog_ns = WATCHDOG_NS};
    h->main = pthread_self();
    assert_return_code(sem_init(&h->held, 0, 0), errno);
    assert_return_code(sem_init(&h->go, 0, 0), errno);
    h->log = (struct log){.level = LOG_LEVEL_INFO, .sink = hold_worker, .arg = h};
    assert_int_equal(endpoint_parse("tftp://127.0.0.1:0", &h->endpoint, why, sizeof(why)), RES_OK);
    h->config.endpoints = &h->endpoint;
    h->config.endpoint_count = 1;
    h->config.workers = WORKERS;
    h->config.listings_max = 1;
    h->config.log_level = LOG_LEVEL_INFO;
    h->config.patience_ns = 60 * NUMBER_SECOND;
    h->config.blksize_max = 512;
    h->config.windowsize_max = 1;
    h->config.window_bytes_max = 512;
    assert_int_equal(loop_new(&h->loop), RES_OK);
    assert_int_equal(jail_open(&h->jail, "."), RES_OK);
    assert_int_equal(listeners_open(&h->listeners, &h->config, why, sizeof(why)), RES_OK);
    p = (struct workers_params){.loop = h->loop,
                                .jail = h->jail,
                                .config = &h->config,
                                .log = &h->log,
                                .listeners = &h->listeners,
                                .drained = on_drained,
                                .answered = on_answered,
                                .arg = h};
    assert_int_equal(workers_new(&h->workers, &p, why, sizeof(why)), RES_OK);
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    struct house *h = *state;

    heartbeat_stop(&h->heartbeat);
    sem_post(&h->go); /* of a test that failed meanwhile */
    workers_free(h->workers);
    listeners_close(&h->listeners);
    jail_free(h->jail);
    loop_free(h->loop);
    notify_close(&h->notify);
    close(h->manager);
    sem_destroy(&h->held);
    sem_destroy(&h->go);
    free(h);
    return scratch_teardown(state);
}

/* What was told since the last look: how often this. */
static unsigned count_told(const struct house *h, const char *part)
{
    unsigned count = 0;
    char text[512];
    ssize_t n;

    while ((n = recv(h->manager, text, sizeof(text) - 1, MSG_DONTWAIT)) >= 0) {
        text[n] = '\0';
        count += strstr(text, part) != NULL ? 1 : 0;
    }
    return count;
}

static void turn_until_told(struct house *h, const char *part)
{
    while (count_told(h, part) == 0) { /* the test's own time limit ends it */
        loop_turn(h->loop, true);
    }
}

static void on_over(void *arg)
{
    *(bool *)arg = true;
}

/* The first worker's loop goes on for so long. */
static void turn_for(struct house *h, uint64_t ns)
{
    struct loop_timer timer = {.loop = NULL};
    bool over = false;

    loop_timer_init(h->loop, &timer, on_over, &over);
    loop_timer_at(&timer, loop_now_ns(h->loop) + ns);
    while (!over) {
        loop_turn(h->loop, true);
    }
    loop_timer_stop(&timer);
}

/* Requests for files that are not there, each from another port, until one reaches a worker with a
 * thread of its own, which then stays where it is. */
static void hold_one(struct house *h)
{
    const struct addr *to = &h->listeners.items[0].endpoint.addr;

    atomic_store(&h->holding, true);
    for (int i = 0; i < CLIENTS_MAX && atomic_load(&h->holding); i++) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char request[32] = "\0\1";

        assert_return_code(fd, errno);
        /* Repeats of one name would be summed up in silence. */
        (void)snprintf(request + 2, sizeof(request) - 2, "none%04d", i);
        memcpy(request + 11, "octet", sizeof("octet"));
        assert_int_equal(sendto(fd, request, 11 + sizeof("octet"), 0, &to->u.sa, to->len),
                         (ssize_t)(11 + sizeof("octet")));
        /* Until it is answered, or holds a worker. */
        while (poll(&p, 1, 0) == 0 && atomic_load(&h->holding)) {
            loop_turn(h->loop, false);
        }
        close(fd);
    }
    assert_false(atomic_load(&h->holding));
    while (sem_wait(&h->held) != 0) { /* EINTR */
    }
}

static void test_ready_comes_first_and_the_watchdog_is_fed(void **state)
{
    struct house *h = *state;
    char text[512];
    ssize_t n;

    heartbeat_start(&h->heartbeat, h->loop, h->workers, &h->notify);
    while ((n = recv(h->manager, text, sizeof(text) - 1, MSG_DONTWAIT)) < 0) {
        loop_turn(h->loop, true);
    }
    text[n] = '\0';
    assert_string_equal(text, "READY=1\nSTATUS=0 running, 0 done, 0 failed, 0 missing");
    for (int i = 0; i < 3; i++) {
        turn_until_told(h, "WATCHDOG=1");
    }
}

static void test_worker_that_hangs_is_not_covered_up_by_the_others(void **state)
{
    struct house *h = *state;

    heartbeat_start(&h->heartbeat, h->loop, h->workers, &h->notify);
    turn_until_told(h, "WATCHDOG=1");
    hold_one(h);
    turn_for(h, WATCHDOG_NS); /* what all had answered before may still be told */
    (void)count_told(h, "");
    turn_for(h, 10 * WATCHDOG_NS);
    assert_int_equal(count_told(h, ""), 0);
    assert_return_code(sem_post(&h->go), errno);
    turn_until_told(h, "WATCHDOG=1"); /* had the manager not ended it meanwhile */
}

static void test_nothing_runs_when_nobody_listens(void **state)
{
    struct house *h = *state;
    int fd = h->notify.fd;

    h->notify.fd = -1;
    heartbeat_start(&h->heartbeat, h->loop, h->workers, &h->notify);
    heartbeat_reloading(&h->heartbeat);
    heartbeat_reloaded(&h->heartbeat);
    heartbeat_ending(&h->heartbeat, NUMBER_SECOND);
    turn_for(h, 3 * WATCHDOG_NS);
    assert_int_equal(count_told(h, ""), 0);
    assert_false(h->heartbeat.owes_alive);
    assert_false(h->heartbeat.owes_status);
    close(fd);
}

/* READY above all: without it systemd takes the start for failed. */
static void test_ready_is_told_later_when_the_queue_was_full(void **state)
{
    struct house *h = *state;

    while (send(h->notify.fd, "full", 4, MSG_DONTWAIT) == 4) {
    }
    heartbeat_start(&h->heartbeat, h->loop, h->workers, &h->notify);
    turn_for(h, 3 * WATCHDOG_NS);
    assert_int_equal(count_told(h, "READY=1"), 0);
    turn_until_told(h, "READY=1");
}

/* Without it the manager kills transfers that have longer to end than it knows. */
static void test_the_end_is_told_later_when_the_queue_was_full(void **state)
{
    struct house *h = *state;

    heartbeat_start(&h->heartbeat, h->loop, h->workers, &h->notify);
    turn_until_told(h, "READY=1");
    while (send(h->notify.fd, "full", 4, MSG_DONTWAIT) == 4) {
    }
    heartbeat_ending(&h->heartbeat, NUMBER_SECOND);
    assert_int_equal(count_told(h, "STOPPING=1"), 0);
    turn_until_told(h, "STOPPING=1\nEXTEND_TIMEOUT_USEC=11000000\nSTATUS=ending: 0 running");
}

static void test_a_reload_after_the_end_began_is_not_told(void **state)
{
    struct house *h = *state;

    heartbeat_start(&h->heartbeat, h->loop, h->workers, &h->notify);
    turn_until_told(h, "READY=1");
    heartbeat_ending(&h->heartbeat, NUMBER_SECOND);
    assert_int_equal(count_told(h, "STOPPING=1"), 1);
    heartbeat_reloading(&h->heartbeat);
    heartbeat_reloaded(&h->heartbeat);
    assert_int_equal(count_told(h, "RELOADING=1"), 0);
    turn_until_told(h, "WATCHDOG=1");
    turn_for(h, 3 * WATCHDOG_NS);
    assert_int_equal(count_told(h, "READY=1"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ready_comes_first_and_the_watchdog_is_fed),
        TEST(test_worker_that_hangs_is_not_covered_up_by_the_others),
        TEST(test_nothing_runs_when_nobody_listens),
        TEST(test_ready_is_told_later_when_the_queue_was_full),
        TEST(test_the_end_is_told_later_when_the_queue_was_full),
        TEST(test_a_reload_after_the_end_began_is_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
