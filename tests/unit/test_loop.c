/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MS UINT64_C(1000000)

struct fixture {
    struct loop *loop;
    int reader;
    int writer;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    int fd[2];

    assert_non_null(f);
    assert_int_equal(loop_new(&f->loop), RES_OK);
    assert_int_equal(pipe(fd), 0);
    f->reader = fd[0];
    f->writer = fd[1];
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    close(f->reader);
    close(f->writer);
    loop_free(f->loop);
    free(f);
    return 0;
}

static uint64_t clock_ns(void)
{
    struct timespec ts;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
    return (uint64_t)ts.tv_sec * 1000 * MS + (uint64_t)ts.tv_nsec;
}

static void put_byte(const struct fixture *f)
{
    assert_int_equal(write(f->writer, "x", 1), 1);
}

struct calls {
    struct loop *loop;
    unsigned count;
    unsigned events;
    int signum;
    uint64_t now_ns;
    const struct calls *prepared; /* those of a loop_prepare, and how many had come before this */
    unsigned seen;
};

static void note_io(void *arg, unsigned events)
{
    struct calls *c = arg;

    c->count++;
    c->events = events;
    c->now_ns = loop_now_ns(c->loop);
}

static void note_prepared(void *arg)
{
    struct calls *c = arg;

    c->count++;
    c->seen = c->prepared->count;
}

static void note_io_and_prepared(void *arg, unsigned events)
{
    (void)events;
    note_prepared(arg);
}

static void put_byte_of(void *arg)
{
    put_byte(arg);
}

static void note(void *arg)
{
    struct calls *c = arg;

    c->count++;
    c->now_ns = loop_now_ns(c->loop);
}

static void note_signal(void *arg, int signum)
{
    struct calls *c = arg;

    c->count++;
    c->signum = signum;
}

static void note_and_stop(void *arg)
{
    struct calls *c = arg;

    c->count++;
    loop_stop(c->loop);
}

static void test_readable_descriptor_is_reported(void **state)
{
    struct fixture *f = *state;
    struct calls c = {.loop = f->loop};
    struct loop_io io = {0};

    loop_io_start(f->loop, &io, f->reader, LOOP_READ, note_io, &c);
    loop_turn(f->loop, false);
    assert_int_equal(c.count, 0);
    put_byte(f);
    loop_turn(f->loop, true);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.events, LOOP_READ);
    loop_io_stop(&io);
}

static void test_writable_descriptor_is_reported(void **state)
{
    struct fixture *f = *state;
    struct calls c = {.loop = f->loop};
    struct loop_io io = {0};

    loop_io_start(f->loop, &io, f->writer, LOOP_WRITE, note_io, &c);
    loop_turn(f->loop, true);
    assert_int_equal(c.events, LOOP_WRITE);
    loop_io_stop(&io);
}

static void test_no_events_pause_and_new_ones_resume(void **state)
{
    struct fixture *f = *state;
    struct calls c = {.loop = f->loop};
    struct loop_io io = {0};

    loop_io_start(f->loop, &io, f->reader, LOOP_READ, note_io, &c);
    put_byte(f);
    loop_io_events(&io, 0);
    loop_turn(f->loop, false);
    assert_int_equal(c.count, 0);
    loop_io_events(&io, LOOP_READ);
    loop_io_events(&io, LOOP_READ);
    loop_turn(f->loop, true);
    assert_int_equal(c.count, 1);
    loop_io_stop(&io);
    loop_turn(f->loop, false);
    assert_int_equal(c.count, 1);
}

static void test_watcher_started_without_events_is_paused(void **state)
{
    struct fixture *f = *state;
    struct calls c = {.loop = f->loop};
    struct loop_io io = {0};

    loop_io_start(f->loop, &io, f->writer, 0, note_io, &c);
    loop_turn(f->loop, false);
    assert_int_equal(c.count, 0);
    loop_io_events(&io, LOOP_WRITE);
    loop_turn(f->loop, true);
    assert_int_equal(c.count, 1);
    loop_io_stop(&io);
}

static void test_stopping_what_never_started_does_nothing(void **state)
{
    struct loop_io io = {0};
    struct loop_timer timer = {0};
    struct loop_signal sig = {0};
    struct loop_waker waker = {0};

    (void)state;
    loop_io_stop(&io);
    loop_timer_stop(&timer);
    loop_signal_stop(&sig);
    loop_waker_stop(&waker);
    loop_free(NULL);
}

/* A watcher in memory of its own that goes away in its callback and takes another along. */
struct pair {
    struct loop_io io;
    struct loop_io *other;
    unsigned *count;
};

static void free_pair(void *arg, unsigned events)
{
    struct pair *p = arg;

    (void)events;
    (*p->count)++;
    loop_io_stop(p->other);
    loop_io_stop(&p->io);
    free(p->other);
    free(p);
}

static void count_io(void *arg, unsigned events)
{
    (void)events;
    (*(unsigned *)arg)++;
}

static void test_callback_may_free_its_own_watcher_and_a_pending_one(void **state)
{
    struct fixture *f = *state;
    unsigned count = 0;

    /* Both orders of start, as the loop may call them in either. */
    for (int first = 0; first < 2; first++) {
        struct pair *p = calloc(1, sizeof(*p));
        struct loop_io *other = calloc(1, sizeof(*other));

        assert_non_null(p);
        assert_non_null(other);
        p->other = other;
        p->count = &count;
        count = 0;
        put_byte(f);
        if (first == 0) {
            loop_io_start(f->loop, &p->io, f->reader, LOOP_READ, free_pair, p);
        }
        loop_io_start(f->loop, other, f->reader, LOOP_READ, count_io, &count);
        if (first == 1) {
            loop_io_start(f->loop, &p->io, f->reader, LOOP_READ, free_pair, p);
        }
        loop_turn(f->loop, true);
        assert_in_range(count, 1, 2);
        loop_turn(f->loop, false);
        assert_in_range(count, 1, 2);
    }
}

static void test_timer_fires_once_and_not_before_its_deadline(void **state)
{
    struct fixture *f = *state;
    struct calls c = {.loop = f->loop};
    struct loop_timer t = {0};
    uint64_t deadline_ns;

    loop_timer_init(f->loop, &t, note, &c);
    deadline_ns = loop_now_ns(f->loop) + 5 * MS;
    loop_timer_at(&t, deadline_ns);
    while (c.count == 0) {
        loop_turn(f->loop, true);
    }
    assert_true(c.now_ns >= deadline_ns);
    assert_true(clock_ns() >= deadline_ns);
    loop_turn(f->loop, false);
    loop_turn(f->loop, false);
    assert_int_equal(c.count, 1);
}

static void test_deadline_in_the_past_fires_in_the_next_turn(void **state)
{
    struct fixture *f = *state;
    struct calls c = {.loop = f->loop};
    struct loop_timer t = {0};

    loop_timer_init(f->loop, &t, note, &c);
    loop_timer_at(&t, 1);
    loop_turn(f->loop, true);
    assert_int_equal(c.count, 1);
}

static void test_later_deadline_is_only_stored(void **state)
{
    struct fixture *f = *state;
    struct calls c = {.loop = f->loop};
    struct loop_timer t = {0};
    uint64_t now_ns = loop_now_ns(f->loop);

    loop_timer_init(f->loop, &t, note, &c);
    loop_timer_at(&t, now_ns + 5 * MS);
    loop_timer_at(&t, now_ns + 20 * MS);
    assert_int_equal(t.armed_ns, now_ns + 5 * MS);
    assert_int_equal(t.deadline_ns, now_ns + 20 * MS);
    while (c.count == 0) {
        loop_turn(f->loop, true);
    }
    assert_true(c.now_ns >= now_ns + 20 * MS);
}

static void test_earlier_deadline_wakes_earlier(void **state)
{
    struct fixture *f = *state;
    struct calls c = {.loop = f->loop};
    struct loop_timer t = {0};
    uint64_t now_ns = loop_now_ns(f->loop);

    loop_timer_init(f->loop, &t, note, &c);
    loop_timer_at(&t, now_ns + 3600 * 1000 * MS);
    loop_timer_at(&t, now_ns + 1 * MS);
    while (c.count == 0) {
        loop_turn(f->loop, true);
    }
    assert_true(c.now_ns < now_ns + 3600 * 1000 * MS);
}

static void test_never_stops_the_timer(void **state)
{
    struct fixture *f = *state;
    struct calls c = {.loop = f->loop};
    struct calls later = {.loop = f->loop};
    struct loop_timer t = {0};
    struct loop_timer end = {0};
    uint64_t now_ns = loop_now_ns(f->loop);

    loop_timer_init(f->loop, &t, note, &c);
    loop_timer_init(f->loop, &end, note, &later);
    loop_timer_at(&t, now_ns + 1 * MS);
    loop_timer_at(&t, LOOP_NEVER);
    loop_timer_at(&end, now_ns + 5 * MS);
    while (later.count == 0) {
        loop_turn(f->loop, true);
    }
    assert_int_equal(c.count, 0);
}

static void rearm(void *arg)
{
    struct loop_timer *t = arg;

    loop_timer_at(t, loop_now_ns(t->loop) + 1);
}

static void test_timer_may_be_set_again_in_its_callback(void **state)
{
    struct fixture *f = *state;
    struct loop_timer t = {0};

    loop_timer_init(f->loop, &t, rearm, &t);
    loop_timer_at(&t, 1);
    for (int i = 0; i < 3; i++) {
        loop_turn(f->loop, true);
        assert_int_not_equal(t.deadline_ns, LOOP_NEVER);
    }
    loop_timer_stop(&t);
}

static void free_timer(void *arg)
{
    struct loop_timer *t = arg;

    loop_timer_stop(t);
    free(t);
}

static void test_timer_may_free_itself(void **state)
{
    struct fixture *f = *state;
    struct loop_timer *t = calloc(1, sizeof(*t));

    assert_non_null(t);
    loop_timer_init(f->loop, t, free_timer, t);
    loop_timer_at(t, 1);
    loop_turn(f->loop, true); /* a use after free is the sanitizer's to see */
    loop_turn(f->loop, false);
}

static void test_all_callbacks_of_a_turn_see_one_time(void **state)
{
    struct fixture *f = *state;
    struct calls a = {.loop = f->loop};
    struct calls b = {.loop = f->loop};
    struct loop_io io = {0};
    struct loop_timer t = {0};
    uint64_t before_ns;

    put_byte(f);
    loop_io_start(f->loop, &io, f->reader, LOOP_READ, note_io, &a);
    loop_timer_init(f->loop, &t, note, &b);
    loop_timer_at(&t, 1);
    before_ns = clock_ns();
    loop_turn(f->loop, true);
    assert_int_equal(a.count, 1);
    assert_int_equal(b.count, 1);
    assert_int_equal(a.now_ns, b.now_ns);
    assert_true(a.now_ns >= before_ns);
    assert_true(a.now_ns <= clock_ns());
    loop_io_stop(&io);
}

static void test_signal_arrives_as_an_event(void **state)
{
    struct fixture *f = *state;
    struct calls c = {.loop = f->loop};
    struct loop_signal s = {0};

    loop_signal_start(f->loop, &s, SIGUSR1, note_signal, &c);
    assert_int_equal(raise(SIGUSR1), 0);
    while (c.count == 0) {
        loop_turn(f->loop, true);
    }
    assert_int_equal(c.signum, SIGUSR1);
    loop_signal_stop(&s);
}

static void test_prepare_comes_behind_the_other_callbacks_of_a_turn(void **state)
{
    struct fixture *f = *state;
    struct calls prepared = {.loop = f->loop};
    struct calls c = {.loop = f->loop};
    struct loop_prepare p = {0};
    struct loop_io io = {0};
    struct loop_timer t = {0};

    put_byte(f);
    loop_prepare_start(f->loop, &p, note, &prepared);
    loop_turn(f->loop, false); /* nothing else to do */
    prepared.count = 0;
    loop_io_start(f->loop, &io, f->reader, LOOP_READ, note_io_and_prepared, &c);
    loop_timer_init(f->loop, &t, note_prepared, &c);
    loop_timer_at(&t, loop_now_ns(f->loop));
    c.prepared = &prepared;
    loop_turn(f->loop, false);
    assert_int_equal(c.count, 2);
    assert_int_equal(c.seen, 1); /* the one call before the turn waited */
    assert_int_equal(prepared.count, 2);
    loop_io_stop(&io);
    loop_prepare_stop(&p);
    loop_turn(f->loop, false);
    assert_int_equal(prepared.count, 2);
}

static void test_prepare_comes_before_the_loop_waits(void **state)
{
    struct fixture *f = *state;
    struct loop_prepare p = {0};
    struct loop_io io = {0};
    struct calls c = {.loop = f->loop};

    loop_io_start(f->loop, &io, f->reader, LOOP_READ, note_io, &c);
    loop_prepare_start(f->loop, &p, put_byte_of, f);
    loop_turn(f->loop, true); /* else: the test's time limit */
    assert_int_equal(c.count, 1);
    loop_prepare_stop(&p);
    loop_io_stop(&io);
}

static void *wake_from_thread(void *arg)
{
    loop_waker_wake(arg);
    return NULL;
}

static void test_waker_wakes_a_running_loop_from_another_thread(void **state)
{
    struct fixture *f = *state;
    struct calls c = {.loop = f->loop};
    struct loop_waker w = {0};
    pthread_t thread;

    loop_waker_start(f->loop, &w, note_and_stop, &c);
    assert_int_equal(pthread_create(&thread, NULL, wake_from_thread, &w), 0);
    loop_run(f->loop);
    assert_int_equal(c.count, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    loop_waker_stop(&w);
}

static void test_stop_before_run_makes_it_return(void **state)
{
    struct fixture *f = *state;

    loop_stop(f->loop);
    loop_run(f->loop); /* else: the test's time limit */
    assert_non_null(f->loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_readable_descriptor_is_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writable_descriptor_is_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_events_pause_and_new_ones_resume, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watcher_started_without_events_is_paused, setup,
                                        teardown),
        cmocka_unit_test(test_stopping_what_never_started_does_nothing),
        cmocka_unit_test_setup_teardown(test_callback_may_free_its_own_watcher_and_a_pending_one,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer_fires_once_and_not_before_its_deadline, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_deadline_in_the_past_fires_in_the_next_turn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_later_deadline_is_only_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(test_earlier_deadline_wakes_earlier, setup, teardown),
        cmocka_unit_test_setup_teardown(test_never_stops_the_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer_may_be_set_again_in_its_callback, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_timer_may_free_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_callbacks_of_a_turn_see_one_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal_arrives_as_an_event, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prepare_comes_behind_the_other_callbacks_of_a_turn,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_prepare_comes_before_the_loop_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waker_wakes_a_running_loop_from_another_thread, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_stop_before_run_makes_it_return, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
