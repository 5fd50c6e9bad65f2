/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define THREADS 3u

/* What jobs do and saw. A gate holds all work() back until the test opens it. */
struct fixture {
    struct loop *loop;
    struct pool *pool;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    unsigned inside;  /* jobs in work() now */
    unsigned highest; /* most of them at once */
    unsigned worked;
    unsigned done;
    unsigned forgotten; /* done() without owner */
    bool signals_blocked;
    bool in_loop_thread;
    bool worked_in_loop_thread;
    pthread_t loop_thread;
};

struct job {
    struct pool_job base;
    struct fixture *f;
    int value;
    struct job *chain; /* submitted by done() */
};

static void work(struct pool_job *base)
{
    struct job *job = (struct job *)base;
    struct fixture *f = job->f;
    sigset_t mask;

    pthread_mutex_lock(&f->lock);
    f->inside++;
    f->highest = f->inside > f->highest ? f->inside : f->highest;
    pthread_cond_broadcast(&f->changed);
    while (!f->open) {
        pthread_cond_wait(&f->changed, &f->lock);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    f->signals_blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGHUP) == 1;
    job->value *= 2;
    f->worked_in_loop_thread = pthread_equal(pthread_self(), f->loop_thread) != 0;
    f->inside--;
    f->worked++;
    pthread_mutex_unlock(&f->lock);
}

static void done(struct pool_job *base, void *owner)
{
    struct job *job = (struct job *)base;
    struct fixture *f = job->f;

    f->done++;
    f->in_loop_thread = pthread_equal(pthread_self(), f->loop_thread) != 0;
    if (owner == NULL) {
        f->forgotten++;
    } else {
        *(int *)owner = job->value;
    }
    if (job->chain != NULL) {
        pool_submit(f->pool, &job->chain->base);
    }
    free(job);
}

static struct job *make_job(struct fixture *f, int value, int *owner)
{
    struct job *job = calloc(1, sizeof(*job));

    assert_non_null(job);
    job->base.work = work;
    job->base.done = done;
    job->base.owner = owner;
    job->f = f;
    job->value = value;
    return job;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->loop_thread = pthread_self();
    assert_int_equal(loop_new(&f->loop), RES_OK);
    assert_int_equal(pool_new(&f->pool, f->loop, THREADS), RES_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    pool_free(f->pool);
    loop_free(f->loop);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

static void open_gate(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    f->open = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void wait_until_inside(struct fixture *f, unsigned count)
{
    pthread_mutex_lock(&f->lock);
    while (f->inside < count) {
        pthread_cond_wait(&f->changed, &f->lock);
    }
    pthread_mutex_unlock(&f->lock);
}

static void turn_until_idle(struct fixture *f)
{
    while (!pool_idle(f->pool)) {
        loop_turn(f->loop, true);
    }
}

static void test_answer_comes_in_the_loops_thread(void **state)
{
    struct fixture *f = *state;
    int answer = 0;

    assert_true(pool_idle(f->pool));
    open_gate(f);
    pool_submit(f->pool, &make_job(f, 21, &answer)->base);
    assert_false(pool_idle(f->pool));
    turn_until_idle(f);
    assert_int_equal(answer, 42);
    assert_true(f->in_loop_thread);
}

static void test_signals_are_blocked_in_the_threads(void **state)
{
    struct fixture *f = *state;
    sigset_t mask;
    int answer = 0;

    open_gate(f);
    pool_submit(f->pool, &make_job(f, 1, &answer)->base);
    turn_until_idle(f);
    assert_true(f->signals_blocked);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGTERM), 0); /* and not in ours */
}

static void test_jobs_run_at_the_same_time_up_to_the_limit(void **state)
{
    struct fixture *f = *state;
    int answers[10] = {0};

    for (int i = 0; i < 10; i++) {
        pool_submit(f->pool, &make_job(f, i, &answers[i])->base);
    }
    wait_until_inside(f, THREADS);
    open_gate(f);
    turn_until_idle(f);
    assert_int_equal(f->highest, THREADS);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(answers[i], 2 * i);
    }
}

static void test_pool_of_one_thread_works_through_its_queue(void **state)
{
    struct fixture *f = *state;
    int answers[100] = {0};

    pool_free(f->pool);
    assert_int_equal(pool_new(&f->pool, f->loop, 1), RES_OK);
    open_gate(f);
    for (int i = 0; i < 100; i++) {
        pool_submit(f->pool, &make_job(f, i, &answers[i])->base);
    }
    turn_until_idle(f);
    assert_int_equal(f->highest, 1);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(answers[i], 2 * i);
    }
}

static void test_pool_without_threads_works_in_the_loops_next_turn(void **state)
{
    struct fixture *f = *state;
    int first = 0;
    int second = 0;
    struct job *job = make_job(f, 1, &first);

    pool_free(f->pool);
    assert_int_equal(pool_new(&f->pool, f->loop, 0), RES_OK);
    open_gate(f);
    job->chain = make_job(f, 2, &second);
    pool_submit(f->pool, &job->base);
    assert_int_equal(f->worked, 0); /* never from inside the call */
    loop_turn(f->loop, true);
    assert_int_equal(first, 2);
    assert_int_equal(second, 0);
    assert_true(f->worked_in_loop_thread);
    turn_until_idle(f);
    assert_int_equal(second, 4);
}

static void test_free_of_a_pool_without_threads_is_done_with_what_waits(void **state)
{
    struct fixture *f = *state;
    int answer = 0;

    pool_free(f->pool);
    assert_int_equal(pool_new(&f->pool, f->loop, 0), RES_OK);
    pool_submit(f->pool, &make_job(f, 1, &answer)->base);
    pool_free(f->pool);
    f->pool = NULL;
    assert_int_equal(f->worked, 0);
    assert_int_equal(f->forgotten, 1);
}

static void test_forgotten_job_still_runs_and_is_done_without_owner(void **state)
{
    struct fixture *f = *state;
    int answer = 7;
    struct job *job = make_job(f, 1, &answer);

    pool_submit(f->pool, &job->base);
    wait_until_inside(f, 1);
    pool_forget(&job->base);
    open_gate(f);
    turn_until_idle(f);
    assert_int_equal(f->worked, 1);
    assert_int_equal(f->forgotten, 1);
    assert_int_equal(answer, 7);
}

static void test_done_may_submit_the_next_job(void **state)
{
    struct fixture *f = *state;
    int first = 0;
    int second = 0;
    struct job *job = make_job(f, 1, &first);

    job->chain = make_job(f, 2, &second);
    open_gate(f);
    pool_submit(f->pool, &job->base);
    turn_until_idle(f);
    assert_int_equal(first, 2);
    assert_int_equal(second, 4);
}

static void *open_gate_later(void *arg)
{
    struct fixture *f = arg;

    open_gate(f);
    return NULL;
}

static void test_free_waits_for_running_work_and_is_done_with_the_rest(void **state)
{
    struct fixture *f = *state;
    int answers[THREADS + 5] = {0};
    pthread_t thread;

    for (unsigned i = 0; i < THREADS + 5; i++) {
        pool_submit(f->pool, &make_job(f, 1, &answers[i])->base);
    }
    wait_until_inside(f, THREADS);
    assert_int_equal(pthread_create(&thread, NULL, open_gate_later, f), 0);
    pool_free(f->pool);
    f->pool = NULL;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(f->worked >= THREADS);
    assert_int_equal(f->done, THREADS + 5);
    assert_int_equal(f->forgotten, THREADS + 5);
    assert_int_equal(answers[0], 0);
}

static void test_answers_that_nobody_fetched_are_done_without_owner(void **state)
{
    struct fixture *f = *state;
    int answer = 0;

    open_gate(f);
    pool_submit(f->pool, &make_job(f, 1, &answer)->base);
    pool_free(f->pool);
    f->pool = NULL;
    assert_int_equal(f->done, 1);
    assert_int_equal(f->forgotten, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answer_comes_in_the_loops_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signals_are_blocked_in_the_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_jobs_run_at_the_same_time_up_to_the_limit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_pool_of_one_thread_works_through_its_queue, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_pool_without_threads_works_in_the_loops_next_turn,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_of_a_pool_without_threads_is_done_with_what_waits,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_forgotten_job_still_runs_and_is_done_without_owner,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_done_may_submit_the_next_job, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_waits_for_running_work_and_is_done_with_the_rest,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers_that_nobody_fetched_are_done_without_owner,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
