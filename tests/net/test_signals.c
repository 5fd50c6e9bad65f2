/* SPDX-License-Identifier: BSD-2-Clause */
/* What signals do to a running wherryd: drain, end at once, reload. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/server_process.h"

#define WAIT_MS 20000
#define BLKSIZE 512u
#define PATH_BYTES 128

static const uint8_t read_request[] = "\0\1boot.img\0octet";
static const uint8_t write_request[] = "\0\2new.img\0octet";

struct fixture {
    struct server_process server;
    char dir[PATH_BYTES];        /* outside the root, */
    char config[2 * PATH_BYTES]; /* the file in it, */
    char mask[2 * PATH_BYTES];   /* and one of conf.d, which most tests do without */
    int fd;                      /* a client's socket */
};

static void write_config(const struct fixture *f, const char *text)
{
    FILE *file = fopen(f->config, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->dir, "/tmp/wherry-signals-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(chmod(f->dir, 0755), 0); /* also for who wherryd becomes */
    snprintf(f->config, sizeof(f->config), "%s/wherryd.conf", f->dir);
    snprintf(f->mask, sizeof(f->mask), "%s/conf.d/mask.conf", f->dir);
    f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(f->fd >= 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    server_process_stop(&f->server);
    close(f->fd);
    unlink(f->config);
    if (unlink(f->mask) == 0) {
        *strrchr(f->mask, '/') = '\0';
        assert_int_equal(rmdir(f->mask), 0);
    }
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static void start(struct fixture *f, const char *config)
{
    const char *const words[] = {"--config", f->config, NULL};

    write_config(f, config);
    server_process_start(&f->server, words);
    server_process_file(&f->server, "boot.img", BLKSIZE + 100);
}

/* The next datagram, from whom. */
static size_t take(const struct fixture *f, uint8_t *buf, size_t cap, struct sockaddr_in *from)
{
    struct pollfd p = {.fd = f->fd, .events = POLLIN};
    socklen_t len = sizeof(*from);
    ssize_t n;

    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    n = recvfrom(f->fd, buf, cap, 0, (struct sockaddr *)from, &len);
    assert_true(n >= 0);
    return (size_t)n;
}

static void ask(const struct fixture *f, const void *request, size_t len)
{
    assert_int_equal(sendto(f->fd, request, len, 0, (const struct sockaddr *)&f->server.addr,
                            sizeof(f->server.addr)),
                     (ssize_t)len);
}

static void give_ack(const struct fixture *f, uint8_t block, const struct sockaddr_in *to)
{
    const uint8_t ack[] = {0, 4, 0, block};

    assert_int_equal(sendto(f->fd, ack, sizeof(ack), 0, (const struct sockaddr *)to, sizeof(*to)),
                     (ssize_t)sizeof(ack));
}

/* Waits for DATA with this number; repeats of earlier ones are passed over. */
static void expect_data(const struct fixture *f, uint8_t block, size_t bytes,
                        struct sockaddr_in *from)
{
    uint8_t buf[1024];
    size_t len;

    do {
        len = take(f, buf, sizeof(buf), from);
        assert_true(len >= 4);
        assert_int_equal(buf[1], 3);
    } while (buf[3] != block);
    assert_int_equal(len, 4 + bytes);
}

/* A read that has come to its second block, not yet acknowledged. */
static void begin_read(struct fixture *f, struct sockaddr_in *tid)
{
    ask(f, read_request, sizeof(read_request));
    expect_data(f, 1, BLKSIZE, tid);
    give_ack(f, 1, tid);
    expect_data(f, 2, 100, tid);
}

static void expect_error(const struct fixture *f, uint8_t code, const char *text)
{
    uint8_t buf[1024];
    struct sockaddr_in from;
    size_t len;

    do {
        len = take(f, buf, sizeof(buf) - 1, &from);
        assert_true(len >= 4);
    } while (buf[1] == 3); /* DATA that was on its way */
    assert_int_equal(buf[1], 5);
    assert_int_equal(buf[3], code);
    buf[len] = '\0';
    assert_string_equal((const char *)buf + 4, text);
}

static void send_signal(const struct fixture *f, int signum)
{
    assert_int_equal(kill(f->server.pid, signum), 0);
}

static void test_sigterm_lets_a_running_transfer_finish_and_takes_no_new_one(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in tid;
    int other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct pollfd p = {.fd = other, .events = POLLIN};

    assert_true(other >= 0);
    start(f, "drain-timeout = 20s\n");
    begin_read(f, &tid);
    send_signal(f, SIGTERM);
    server_process_expect_line(&f->server, "SIGTERM: ending within 20s, transfers running: 1",
                               WAIT_MS);
    assert_int_equal(sendto(other, read_request, sizeof(read_request), 0,
                            (const struct sockaddr *)&f->server.addr, sizeof(f->server.addr)),
                     (ssize_t)sizeof(read_request));
    give_ack(f, 2, &tid);
    server_process_expect_line(&f->server, "done op=read", WAIT_MS);
    server_process_expect_line(&f->server, "ended", WAIT_MS);
    assert_int_equal(poll(&p, 1, 0), 0); /* all that it sent is here by now */
    close(other);
}

static void test_transfer_that_outlasts_drain_timeout_is_told_and_ended(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in tid;

    start(f, "drain-timeout = 100ms\n");
    begin_read(f, &tid);
    send_signal(f, SIGTERM);
    expect_error(f, 0, "server is shutting down");
    server_process_expect_line(&f->server, "failed op=read", WAIT_MS);
    server_process_expect_line(&f->server, "ended", WAIT_MS);
}

static void test_second_signal_ends_at_once(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in tid;

    start(f, "drain-timeout = 1h\n");
    begin_read(f, &tid);
    send_signal(f, SIGINT);
    server_process_expect_line(&f->server, "SIGINT: ending", WAIT_MS);
    send_signal(f, SIGTERM);
    server_process_expect_line(&f->server, "second signal, transfers ended unfinished: 1", WAIT_MS);
    expect_error(f, 0, "server is shutting down");
    server_process_expect_line(&f->server, "ended", WAIT_MS);
}

static void test_sighup_makes_the_new_policy_hold(void **state)
{
    struct fixture *f = *state;
    uint8_t buf[64];
    struct sockaddr_in from;

    start(f, "write = create\n");
    write_config(f, "write = none\n");
    send_signal(f, SIGHUP);
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
    ask(f, write_request, sizeof(write_request));
    assert_true(take(f, buf, sizeof(buf), &from) >= 4);
    assert_memory_equal(buf, "\0\5\0\2", 4); /* ERROR 2: not allowed */
    write_config(f, "write = create\n");
    send_signal(f, SIGHUP);
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
    ask(f, write_request, sizeof(write_request));
    assert_int_equal(take(f, buf, sizeof(buf), &from), 4);
    assert_memory_equal(buf, "\0\4\0\0", 4); /* ACK 0: go on */
    assert_int_equal(sendto(f->fd, "\0\5\0\0", 5, 0, (const struct sockaddr *)&from, sizeof(from)),
                     5);
    server_process_expect_line(&f->server, "aborted op=write", WAIT_MS);
}

static void test_bad_file_at_sighup_keeps_the_old_settings(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in tid;

    start(f, "patience = 30s\n");
    write_config(f, "patience = 30s\nwrite = everything\n");
    send_signal(f, SIGHUP);
    assert_non_null(strstr(server_process_expect_line(&f->server, "not reloaded", WAIT_MS),
                           ":2: write: \"everything\" is not one of none, create, replace"));
    begin_read(f, &tid);
    give_ack(f, 2, &tid);
    server_process_expect_line(&f->server, "done op=read", WAIT_MS);
}

static void test_changes_that_need_a_new_start_are_told(void **state)
{
    struct fixture *f = *state;

    start(f, "");
    write_config(f, "log = syslog\n");
    send_signal(f, SIGHUP);
    server_process_expect_line(&f->server,
                               "log changed: takes effect when wherryd is started again", WAIT_MS);
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
    /* Said again for as long as it holds ... */
    send_signal(f, SIGHUP);
    server_process_expect_line(&f->server,
                               "log changed: takes effect when wherryd is started again", WAIT_MS);
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
    /* ... and not when the file says again what is in force. */
    write_config(f, "log = stderr\n");
    send_signal(f, SIGHUP);
    assert_non_null(strstr(server_process_expect_line(&f->server, "server: ", WAIT_MS),
                           "configuration reloaded"));
}

/* What a pipe said is gone: nothing would be read as no rules at all. */
static void test_sighup_reads_no_pipe_again(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    char path[PATH_BYTES];
    const char *const words[] = {"--config", path, "--sandbox", "off", NULL};
    static const char text[] = "rule { allow = {} }\n";

    assert_int_equal(pipe(ends), 0); /* inherited by the server */
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    assert_int_equal(write(ends[1], text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
    close(ends[1]);
    server_process_start(&f->server, words);
    close(ends[0]);
    ask(f, read_request, sizeof(read_request));
    expect_error(f, 2, "access denied");
    send_signal(f, SIGHUP);
    assert_non_null(strstr(server_process_expect_line(&f->server, "not reloaded", WAIT_MS),
                           "can be read only once"));
    ask(f, read_request, sizeof(read_request));
    expect_error(f, 2, "access denied");
}

/* The sandbox lets nobody open /dev/null any more. */
static void test_sighup_reads_files_again_beside_a_masked_one(void **state)
{
    struct fixture *f = *state;

    snprintf(f->mask, sizeof(f->mask), "%s/conf.d", f->dir);
    assert_int_equal(mkdir(f->mask, 0755), 0);
    strcat(f->mask, "/mask.conf");
    assert_int_equal(symlink("/dev/null", f->mask), 0);
    start(f, "write = none\n");
    send_signal(f, SIGHUP);
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
}

static void test_leftovers_are_removed_once_uploads_become_allowed(void **state)
{
    struct fixture *f = *state;

    start(f, "write = create\n");
    write_config(f, "write = none\n");
    send_signal(f, SIGHUP);
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
    server_process_file(&f->server, ".wherry-aaaaaaaa", 1000);
    write_config(f, "write = create\n");
    send_signal(f, SIGHUP);
    server_process_expect_line(&f->server, "removed 1 left-over temporary files", WAIT_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sigterm_lets_a_running_transfer_finish_and_takes_no_new_one),
        TEST(test_transfer_that_outlasts_drain_timeout_is_told_and_ended),
        TEST(test_second_signal_ends_at_once),
        TEST(test_sighup_makes_the_new_policy_hold),
        TEST(test_bad_file_at_sighup_keeps_the_old_settings),
        TEST(test_changes_that_need_a_new_start_are_told),
        TEST(test_sighup_reads_no_pipe_again),
        TEST(test_sighup_reads_files_again_beside_a_masked_one),
        TEST(test_leftovers_are_removed_once_uploads_become_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
