/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/log_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define MANY 3000
#define LONG_TEXT 1000 /* MANY of them are more than all queues and pipes hold */

void __wrap_syslog(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
void __wrap___syslog_chk(int priority, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* How long the writer's thread waits for more lines. */
static struct {
    enum { TIME_PASSES, TIME_STANDS, TIME_IS_UP_WHEN_TOLD } clock;
    sem_t waits; /* posted when it begins to wait; unless TIME_PASSES */
    sem_t is_up;
} gathering;

int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until);

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until)
{
    if (gathering.clock == TIME_PASSES) {
        return __real_pthread_cond_timedwait(cond, lock, until);
    }
    sem_post(&gathering.waits);
    if (gathering.clock == TIME_STANDS) {
        return pthread_cond_wait(cond, lock);
    }
    pthread_mutex_unlock(lock);
    sem_wait(&gathering.is_up);
    pthread_mutex_lock(lock);
    return ETIMEDOUT;
}

/* What the program said to syslog; only the writer's thread adds to it, and it is read after that
 * has ended. */
static struct {
    unsigned count;
    int priority[8];
    char text[8][64];
} said;

static void note_syslog(int priority, const char *format, va_list args)
{
    assert_true(said.count < 8);
    said.priority[said.count] = priority;
    vsnprintf(said.text[said.count], sizeof(said.text[0]), format, args);
    said.count++;
}

void __wrap_syslog(int priority, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    note_syslog(priority, format, args);
    va_end(args);
}

void __wrap___syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list args;

    (void)flag;
    va_start(args, format);
    note_syslog(priority, format, args);
    va_end(args);
}

struct fixture {
    int reader;
    int writer;
    char *text; /* all that was read, after read_all() */
    size_t len;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    int fd[2];

    assert_non_null(f);
    gathering.clock = TIME_PASSES;
    assert_int_equal(sem_init(&gathering.waits, 0, 0), 0);
    assert_int_equal(sem_init(&gathering.is_up, 0, 0), 0);
    assert_int_equal(pipe(fd), 0);
    f->reader = fd[0];
    f->writer = fd[1];
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (f->reader != -1) {
        close(f->reader);
    }
    if (f->writer != -1) {
        close(f->writer);
    }
    free(f->text);
    free(f);
    return 0;
}

/* Reads to the end; may run in a thread. */
static void *read_all(void *arg)
{
    struct fixture *f = arg;
    size_t cap = (size_t)MANY * (LONG_TEXT + 100);

    f->text = malloc(cap);
    assert_non_null(f->text);
    for (;;) {
        ssize_t n = read(f->reader, f->text + f->len, cap - f->len - 1);

        assert_true(n >= 0);
        if (n == 0) {
            break;
        }
        f->len += (size_t)n;
    }
    f->text[f->len] = '\0';
    return NULL;
}

static void finish(struct fixture *f, struct log_writer *w)
{
    log_writer_free(w);
    close(f->writer);
    f->writer = -1;
}

static void start(struct log_writer **ret, enum log_target target, int fd)
{
    assert_int_equal(log_writer_new(ret, target, fd), RES_OK);
    assert_int_equal(log_writer_start(*ret), RES_OK);
}

static void say_one_of_each(struct log_writer *w)
{
    log_writer_sink(w, LOG_LEVEL_ERROR, "first");
    log_writer_sink(w, LOG_LEVEL_WARNING, "second");
    log_writer_sink(w, LOG_LEVEL_INFO, "third");
    log_writer_sink(w, LOG_LEVEL_DEBUG, "fourth");
}

static void test_stderr_gets_plain_lines_in_order(void **state)
{
    struct fixture *f = *state;
    struct log_writer *w = NULL;

    start(&w, LOG_TARGET_STDERR, f->writer);
    say_one_of_each(w);
    finish(f, w);
    read_all(f);
    assert_string_equal(f->text, "first\nsecond\nthird\nfourth\n");
}

static void test_journal_gets_level_prefixes(void **state)
{
    struct fixture *f = *state;
    struct log_writer *w = NULL;

    start(&w, LOG_TARGET_JOURNAL, f->writer);
    say_one_of_each(w);
    finish(f, w);
    read_all(f);
    assert_string_equal(f->text, "<3>first\n<4>second\n<6>third\n<7>fourth\n");
}

static size_t count_threads(void)
{
    DIR *d = opendir("/proc/self/task");
    size_t count = 0;

    assert_non_null(d);
    while (readdir(d) != NULL) {
        count++;
    }
    closedir(d);
    return count - 2; /* "." and ".." */
}

static void test_before_its_start_lines_are_written_at_once_without_a_thread(void **state)
{
    struct fixture *f = *state;
    size_t before = count_threads(); /* a sanitizer may have one of its own */
    struct log_writer *w = NULL;
    char buf[64] = {0};

    assert_int_equal(log_writer_new(&w, LOG_TARGET_JOURNAL, f->writer), RES_OK);
    log_writer_sink(w, LOG_LEVEL_INFO, "early");
    assert_int_equal(read(f->reader, buf, sizeof(buf) - 1), strlen("<6>early\n"));
    assert_string_equal(buf, "<6>early\n");
    assert_int_equal(count_threads(), before);
    assert_int_equal(log_writer_start(w), RES_OK);
    log_writer_sink(w, LOG_LEVEL_INFO, "late");
    finish(f, w);
    read_all(f);
    assert_string_equal(f->text, "<6>late\n");
}

static void test_syslog_gets_lines_as_a_daemons(void **state)
{
    static const int priority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    static const char *const text[] = {"first", "second", "third", "100%s"};
    struct log_writer *w = NULL;

    (void)state;
    said.count = 0;
    start(&w, LOG_TARGET_SYSLOG, -1);
    log_writer_sink(w, LOG_LEVEL_ERROR, text[0]);
    log_writer_sink(w, LOG_LEVEL_WARNING, text[1]);
    log_writer_sink(w, LOG_LEVEL_INFO, text[2]);
    log_writer_sink(w, LOG_LEVEL_DEBUG, text[3]); /* no format, whatever it looks like */
    log_writer_free(w);
    assert_int_equal(said.count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(said.priority[i], LOG_DAEMON | priority[i]);
        assert_string_equal(said.text[i], text[i]);
    }
}

static void assert_next_read(const struct fixture *f, const char *text)
{
    char buf[64] = {0};

    assert_int_equal(read(f->reader, buf, sizeof(buf) - 1), strlen(text));
    assert_string_equal(buf, text);
}

static void test_lines_of_a_moment_are_written_together(void **state)
{
    struct fixture *f = *state;
    struct pollfd p = {.fd = f->reader, .events = POLLIN};
    struct log_writer *w = NULL;

    gathering.clock = TIME_IS_UP_WHEN_TOLD;
    start(&w, LOG_TARGET_STDERR, f->writer);
    log_writer_sink(w, LOG_LEVEL_INFO, "first");
    assert_int_equal(sem_wait(&gathering.waits), 0);
    log_writer_sink(w, LOG_LEVEL_INFO, "second");
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_int_equal(sem_post(&gathering.is_up), 0);
    assert_next_read(f, "first\nsecond\n");
    log_writer_free(w);
}

static void test_warning_is_written_at_once_behind_what_waits(void **state)
{
    struct fixture *f = *state;
    struct log_writer *w = NULL;

    gathering.clock = TIME_STANDS;
    start(&w, LOG_TARGET_STDERR, f->writer);
    log_writer_sink(w, LOG_LEVEL_INFO, "first");
    assert_int_equal(sem_wait(&gathering.waits), 0);
    log_writer_sink(w, LOG_LEVEL_WARNING, "second");
    assert_next_read(f, "first\nsecond\n");
    log_writer_sink(w, LOG_LEVEL_WARNING, "third"); /* nobody waits: the same */
    assert_next_read(f, "third\n");
    log_writer_free(w);
}

static void test_many_lines_are_written_before_the_time_is_up(void **state)
{
    struct fixture *f = *state;
    struct log_writer *w = NULL;
    char byte;

    gathering.clock = TIME_STANDS;
    start(&w, LOG_TARGET_STDERR, f->writer);
    for (int i = 0; i < MANY; i++) {
        log_writer_sink(w, LOG_LEVEL_INFO,
                        "a line, and so many of it that they cannot wait for more");
    }
    assert_int_equal(read(f->reader, &byte, 1), 1);
    close(f->reader);
    f->reader = -1;
    log_writer_free(w);
}

static void test_line_over_the_limit_is_cut(void **state)
{
    struct fixture *f = *state;
    struct log_writer *w = NULL;
    char line[LOG_LINE_BYTES + 100];

    memset(line, 'a', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    start(&w, LOG_TARGET_STDERR, f->writer);
    log_writer_sink(w, LOG_LEVEL_INFO, line);
    log_writer_sink(w, LOG_LEVEL_INFO, "next");
    finish(f, w);
    read_all(f);
    assert_int_equal(f->len, LOG_LINE_BYTES + strlen("\nnext\n"));
    assert_string_equal(f->text + LOG_LINE_BYTES, "\nnext\n");
}

static void test_sink_keeps_errno(void **state)
{
    struct fixture *f = *state;
    struct log_writer *w = NULL;

    start(&w, LOG_TARGET_STDERR, f->writer);
    errno = EXDEV;
    log_writer_sink(w, LOG_LEVEL_INFO, "line");
    assert_int_equal(errno, EXDEV);
    log_writer_free(w);
}

static void say_many(struct log_writer *w)
{
    char line[LONG_TEXT + 1];

    for (int i = 0; i < MANY; i++) {
        int len = snprintf(line, sizeof(line), "%d ", i);

        memset(line + len, 'b', sizeof(line) - 1 - (size_t)len);
        line[sizeof(line) - 1] = '\0';
        log_writer_sink(w, LOG_LEVEL_INFO, line);
    }
}

/* Every line whole and later than the one before; says how many, and how many were reported as
 * dropped. */
static void count_lines(const struct fixture *f, unsigned long *ret_lines,
                        unsigned long *ret_dropped)
{
    const char *at = f->text;
    long last = -1;

    *ret_lines = 0;
    *ret_dropped = 0;
    while (*at != '\0') {
        const char *end = strchr(at, '\n');
        unsigned long dropped = 0;

        assert_non_null(end);
        if (sscanf(at, "log: %lu lines dropped", &dropped) == 1) {
            *ret_dropped += dropped;
        } else {
            long number = strtol(at, NULL, 10);

            assert_int_equal(end - at, LONG_TEXT);
            assert_true(number > last);
            last = number;
            (*ret_lines)++;
        }
        at = end + 1;
    }
}

static void test_stalled_reader_never_blocks_and_losses_are_counted(void **state)
{
    struct fixture *f = *state;
    struct log_writer *w = NULL;
    pthread_t thread;
    unsigned long lines;
    unsigned long dropped;

    start(&w, LOG_TARGET_STDERR, f->writer);
    say_many(w); /* nobody reads: this would hang if it blocked */
    assert_int_equal(pthread_create(&thread, NULL, read_all, f), 0);
    finish(f, w);
    assert_int_equal(pthread_join(thread, NULL), 0);
    count_lines(f, &lines, &dropped);
    assert_true(dropped > 0);
    assert_int_equal(lines + dropped, MANY);
}

static void test_descriptor_that_is_nonblocking_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct log_writer *w = NULL;
    pthread_t thread;
    unsigned long lines;
    unsigned long dropped;

    assert_int_equal(fcntl(f->writer, F_SETFL, O_NONBLOCK), 0);
    start(&w, LOG_TARGET_STDERR, f->writer);
    say_many(w);
    assert_int_equal(pthread_create(&thread, NULL, read_all, f), 0);
    finish(f, w);
    assert_int_equal(pthread_join(thread, NULL), 0);
    count_lines(f, &lines, &dropped);
    assert_int_equal(lines + dropped, MANY);
    assert_true(lines > 64); /* a pipe holds no more */
}

static void test_free_gives_a_stalled_reader_one_second(void **state)
{
    struct fixture *f = *state;
    struct log_writer *w = NULL;
    struct timespec before;
    struct timespec after;

    start(&w, LOG_TARGET_STDERR, f->writer);
    say_many(w);
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &before), 0);
    log_writer_free(w);
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &after), 0);
    assert_in_range((after.tv_sec - before.tv_sec) * 1000 +
                        (after.tv_nsec - before.tv_nsec) / 1000000,
                    999, 10000);
}

static void test_reader_that_went_away_does_no_harm(void **state)
{
    struct fixture *f = *state;
    struct log_writer *w = NULL;

    close(f->reader);
    f->reader = -1;
    start(&w, LOG_TARGET_STDERR, f->writer);
    say_many(w); /* SIGPIPE would end the test */
    finish(f, w);
    log_writer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stderr_gets_plain_lines_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_journal_gets_level_prefixes, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_before_its_start_lines_are_written_at_once_without_a_thread, setup, teardown),
        cmocka_unit_test(test_syslog_gets_lines_as_a_daemons),
        cmocka_unit_test_setup_teardown(test_lines_of_a_moment_are_written_together, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_warning_is_written_at_once_behind_what_waits, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_many_lines_are_written_before_the_time_is_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_line_over_the_limit_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sink_keeps_errno, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stalled_reader_never_blocks_and_losses_are_counted,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_descriptor_that_is_nonblocking_loses_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_free_gives_a_stalled_reader_one_second, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reader_that_went_away_does_no_harm, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
