/* SPDX-License-Identifier: BSD-2-Clause */
/* A running wherryd with several workers: what clients see, and that commands reach them all. */
#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/server_process.h"
#include "support/pattern.h"

#define WAIT_MS 20000
#define PATH_BYTES 128
#define BLKSIZE 512u
#define FILE_BYTES (20 * BLKSIZE + 100)
#define WORKERS 4
#define WORKERS_TEXT "4"
#define CLIENTS_MAX 200
/* Enough that each worker gets some: with four, the chance that one gets none is below 1e-7. */
#define SOME_CLIENTS 64

struct client {
    int fd;
    struct sockaddr_in tid; /* where the last packet came from */
    uint8_t packet[4 + BLKSIZE + 1];
    size_t len;
    size_t have; /* bytes of the file */
    bool over;
};

struct fixture {
    struct server_process server;
    bool stopped;
    char config[PATH_BYTES];
    struct client clients[CLIENTS_MAX];
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
    int fd;

    assert_non_null(f);
    strcpy(f->config, "/tmp/wherry-workers-XXXXXX");
    fd = mkstemp(f->config);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        f->clients[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(f->clients[i].fd >= 0);
    }
    *state = f;
    return 0;
}

/* For tests of keys that WHERRYD_OPTIONS may set too, and would win. The last ones of all. */
static int setup_alone(void **state)
{
    unsetenv("WHERRYD_OPTIONS");
    return setup(state);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    server_process_stop(&f->server);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        close(f->clients[i].fd);
    }
    unlink(f->config);
    free(f);
    return 0;
}

static void start(struct fixture *f, const char *workers, const char *config)
{
    const char *const words[] = {"--workers", workers, "--config", f->config, NULL};

    write_config(f, config);
    server_process_start(&f->server, words);
    server_process_file(&f->server, "file", FILE_BYTES);
}

static void send_to(const struct client *c, const struct sockaddr_in *to, const void *bytes,
                    size_t len)
{
    assert_int_equal(sendto(c->fd, bytes, len, 0, (const struct sockaddr *)to, sizeof(*to)),
                     (ssize_t)len);
}

/* opcode 1: read, 2: write. */
static void ask(const struct fixture *f, const struct client *c, char opcode, const char *name)
{
    char request[64] = {0, opcode};
    size_t len = 2;

    len += (size_t)snprintf(request + len, sizeof(request) - len, "%s", name) + 1;
    len += (size_t)snprintf(request + len, sizeof(request) - len, "octet") + 1;
    send_to(c, &f->server.addr, request, len);
}

static void take(struct client *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    socklen_t len = sizeof(c->tid);
    ssize_t n;

    /* A request is of another test that runs beside this one, for a server that had our port. */
    do {
        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        n = recvfrom(c->fd, c->packet, sizeof(c->packet), 0, (struct sockaddr *)&c->tid, &len);
        assert_true(n >= 4);
    } while (c->packet[1] == 1 || c->packet[1] == 2);
    c->len = (size_t)n;
}

static void give_ack(const struct client *c, unsigned block)
{
    const uint8_t ack[] = {0, 4, (uint8_t)(block >> 8), (uint8_t)block};

    send_to(c, &c->tid, ack, sizeof(ack));
}

/* DATA that came: checks a new block, acknowledges also a repeated one. */
static void take_data(struct client *c)
{
    unsigned block;

    take(c);
    assert_int_equal(c->packet[1], 3);
    block = (unsigned)c->packet[2] << 8 | c->packet[3];
    if (block == c->have / BLKSIZE + 1) {
        for (size_t i = 4; i < c->len; i++) {
            assert_int_equal(c->packet[i], pattern_at(c->have++));
        }
        c->over = c->len < 4 + BLKSIZE;
    }
    give_ack(c, block);
}

/* Lets the first `count` clients read to the end, all at once. */
static void finish_reads(struct fixture *f, size_t count)
{
    struct pollfd p[CLIENTS_MAX];

    for (;;) {
        size_t open = 0;

        for (size_t i = 0; i < count; i++) {
            p[i] =
                (struct pollfd){.fd = f->clients[i].over ? -1 : f->clients[i].fd, .events = POLLIN};
            open += f->clients[i].over ? 0 : 1;
        }
        if (open == 0) {
            break;
        }
        assert_true(poll(p, count, WAIT_MS) > 0);
        for (size_t i = 0; i < count; i++) {
            if (p[i].fd != -1 && p[i].revents != 0) {
                take_data(&f->clients[i]);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(f->clients[i].have, FILE_BYTES);
    }
}

/* The second block is on its way, and nothing of it acknowledged. */
static void begin_reads(struct fixture *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ask(f, &f->clients[i], 1, "file");
    }
    for (size_t i = 0; i < count; i++) {
        take_data(&f->clients[i]);
    }
}

static void expect_lines(struct fixture *f, const char *part, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        server_process_expect_line(&f->server, part, WAIT_MS);
    }
}

static void send_signal(const struct fixture *f, int signum)
{
    assert_int_equal(kill(f->server.pid, signum), 0);
}

/* How often the threads of this name have slept or been put to sleep; 0: there is none. */
static unsigned long switches_of(const struct fixture *f, const char *name)
{
    char path[64 + 256];
    unsigned long sum = 0;
    const struct dirent *e;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)f->server.pid);
    d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        char line[256];
        bool named = false;
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)f->server.pid, e->d_name);
        file = e->d_name[0] != '.' ? fopen(path, "r") : NULL;
        while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
            char word[32] = "";
            unsigned long n;

            if (sscanf(line, "Name: %31s", word) == 1) {
                named = strcmp(word, name) == 0;
            } else if (named && (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1 ||
                                 sscanf(line, "nonvoluntary_ctxt_switches: %lu", &n) == 1)) {
                sum += n;
            }
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    closedir(d);
    return sum;
}

static void name_of_worker(unsigned number, char buf[16])
{
    snprintf(buf, 16, "worker-%u", number);
}

static void test_two_hundred_clients_are_served_by_all_workers(void **state)
{
    struct fixture *f = *state;
    unsigned long before[WORKERS + 1];
    char name[16];

    start(f, WORKERS_TEXT, "");
    assert_int_equal(server_process_loops(&f->server), WORKERS);
    for (unsigned i = 2; i <= WORKERS; i++) {
        name_of_worker(i, name);
        before[i] = switches_of(f, name);
        assert_int_not_equal(before[i], 0);
    }
    begin_reads(f, CLIENTS_MAX);
    finish_reads(f, CLIENTS_MAX);
    expect_lines(f, "done op=read", CLIENTS_MAX);
    for (unsigned i = 2; i <= WORKERS; i++) {
        name_of_worker(i, name);
        assert_true(switches_of(f, name) > before[i]);
    }
    send_signal(f, SIGTERM);
    server_process_expect_line(&f->server,
                               "served 200 requests, bytes=2068000 done=200 probe=0 "
                               "missing=0 refused=0 aborted=0 timeout=0 failed=0",
                               WAIT_MS);
}

static void test_one_worker_has_no_thread_of_its_own(void **state)
{
    struct fixture *f = *state;

    start(f, "1", "");
    assert_int_equal(server_process_loops(&f->server), 1);
    for (unsigned i = 1; i <= 2; i++) {
        char name[16];

        name_of_worker(i, name);
        assert_int_equal(switches_of(f, name), 0);
    }
    begin_reads(f, 1);
    finish_reads(f, 1);
}

/* Another worker would answer from another port. */
static void test_repeated_request_meets_its_first_transfer(void **state)
{
    struct fixture *f = *state;

    start(f, WORKERS_TEXT, "");
    for (size_t i = 0; i < SOME_CLIENTS; i++) {
        struct client *c = &f->clients[i];
        in_port_t port;

        ask(f, c, 1, "file");
        take(c);
        assert_int_equal(c->packet[3], 1);
        port = c->tid.sin_port;
        ask(f, c, 1, "file");
        take(c);
        assert_int_equal(c->packet[3], 1);
        assert_int_equal(c->tid.sin_port, port);
        send_to(c, &c->tid, "\0\5\0\0", 5);
    }
    expect_lines(f, "aborted op=read", SOME_CLIENTS);
}

static void test_reload_reaches_all_workers(void **state)
{
    struct fixture *f = *state;
    char name[16];

    start(f, WORKERS_TEXT, "write = create\n");
    write_config(f, "write = none\n");
    send_signal(f, SIGHUP);
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
    for (size_t i = 0; i < SOME_CLIENTS; i++) {
        ask(f, &f->clients[i], 2, "new");
        take(&f->clients[i]);
        assert_memory_equal(f->clients[i].packet, "\0\5\0\2", 4); /* ERROR 2: not allowed */
    }
    write_config(f, "write = create\nworkers = 9\nsegments = off\n");
    send_signal(f, SIGHUP);
    server_process_expect_line(&f->server, "segments changed: takes effect when", WAIT_MS);
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
    for (size_t i = 0; i < SOME_CLIENTS; i++) {
        snprintf(name, sizeof(name), "new-%zu", i);
        ask(f, &f->clients[i], 2, name);
        take(&f->clients[i]);
        assert_memory_equal(f->clients[i].packet, "\0\4\0\0", 4); /* ACK 0: go on */
        send_to(&f->clients[i], &f->clients[i].tid, "\0\5\0\0", 5);
    }
    expect_lines(f, "aborted op=write", SOME_CLIENTS);
    /* The level too: of these no worker says anything ... */
    write_config(f, "log-level = warning\nsegments = off\n");
    for (int i = 0; i < 2; i++) { /* the second begins when the first is done */
        send_signal(f, SIGHUP);
        server_process_expect_line(&f->server, "segments changed: takes effect when", WAIT_MS);
    }
    begin_reads(f, SOME_CLIENTS);
    finish_reads(f, SOME_CLIENTS);
    /* ... so the next line is of one that is ended. */
    ask(f, &f->clients[0], 1, "file");
    take(&f->clients[0]);
    send_to(&f->clients[0], &f->clients[0].tid, "\0\5\0\0", 5);
    assert_non_null(strstr(server_process_expect_line(&f->server, "op=", WAIT_MS), "aborted"));
}

static void test_workers_of_the_file_take_effect_at_the_next_start(void **state)
{
    struct fixture *f = *state;
    const char *const words[] = {"--config", f->config, NULL};

    write_config(f, "workers = 3\n");
    server_process_start(&f->server, words);
    assert_int_equal(server_process_loops(&f->server), 3);
    write_config(f, "workers = 2\n");
    send_signal(f, SIGHUP);
    server_process_expect_line(
        &f->server, "workers changed: takes effect when wherryd is started again", WAIT_MS);
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
    assert_int_equal(server_process_loops(&f->server), 3);
}

static void test_drain_waits_for_the_last_transfer_of_all_workers(void **state)
{
    struct fixture *f = *state;
    char words[64];

    start(f, WORKERS_TEXT, "drain-timeout = 1h\n");
    begin_reads(f, SOME_CLIENTS);
    send_signal(f, SIGTERM);
    snprintf(words, sizeof(words), "ending within 1h, transfers running: %d", SOME_CLIENTS);
    server_process_expect_line(&f->server, words, WAIT_MS);
    finish_reads(f, SOME_CLIENTS - 1);
    expect_lines(f, "done op=read", SOME_CLIENTS - 1);
    while (!f->clients[SOME_CLIENTS - 1].over) {
        take_data(&f->clients[SOME_CLIENTS - 1]);
    }
    assert_int_equal(f->clients[SOME_CLIENTS - 1].have, FILE_BYTES);
    expect_lines(f, "done op=read", 1);
    server_process_expect_line(&f->server, "ended", WAIT_MS);
}

static void test_second_signal_ends_all_workers_at_once(void **state)
{
    struct fixture *f = *state;
    char words[64];

    start(f, WORKERS_TEXT, "drain-timeout = 1h\n");
    begin_reads(f, SOME_CLIENTS);
    send_signal(f, SIGTERM);
    server_process_expect_line(&f->server, "ending within 1h", WAIT_MS);
    send_signal(f, SIGTERM);
    snprintf(words, sizeof(words), "second signal, transfers ended unfinished: %d", SOME_CLIENTS);
    server_process_expect_line(&f->server, words, WAIT_MS);
    expect_lines(f, "failed op=read", SOME_CLIENTS);
    server_process_expect_line(&f->server, "ended", WAIT_MS);
    for (size_t i = 0; i < SOME_CLIENTS; i++) {
        do {
            take(&f->clients[i]);
        } while (f->clients[i].packet[1] == 3); /* DATA that was on its way */
        assert_memory_equal(f->clients[i].packet, "\0\5\0\0server is shutting down", 28);
    }
}

/* One line at once and one sum, whichever workers the requests met. */
static void test_missing_file_is_summed_over_all_workers(void **state)
{
    struct fixture *f = *state;
    char words[64];
    int at_once = 0;
    const char *line;

    start(f, WORKERS_TEXT, "");
    for (size_t i = 0; i < SOME_CLIENTS; i++) {
        ask(f, &f->clients[i], 1, "none");
        take(&f->clients[i]);
        assert_memory_equal(f->clients[i].packet, "\0\5\0\1", 4); /* ERROR 1: no such file */
    }
    send_signal(f, SIGTERM);
    snprintf(words, sizeof(words), " times=%d", SOME_CLIENTS - 1);
    do {
        line = server_process_expect_line(&f->server, "missing op=read", WAIT_MS);
        at_once += strstr(line, " times=") == NULL ? 1 : 0;
    } while (strstr(line, " times=") == NULL);
    assert_non_null(strstr(line, words));
    assert_int_equal(at_once, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_ALONE(name) cmocka_unit_test_setup_teardown(name, setup_alone, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_two_hundred_clients_are_served_by_all_workers),
        TEST(test_one_worker_has_no_thread_of_its_own),
        TEST(test_repeated_request_meets_its_first_transfer),
        TEST(test_drain_waits_for_the_last_transfer_of_all_workers),
        TEST(test_second_signal_ends_all_workers_at_once),
        TEST(test_missing_file_is_summed_over_all_workers),
        TEST_ALONE(test_reload_reaches_all_workers),
        TEST_ALONE(test_workers_of_the_file_take_effect_at_the_next_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
