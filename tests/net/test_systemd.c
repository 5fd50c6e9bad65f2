/* SPDX-License-Identifier: BSD-2-Clause */
/* A running wherryd under a service manager, whose part the test plays: it listens to what it is
 * told, and hands sockets over. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/server_process.h"
#include "net/wire_client.h"
#include "support/pattern.h"

#define WAIT_MS 20000
#define WORDS_MAX 24
#define SOCKETS_MAX 3
#define ASIDE 100 /* descriptors from here on are free in the child */
#define FILE_BYTES 600u
#define BLKSIZE 512u
#define CLIENTS 300u
#define ENVIRONMENT_MAX 4

struct fixture {
    struct server_process server;
    int manager;
    char name[64]; /* of the manager's socket */
    char said[512];
    int sockets[SOCKETS_MAX]; /* to be handed over */
    size_t count;
    const char *environment[ENVIRONMENT_MAX]; /* "NAME", "value", ... */
    bool for_another;                         /* LISTEN_PID names another process */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    assert_non_null(f);
    strcpy(f->server.root, "/tmp/wherry-test-XXXXXX");
    assert_non_null(mkdtemp(f->server.root));
    snprintf(f->name, sizeof(f->name), "@wherry-test-%d", (int)getpid());
    memcpy(a.sun_path + 1, f->name + 1, strlen(f->name) - 1);
    f->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_return_code(f->manager, errno);
    assert_return_code(bind(f->manager, (const struct sockaddr *)&a,
                            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(f->name))),
                       errno);
    server_process_file(&f->server, "file", FILE_BYTES);
    *state = f;
    return 0;
}

static void forget(struct fixture *f)
{
    for (size_t i = 0; i < f->count; i++) {
        close(f->sockets[i]);
    }
    close(f->manager);
    free(f);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    server_process_stop(&f->server);
    forget(f);
    return 0;
}

/* Of a server that did not start, or ended. */
static int teardown_ended(void **state)
{
    struct fixture *f = *state;
    char path[128];

    close(f->server.log);
    snprintf(path, sizeof(path), "%s/file", f->server.root);
    assert_return_code(unlink(path), errno);
    assert_return_code(rmdir(f->server.root), errno);
    forget(f);
    return 0;
}

/* A socket as systemd makes it: bound, without any flag or option that wherryd's own have. */
static int hand_over(struct fixture *f, int type, const char *host)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    assert_return_code(fd, errno);
    assert_int_equal(inet_pton(AF_INET, host, &a.sin_addr), 1);
    assert_return_code(bind(fd, (const struct sockaddr *)&a, sizeof(a)), errno);
    if (type == SOCK_STREAM) {
        assert_return_code(listen(fd, 16), errno);
    }
    assert_true(f->count < SOCKETS_MAX);
    f->sockets[f->count++] = fd;
    return fd;
}

static struct sockaddr_in name_of(int fd)
{
    struct sockaddr_in a;
    socklen_t len = sizeof(a);

    assert_return_code(getsockname(fd, (struct sockaddr *)&a, &len), errno);
    if (a.sin_addr.s_addr == htonl(INADDR_ANY)) {
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    return a;
}

static void child(const struct fixture *f, int log, const char *const words[])
{
    const char *argv[WORDS_MAX] = {WHERRYD, "--root", f->server.root, "--log-level", "debug"};
    char number[24];
    size_t n = 5;

    for (size_t i = 0; words != NULL && words[i] != NULL && n < WORDS_MAX - 3; i++) {
        argv[n++] = words[i];
    }
    if (geteuid() == 0) {
        argv[n++] = "--user";
        argv[n++] = "root";
    }
    argv[n] = NULL;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(log, 2);
    for (size_t i = 0; i < f->count; i++) { /* out of each other's way first */
        dup2(f->sockets[i], ASIDE + (int)i);
    }
    for (size_t i = 0; i < f->count; i++) {
        dup2(ASIDE + (int)i, 3 + (int)i);
        close(ASIDE + (int)i);
    }
    if (f->count > 0) {
        snprintf(number, sizeof(number), "%zu", f->count);
        setenv("LISTEN_FDS", number, 1);
        snprintf(number, sizeof(number), "%d", f->for_another ? 1 : (int)getpid());
        setenv("LISTEN_PID", number, 1);
    }
    setenv("NOTIFY_SOCKET", f->name, 1);
    for (size_t i = 0; i + 1 < ENVIRONMENT_MAX && f->environment[i] != NULL; i += 2) {
        setenv(f->environment[i], f->environment[i + 1], 1);
    }
    execv(WHERRYD, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void launch(struct fixture *f, const char *const words[])
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    f->server.pid = fork();
    assert_return_code(f->server.pid, errno);
    if (f->server.pid == 0) {
        child(f, ends[1], words);
    }
    close(ends[1]);
    f->server.log = ends[0];
}

/* With a socket of its own. */
static void launch_listening(struct fixture *f, const char *const words[])
{
    const char *all[WORDS_MAX] = {"--listen", "tftp://127.0.0.1:0"};
    const char *line;

    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        all[i + 2] = words[i];
    }
    launch(f, all);
    line = server_process_expect_line(&f->server, "listening on tftp://127.0.0.1:", WAIT_MS);
    assert_null(strstr(line, "handed over"));
    f->server.addr = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10)),
    };
}

/* --- the manager --- */

static const char *hear(struct fixture *f)
{
    struct pollfd p = {.fd = f->manager, .events = POLLIN};
    ssize_t n;

    if (poll(&p, 1, WAIT_MS) != 1) {
        fail_msg("nothing is told; the last was: %s", f->said);
    }
    n = recv(f->manager, f->said, sizeof(f->said) - 1, 0);
    assert_return_code(n, errno);
    f->said[n] = '\0';
    return f->said;
}

/* The next that holds this. */
static const char *expect_told(struct fixture *f, const char *part)
{
    while (strstr(hear(f), part) == NULL) {
    }
    return f->said;
}

/* --- clients --- */

struct client {
    int fd;
    struct sockaddr_in from; /* of the last packet */
    uint8_t packet[4 + BLKSIZE];
    size_t len;
};

static void client_open(struct client *c)
{
    c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_return_code(c->fd, errno);
}

static void send_to(const struct client *c, const struct sockaddr_in *to, const void *bytes,
                    size_t len)
{
    assert_int_equal(sendto(c->fd, bytes, len, 0, (const struct sockaddr *)to, sizeof(*to)),
                     (ssize_t)len);
}

/* opcode 1: read, 2: write. */
static void ask(const struct client *c, const struct sockaddr_in *to, char opcode, const char *name)
{
    char request[64] = {0, opcode};
    size_t len = 2;

    len += (size_t)snprintf(request + len, sizeof(request) - len, "%s", name) + 1;
    len += (size_t)snprintf(request + len, sizeof(request) - len, "octet") + 1;
    send_to(c, to, request, len);
}

/* What comes next; DATA from before that is sent again, as time passes, is passed over. */
static void take(struct client *c, uint8_t opcode, uint8_t number)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    socklen_t len = sizeof(c->from);
    ssize_t n;

    do {
        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        n = recvfrom(c->fd, c->packet, sizeof(c->packet), 0, (struct sockaddr *)&c->from, &len);
        assert_true(n >= 4);
    } while (c->packet[1] == 3 && opcode == 3 && c->packet[3] < number);
    c->len = (size_t)n;
    assert_int_equal(c->packet[1], opcode);
    assert_int_equal(c->packet[3], number);
}

static void give_ack(const struct client *c, uint8_t block)
{
    const uint8_t ack[] = {0, 4, 0, block};

    send_to(c, &c->from, ack, sizeof(ack));
}

static void finish_read(struct client *c)
{
    give_ack(c, 1);
    take(c, 3, 2);
    assert_int_equal(c->len, 4 + FILE_BYTES - BLKSIZE);
    assert_int_equal(c->packet[4], pattern_at(BLKSIZE));
    give_ack(c, 2);
}

static void read_all(const struct sockaddr_in *to)
{
    struct client c;

    client_open(&c);
    ask(&c, to, 1, "file");
    take(&c, 3, 1);
    finish_read(&c);
    close(c.fd);
}

static void send_signal(const struct fixture *f, int signum)
{
    assert_int_equal(kill(f->server.pid, signum), 0);
}

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

/* --- what is told --- */

static void test_ready_is_told_once_requests_are_answered(void **state)
{
    struct fixture *f = *state;

    hand_over(f, SOCK_DGRAM, "127.0.0.1");
    f->server.addr = name_of(f->sockets[0]);
    launch(f, NULL);
    /* The first word of all. */
    assert_string_equal(hear(f), "READY=1\nSTATUS=0 running, 0 done, 0 failed, 0 missing");
    read_all(&f->server.addr);
}

static void test_status_counts_each_request_once(void **state)
{
    struct fixture *f = *state;
    struct client running, other;

    client_open(&running);
    client_open(&other);
    launch_listening(f, NULL);
    expect_told(f, "READY=1");
    ask(&running, &f->server.addr, 1, "file");
    take(&running, 3, 1);
    for (int i = 0; i < 4; i++) {
        read_all(&f->server.addr);
    }
    ask(&other, &f->server.addr, 1, "none"); /* missing */
    take(&other, 5, 1);
    ask(&other, &f->server.addr, 2, "new"); /* uploads are not allowed */
    take(&other, 5, 2);
    ask(&other, &f->server.addr, 1, "file");
    take(&other, 3, 1);
    send_to(&other, &other.from, "\0\5\0\0no\0", 7); /* aborted */
    server_process_expect_line(&f->server, "aborted op=read", WAIT_MS);
    expect_told(f, "STATUS=1 running, 4 done, 2 failed, 1 missing");
    finish_read(&running);
    expect_told(f, "STATUS=0 running, 5 done, 2 failed, 1 missing");
    close(running.fd);
    close(other.fd);
}

static void test_reload_is_told_with_its_time_and_its_end(void **state)
{
    struct fixture *f = *state;
    uint64_t before, told;

    launch_listening(f, NULL);
    expect_told(f, "READY=1");
    before = now_us();
    send_signal(f, SIGHUP);
    told = number_behind(expect_told(f, "RELOADING=1"), "MONOTONIC_USEC=");
    assert_true(before <= told);
    assert_true(told <= now_us());
    expect_told(f, "READY=1");
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
}

static void test_end_is_told_with_what_runs_and_how_long_it_may_take(void **state)
{
    const char *const words[] = {"--drain-timeout", "1h", NULL};
    struct fixture *f = *state;
    struct client c;

    client_open(&c);
    launch_listening(f, words);
    expect_told(f, "READY=1");
    ask(&c, &f->server.addr, 1, "file");
    take(&c, 3, 1);
    send_signal(f, SIGTERM);
    expect_told(f, "STOPPING=1");
    assert_non_null(strstr(f->said, "STATUS=ending: 1 running, 0 done, 0 failed, 0 missing"));
    assert_true(number_behind(f->said, "EXTEND_TIMEOUT_USEC=") >= UINT64_C(3600000000));
    expect_told(f, "STATUS=ending: 1 running"); /* and it goes on */
    finish_read(&c);
    server_process_expect_line(&f->server, "ended", WAIT_MS);
    close(c.fd);
}

static void test_watchdog_is_fed_at_half_of_its_time(void **state)
{
    struct fixture *f = *state;
    uint64_t begun = now_us();
    uint64_t first;

    f->environment[0] = "WATCHDOG_USEC";
    f->environment[1] = "6000000";
    launch_listening(f, NULL);
    expect_told(f, "READY=1");
    expect_told(f, "WATCHDOG=1");
    first = now_us();
    expect_told(f, "WATCHDOG=1");
    assert_true(now_us() - begun >= 3000000);
    assert_true(now_us() - first < 6000000);
}

/* Fed, it is with READY and ever after. */
static void test_watchdog_of_another_process_is_not_fed(void **state)
{
    struct fixture *f = *state;

    f->environment[0] = "WATCHDOG_USEC";
    f->environment[1] = "1000";
    f->environment[2] = "WATCHDOG_PID";
    f->environment[3] = "1";
    launch_listening(f, NULL);
    while (strstr(hear(f), "READY=1") == NULL) {
        assert_null(strstr(f->said, "WATCHDOG"));
    }
    send_signal(f, SIGHUP);
    while (strstr(hear(f), "READY=1") == NULL) {
        assert_null(strstr(f->said, "WATCHDOG"));
    }
}

static void test_manager_that_is_gone_changes_nothing(void **state)
{
    struct fixture *f = *state;

    strcpy(f->name, "/nowhere/notify");
    launch_listening(f, NULL);
    server_process_expect_line(&f->server, "the service manager cannot be told", WAIT_MS);
    read_all(&f->server.addr);
    send_signal(f, SIGHUP);
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
}

/* --- what is handed over --- */

static void test_sockets_that_are_handed_over_are_served_instead_of_listen(void **state)
{
    const char *const words[] = {"--listen", "tftp://127.0.0.1:0", NULL};
    struct fixture *f = *state;
    struct sockaddr_in tftp = name_of(hand_over(f, SOCK_DGRAM, "127.0.0.1"));
    struct sockaddr_in tcp = name_of(hand_over(f, SOCK_STREAM, "127.0.0.1"));
    struct sockaddr_in further = name_of(hand_over(f, SOCK_DGRAM, "127.0.0.2"));
    char part[96];
    struct wire w;
    size_t len;

    launch(f, words);
    snprintf(part, sizeof(part), "listening on tftp://127.0.0.1:%u (handed over)",
             ntohs(tftp.sin_port));
    server_process_expect_line(&f->server, part, WAIT_MS);
    snprintf(part, sizeof(part), "listening on wherry://127.0.0.1:%u (handed over)",
             ntohs(tcp.sin_port));
    server_process_expect_line(&f->server, part, WAIT_MS);
    server_process_expect_line(&f->server, "listen is not used", WAIT_MS);
    read_all(&tftp);
    read_all(&further);
    wire_open(&w, "127.0.0.1", &tcp);
    assert_int_equal(wire_fetch(&w, "file", 0, &len), 0);
    assert_int_equal(len, FILE_BYTES);
    wire_close(&w);
}

static void test_sockets_of_another_process_are_left_alone(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in theirs = name_of(hand_over(f, SOCK_DGRAM, "127.0.0.1"));
    struct pollfd p = {.fd = f->sockets[0], .events = POLLIN};
    struct client c;

    f->for_another = true;
    client_open(&c);
    ask(&c, &theirs, 1, "file");
    launch_listening(f, NULL);
    read_all(&f->server.addr);
    assert_int_equal(poll(&p, 1, 0), 1); /* still there */
    close(c.fd);
}

/* It is what starts a server that is started by its socket. */
static void test_request_from_before_the_start_is_answered_from_where_it_was_sent_to(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in to = name_of(hand_over(f, SOCK_DGRAM, "0.0.0.0"));
    struct client c;

    client_open(&c);
    assert_int_equal(inet_pton(AF_INET, "127.0.0.2", &to.sin_addr), 1);
    ask(&c, &to, 1, "file");
    launch(f, NULL);
    take(&c, 3, 1);
    assert_int_equal(c.from.sin_addr.s_addr, to.sin_addr.s_addr);
    finish_read(&c);
    ask(&c, &to, 1, "none"); /* a refusal too, and when it runs */
    take(&c, 5, 1);
    assert_int_equal(c.from.sin_addr.s_addr, to.sin_addr.s_addr);
    close(c.fd);
}

/* An ordinary user may not look at the descriptors of a server that dumps no core. */
static bool has_thread(const struct fixture *f, const char *name)
{
    char path[64 + 256];
    const struct dirent *e;
    bool found = false;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)f->server.pid);
    d = opendir(path);
    assert_non_null(d);
    while (!found && (e = readdir(d)) != NULL) {
        char line[32] = "";
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", (int)f->server.pid, e->d_name);
        file = fopen(path, "r"); /* of "." and ".." there is none */
        if (file != NULL) {
            found = fgets(line, sizeof(line), file) != NULL && strcmp(line, name) == 0;
            fclose(file);
        }
    }
    closedir(d);
    return found;
}

static void open_clients(struct client *clients)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        client_open(&clients[i]);
    }
}

static void close_clients(struct client *clients)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        close(clients[i].fd);
    }
}

static void test_each_request_at_a_shared_socket_is_answered_once(void **state)
{
    const char *const words[] = {"--workers", "4", NULL};
    struct fixture *f = *state;
    struct sockaddr_in to = name_of(hand_over(f, SOCK_DGRAM, "127.0.0.1"));
    static struct client clients[CLIENTS];
    struct pollfd p[CLIENTS];

    open_clients(clients);
    launch(f, words);
    expect_told(f, "READY=1");
    assert_true(has_thread(f, "worker-4\n"));
    for (size_t i = 0; i < CLIENTS; i++) {
        ask(&clients[i], &to, 1, i % 3 == 2 ? "none" : "file");
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        if (i % 3 == 2) {
            take(&clients[i], 5, 1);
        } else {
            take(&clients[i], 3, 1);
            finish_read(&clients[i]);
        }
    }
    send_signal(f, SIGTERM);
    server_process_expect_line(&f->server,
                               "served 300 requests, bytes=120000 done=200 probe=0 "
                               "missing=100 refused=0 aborted=0 timeout=0 failed=0",
                               WAIT_MS);
    server_process_expect_line(&f->server, "ended", WAIT_MS);
    for (size_t i = 0; i < CLIENTS; i++) {
        p[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
    }
    assert_int_equal(poll(p, CLIENTS, 0), 0); /* no second answer */
    close_clients(clients);
}

/* Another worker, or a second transfer, would answer from another port. */
static void test_repeated_request_at_a_shared_socket_meets_its_first(void **state)
{
    const char *const words[] = {"--workers", "4", NULL};
    struct fixture *f = *state;
    struct sockaddr_in to = name_of(hand_over(f, SOCK_DGRAM, "127.0.0.1"));
    static struct client clients[CLIENTS];

    open_clients(clients);
    launch(f, words);
    expect_told(f, "READY=1"); /* before, not all of them may find room in the socket */
    for (size_t i = 0; i < CLIENTS; i++) {
        ask(&clients[i], &to, 1, "file");
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        in_port_t port;

        take(&clients[i], 3, 1);
        port = clients[i].from.sin_port;
        ask(&clients[i], &to, 1, "file");
        take(&clients[i], 3, 1);
        assert_int_equal(clients[i].from.sin_port, port);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        finish_read(&clients[i]);
    }
    send_signal(f, SIGTERM);
    server_process_expect_line(&f->server, "served 300 requests, bytes=180000 done=300", WAIT_MS);
    close_clients(clients);
}

/* The manager keeps the socket. */
static void test_request_after_the_end_began_waits_for_the_successor(void **state)
{
    const char *const words[] = {"--workers", "2", NULL};
    struct fixture *f = *state;
    struct sockaddr_in to = name_of(hand_over(f, SOCK_DGRAM, "127.0.0.1"));
    struct pollfd p = {.fd = f->sockets[0], .events = POLLIN};
    struct client running, late;

    client_open(&running);
    client_open(&late);
    launch(f, words);
    ask(&running, &to, 1, "file");
    take(&running, 3, 1);
    send_signal(f, SIGTERM);
    server_process_expect_line(&f->server, "SIGTERM: ending", WAIT_MS);
    ask(&late, &to, 1, "file");
    finish_read(&running);
    server_process_expect_line(&f->server, "ended", WAIT_MS);
    assert_int_equal(poll(&p, 1, 0), 1);
    close(running.fd);
    close(late.fd);
}

static void test_socket_that_is_not_to_be_served_is_named_and_nothing_starts(void **state)
{
    struct fixture *f = *state;
    const char *line;
    int status;

    hand_over(f, SOCK_DGRAM, "127.0.0.1");
    f->sockets[f->count++] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    launch(f, NULL);
    line = server_process_expect_line(&f->server, "wherryd: descriptor 4 was handed over", WAIT_MS);
    assert_non_null(strstr(line, "of another family than IPv4 and IPv6; allowed are bound UDP"));
    assert_int_equal(waitpid(f->server.pid, &status, 0), f->server.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
        TEST(test_sockets_that_are_handed_over_are_served_instead_of_listen),
        TEST(test_sockets_of_another_process_are_left_alone),
        TEST(test_request_from_before_the_start_is_answered_from_where_it_was_sent_to),
        TEST(test_each_request_at_a_shared_socket_is_answered_once),
        TEST(test_repeated_request_at_a_shared_socket_meets_its_first),
        TEST(test_request_after_the_end_began_waits_for_the_successor),
        cmocka_unit_test_setup_teardown(
            test_socket_that_is_not_to_be_served_is_named_and_nothing_starts, setup,
            teardown_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
