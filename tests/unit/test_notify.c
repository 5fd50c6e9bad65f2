/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/notify.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/log_lines.h"
#include "support/scratch.h"

static struct log_lines lines;
static struct log logged;

static int setup(void **state)
{
    logged = log_lines_log(&lines);
    return scratch_setup(state);
}

static int teardown(void **state)
{
    log_lines_clear(&lines);
    return scratch_teardown(state);
}

/* A manager's socket under this name ('@' first: abstract). */
static int manager(const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_return_code(fd, errno);
    assert_true(strlen(name) < sizeof(a.sun_path));
    memcpy(a.sun_path, name, strlen(name));
    if (name[0] == '@') {
        a.sun_path[0] = '\0';
    }
    assert_return_code(bind(fd, (const struct sockaddr *)&a,
                            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                       errno);
    return fd;
}

static void expect_told(int fd, const char *text)
{
    char buf[256];
    ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

    assert_return_code(n, errno);
    buf[n] = '\0';
    assert_string_equal(buf, text);
}

static void set(const char *name, const char *value)
{
    if (value == NULL) {
        assert_return_code(unsetenv(name), errno);
    } else {
        assert_return_code(setenv(name, value, 1), errno);
    }
}

static void open_with(struct notify *ret, const char *name, const char *usec, const char *pid)
{
    set("NOTIFY_SOCKET", name);
    set("WATCHDOG_USEC", usec);
    set("WATCHDOG_PID", pid);
    notify_open(ret, &logged);
}

static void in_scratch(char *buf, size_t cap, const char *name)
{
    char *dir = getcwd(NULL, 0);

    assert_non_null(dir);
    assert_true((size_t)snprintf(buf, cap, "%s/%s", dir, name) < cap);
    free(dir);
}

static void test_words_come_to_a_path(void **state)
{
    struct notify n;
    char path[100];
    int fd;

    (void)state;
    in_scratch(path, sizeof(path), "manager");
    fd = manager(path);
    open_with(&n, path, NULL, NULL);
    assert_true(notify_tell(&n, "READY=%d", 1));
    expect_told(fd, "READY=1");
    assert_int_equal(n.watchdog_ns, 0);
    notify_close(&n);
    close(fd);
}

static void test_words_come_to_an_abstract_name(void **state)
{
    struct notify n;
    char name[64];
    int fd;

    (void)state;
    snprintf(name, sizeof(name), "@wherry-test-notify-%d", (int)getpid());
    fd = manager(name);
    open_with(&n, name, NULL, NULL);
    assert_true(notify_tell(&n, "STOPPING=1\nSTATUS=%s", "ending"));
    expect_told(fd, "STOPPING=1\nSTATUS=ending");
    notify_close(&n);
    close(fd);
}

/* Nothing that this program starts takes itself for the service. */
static void test_variables_are_taken_out_of_the_environment(void **state)
{
    struct notify n;

    (void)state;
    open_with(&n, "/nowhere", "1000000", "1");
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    notify_close(&n);
}

static void test_without_a_manager_nothing_is_told_and_nothing_logged(void **state)
{
    static const char *const none[] = {NULL, ""};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct notify n;

        open_with(&n, none[i], "1000000", NULL);
        assert_false(notify_tell(&n, "READY=1"));
        assert_int_equal(n.fd, -1);
        assert_int_equal(n.watchdog_ns, 0); /* whom could it be told? */
        notify_close(&n);
    }
    assert_int_equal(lines.count, 0);
}

static void test_manager_that_cannot_be_reached_is_logged_once_at_debug(void **state)
{
    char long_name[200];
    const char *const names[] = {"/nowhere/at/all", "vsock:2:1", long_name};

    (void)state;
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[0] = '/';
    long_name[sizeof(long_name) - 1] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct notify n;

        log_lines_clear(&lines);
        logged.level = LOG_LEVEL_INFO;
        open_with(&n, names[i], NULL, NULL);
        assert_int_equal(lines.count, 0); /* the log may not be there yet */
        assert_false(notify_tell(&n, "READY=1"));
        assert_int_equal(lines.count, 0);
        notify_close(&n);
        logged.level = LOG_LEVEL_DEBUG;
        open_with(&n, names[i], NULL, NULL);
        assert_false(notify_tell(&n, "READY=1"));
        assert_false(notify_tell(&n, "WATCHDOG=1"));
        assert_int_equal(lines.count, 1);
        assert_non_null(
            log_lines_find(&lines, "server: the service manager cannot be told: ", NULL));
        notify_close(&n);
    }
}

static void test_manager_that_does_not_read_holds_nobody_up(void **state)
{
    struct notify n;
    char path[100];
    unsigned told = 0;
    int fd;

    (void)state;
    in_scratch(path, sizeof(path), "manager");
    fd = manager(path);
    open_with(&n, path, NULL, NULL);
    while (notify_tell(&n, "STATUS=%u", told)) { /* until its queue is full: net.unix's limits */
        told++;
        assert_true(told < 1000000);
    }
    assert_true(told > 0);
    assert_int_equal(lines.count, 1);
    expect_told(fd, "STATUS=0");
    assert_true(notify_tell(&n, "READY=1"));
    notify_close(&n);
    close(fd);
}

static void test_watchdog_is_ours_unless_another_process_is_named(void **state)
{
    static const struct {
        const char *usec;
        const char *pid; /* "": ours */
        uint64_t ns;
    } rows[] = {
        {"30000000", "", 30000000000},
        {"30000000", NULL, 30000000000},
        {"30000000", "1", 0},
        {"30000000", "self", 0},
        {"0", "", 0},
        {"soon", "", 0},
        {"18446744073709551615", "", 0}, /* "infinity": that many nanoseconds there are not */
        {NULL, "", 0},
    };
    char ours[16];
    char path[100];
    int fd;

    (void)state;
    in_scratch(path, sizeof(path), "manager");
    fd = manager(path);
    snprintf(ours, sizeof(ours), "%d", (int)getpid());
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct notify n;
        bool is_ours = rows[i].pid != NULL && rows[i].pid[0] == '\0';

        open_with(&n, path, rows[i].usec, is_ours ? ours : rows[i].pid);
        assert_int_equal(n.watchdog_ns, rows[i].ns);
        notify_close(&n);
    }
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_words_come_to_a_path),
        TEST(test_words_come_to_an_abstract_name),
        TEST(test_variables_are_taken_out_of_the_environment),
        TEST(test_without_a_manager_nothing_is_told_and_nothing_logged),
        TEST(test_manager_that_cannot_be_reached_is_logged_once_at_debug),
        TEST(test_manager_that_does_not_read_holds_nobody_up),
        TEST(test_watchdog_is_ours_unless_another_process_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
