/* SPDX-License-Identifier: BSD-2-Clause */
/* Workers on a system that allows no more threads, now and then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "io/thread.h"
#include "server/workers.h"
#include "support/scratch.h"

#define WORKERS 3
#define WHY_BYTES 512

bool __real_thread_start(pthread_t *ret, void *(*run)(void *arg), void *arg);
bool __wrap_thread_start(pthread_t *ret, void *(*run)(void *arg), void *arg);

/* Threads that may still be started. Only one thread at a time starts others here. */
static int allowed;

bool __wrap_thread_start(pthread_t *ret, void *(*run)(void *arg), void *arg)
{
    return allowed-- > 0 && __real_thread_start(ret, run, arg);
}

static void on_drained(void *arg)
{
    loop_stop(arg);
}

static void ignore_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

struct house {
    struct loop *loop;
    struct jail *jail;
    struct endpoint endpoints[2];
    struct config config;
    struct listeners listeners;
    struct log log;
};

static void build(struct house *h)
{
    char why[LISTENERS_WHY];

    *h = (struct house){.log = {.level = LOG_LEVEL_DEBUG, .sink = ignore_line}};
    assert_int_equal(endpoint_parse("tftp://127.0.0.1:0", &h->endpoints[0], why, sizeof(why)),
                     RES_OK);
    assert_int_equal(endpoint_parse("wherry://127.0.0.1:0", &h->endpoints[1], why, sizeof(why)),
                     RES_OK);
    h->config.endpoints = h->endpoints;
    h->config.endpoint_count = 2;
    h->config.workers = WORKERS;
    h->config.listings_max = 1;
    assert_int_equal(loop_new(&h->loop), RES_OK);
    assert_int_equal(jail_open(&h->jail, "."), RES_OK);
    assert_int_equal(listeners_open(&h->listeners, &h->config, why, sizeof(why)), RES_OK);
}

static void clear(struct house *h)
{
    listeners_close(&h->listeners);
    jail_free(h->jail);
    loop_free(h->loop);
}

static enum res begin(struct house *h, struct workers **ret, char why[WHY_BYTES])
{
    const struct workers_params p = {.loop = h->loop,
                                     .jail = h->jail,
                                     .config = &h->config,
                                     .log = &h->log,
                                     .listeners = &h->listeners,
                                     .drained = on_drained,
                                     .arg = h->loop};

    return workers_new(ret, &p, why, WHY_BYTES);
}

static void test_thread_that_cannot_start_fails_them_all_and_leaves_nothing(void **state)
{
    size_t descriptors = scratch_count("/proc/self/fd");
    int failures = 0;
    enum res r = RES_BUSY;

    (void)state;
    while (r != RES_OK) {
        struct workers *w = NULL;
        char why[WHY_BYTES] = "";
        struct house h;

        allowed = failures;
        build(&h);
        r = begin(&h, &w, why);
        if (r == RES_OK) {
            workers_free(w);
        } else {
            failures++;
            assert_int_equal(r, RES_BUSY);
            assert_null(w);
            assert_string_equal(why, "cannot start 3 workers: the system allows no more threads: "
                                     "choose fewer with --workers");
        }
        clear(&h);
        assert_int_equal(scratch_count("/proc/self/fd"), descriptors);
    }
    /* Each but the first has a thread, and each has another for files. */
    assert_true(failures >= 2 * WORKERS - 1);
}

static void test_limit_of_open_files_is_told_before_it_is_met(void **state)
{
    struct workers *w = NULL;
    struct rlimit before, few;
    char why[WHY_BYTES];
    struct house h;

    (void)state;
    allowed = 1000;
    build(&h);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){.rlim_cur = 47, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(begin(&h, &w, why), RES_BUSY);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_null(w);
    assert_string_equal(why,
                        "cannot start 3 workers: each needs 16 open files, and the limit is 47 "
                        "(ulimit -n): raise it, or choose fewer with --workers");
    clear(&h);
}

static void test_all_are_drained_once(void **state)
{
    struct transfer_counts counts;
    struct workers *w = NULL;
    char why[WHY_BYTES];
    struct house h;

    (void)state;
    allowed = 1000;
    build(&h);
    assert_int_equal(begin(&h, &w, why), RES_OK);
    assert_int_equal(workers_running(w), 0);
    workers_drain(w);
    workers_drain(w);
    loop_run(h.loop); /* until on_drained() */
    workers_stop(w);
    workers_count(w, &counts);
    for (size_t i = 0; i < OUTCOME_COUNT; i++) {
        assert_int_equal(counts.outcomes[i], 0);
    }
    workers_free(w);
    clear(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_thread_that_cannot_start_fails_them_all_and_leaves_nothing, scratch_setup,
            scratch_teardown),
        cmocka_unit_test_setup_teardown(test_limit_of_open_files_is_told_before_it_is_met,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_all_are_drained_once, scratch_setup, scratch_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
