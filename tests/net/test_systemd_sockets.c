/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets that a service manager hands over to a running wherryd. */
#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/managed.h"
#include "net/plain_client.h"
#include "net/wire_client.h"

#define WAIT_MS 20000
#define CLIENTS 300u

static void test_sockets_that_are_handed_over_are_served_instead_of_listen(void **state)
{
    const char *const words[] = {"--listen", "tftp://127.0.0.1:0", NULL};
    struct managed *f = *state;
    struct sockaddr_in tftp = managed_name_of(managed_hand_over(f, SOCK_DGRAM, "127.0.0.1"));
    struct sockaddr_in tcp = managed_name_of(managed_hand_over(f, SOCK_STREAM, "127.0.0.1"));
    struct sockaddr_in further = managed_name_of(managed_hand_over(f, SOCK_DGRAM, "127.0.0.2"));
    char part[96];
    struct wire w;
    size_t len;

    managed_launch(f, words);
    snprintf(part, sizeof(part), "listening on tftp://127.0.0.1:%u (handed over)",
             ntohs(tftp.sin_port));
    server_process_expect_line(&f->server, part, WAIT_MS);
    snprintf(part, sizeof(part), "listening on wherry://127.0.0.1:%u (handed over)",
             ntohs(tcp.sin_port));
    server_process_expect_line(&f->server, part, WAIT_MS);
    server_process_expect_line(&f->server, "listen is not used", WAIT_MS);
    plain_read_all(&tftp);
    plain_read_all(&further);
    wire_open(&w, "127.0.0.1", &tcp);
    assert_int_equal(wire_fetch(&w, "file", 0, &len), 0);
    assert_int_equal(len, PLAIN_FILE_BYTES);
    wire_close(&w);
}

/* To start it again would not make it listen there either. */
static void test_reload_with_other_endpoints_says_that_they_are_not_used(void **state)
{
    struct managed *f = *state;
    char path[sizeof(f->server.root) + sizeof("/wherryd.conf")];
    const char *const words[] = {"--config", path, NULL};
    FILE *file;

    snprintf(path, sizeof(path), "%s/wherryd.conf", f->server.root);
    file = fopen(path, "w");
    assert_non_null(file);
    managed_hand_over(f, SOCK_DGRAM, "127.0.0.1");
    managed_launch(f, words);
    managed_expect_told(f, "READY=1");
    assert_true(fputs("listen = \"tftp://127.0.0.1:0\"\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    managed_signal(f, SIGHUP);
    server_process_expect_line(
        &f->server, "listen changed: not used, since the sockets were handed over", WAIT_MS);
    server_process_expect_line(&f->server, "configuration reloaded", WAIT_MS);
}

static void test_sockets_of_another_process_are_left_alone(void **state)
{
    struct managed *f = *state;
    struct sockaddr_in theirs = managed_name_of(managed_hand_over(f, SOCK_DGRAM, "127.0.0.1"));
    struct pollfd p = {.fd = f->sockets[0], .events = POLLIN};
    struct plain_client c;

    f->for_another = true;
    plain_open(&c);
    plain_ask(&c, &theirs, 1, "file");
    managed_launch_listening(f, NULL);
    plain_read_all(&f->server.addr);
    assert_int_equal(poll(&p, 1, 0), 1); /* still there */
    close(c.fd);
}

/* It is what starts a server that is started by its socket. */
static void test_request_from_before_the_start_is_answered_from_where_it_was_sent_to(void **state)
{
    struct managed *f = *state;
    struct sockaddr_in to = managed_name_of(managed_hand_over(f, SOCK_DGRAM, "0.0.0.0"));
    struct plain_client c;

    plain_open(&c);
    assert_int_equal(inet_pton(AF_INET, "127.0.0.2", &to.sin_addr), 1);
    plain_ask(&c, &to, 1, "file");
    managed_launch(f, NULL);
    plain_take(&c, 3, 1);
    assert_int_equal(c.from.sin_addr.s_addr, to.sin_addr.s_addr);
    plain_finish_read(&c);
    plain_ask(&c, &to, 1, "none"); /* a refusal too, and when it runs */
    plain_take(&c, 5, 1);
    assert_int_equal(c.from.sin_addr.s_addr, to.sin_addr.s_addr);
    close(c.fd);
}

/* An ordinary user may not look at the descriptors of a server that dumps no core. */
static bool has_thread(const struct managed *f, const char *name)
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

static void open_clients(struct plain_client *clients)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        plain_open(&clients[i]);
    }
}

static void close_clients(struct plain_client *clients)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        close(clients[i].fd);
    }
}

static void test_each_request_at_a_shared_socket_is_answered_once(void **state)
{
    const char *const words[] = {"--workers", "4", NULL};
    struct managed *f = *state;
    struct sockaddr_in to = managed_name_of(managed_hand_over(f, SOCK_DGRAM, "127.0.0.1"));
    static struct plain_client clients[CLIENTS];
    struct pollfd p[CLIENTS];

    open_clients(clients);
    managed_launch(f, words);
    managed_expect_told(f, "READY=1");
    assert_true(has_thread(f, "worker-4\n"));
    for (size_t i = 0; i < CLIENTS; i++) {
        plain_ask(&clients[i], &to, 1, i % 3 == 2 ? "none" : "file");
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        if (i % 3 == 2) {
            plain_take(&clients[i], 5, 1);
        } else {
            plain_take(&clients[i], 3, 1);
            plain_finish_read(&clients[i]);
        }
    }
    managed_signal(f, SIGTERM);
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
    struct managed *f = *state;
    struct sockaddr_in to = managed_name_of(managed_hand_over(f, SOCK_DGRAM, "127.0.0.1"));
    static struct plain_client clients[CLIENTS];

    open_clients(clients);
    managed_launch(f, words);
    managed_expect_told(f, "READY=1"); /* before, not all of them may find room in the socket */
    for (size_t i = 0; i < CLIENTS; i++) {
        plain_ask(&clients[i], &to, 1, "file");
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        in_port_t port;

        plain_take(&clients[i], 3, 1);
        port = clients[i].from.sin_port;
        plain_ask(&clients[i], &to, 1, "file");
        plain_take(&clients[i], 3, 1);
        assert_int_equal(clients[i].from.sin_port, port);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        plain_finish_read(&clients[i]);
    }
    managed_signal(f, SIGTERM);
    server_process_expect_line(&f->server, "served 300 requests, bytes=180000 done=300", WAIT_MS);
    close_clients(clients);
}

/* The manager keeps the socket. */
static void test_request_after_the_end_began_waits_for_the_successor(void **state)
{
    const char *const words[] = {"--workers", "2", NULL};
    struct managed *f = *state;
    struct sockaddr_in to = managed_name_of(managed_hand_over(f, SOCK_DGRAM, "127.0.0.1"));
    struct pollfd p = {.fd = f->sockets[0], .events = POLLIN};
    struct plain_client running, late;

    plain_open(&running);
    plain_open(&late);
    managed_launch(f, words);
    plain_ask(&running, &to, 1, "file");
    plain_take(&running, 3, 1);
    managed_signal(f, SIGTERM);
    server_process_expect_line(&f->server, "SIGTERM: ending", WAIT_MS);
    plain_ask(&late, &to, 1, "file");
    plain_finish_read(&running);
    server_process_expect_line(&f->server, "ended", WAIT_MS);
    assert_int_equal(poll(&p, 1, 0), 1);
    close(running.fd);
    close(late.fd);
}

static void test_socket_that_is_not_to_be_served_is_named_and_nothing_starts(void **state)
{
    struct managed *f = *state;
    const char *line;
    int status;

    managed_hand_over(f, SOCK_DGRAM, "127.0.0.1");
    f->sockets[f->count++] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    managed_launch(f, NULL);
    line = server_process_expect_line(&f->server, "wherryd: descriptor 4 was handed over", WAIT_MS);
    assert_non_null(strstr(line, "of another family than IPv4 and IPv6; allowed are bound UDP"));
    assert_int_equal(waitpid(f->server.pid, &status, 0), f->server.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, managed_setup, managed_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sockets_that_are_handed_over_are_served_instead_of_listen),
        TEST(test_reload_with_other_endpoints_says_that_they_are_not_used),
        TEST(test_sockets_of_another_process_are_left_alone),
        TEST(test_request_from_before_the_start_is_answered_from_where_it_was_sent_to),
        TEST(test_each_request_at_a_shared_socket_is_answered_once),
        TEST(test_repeated_request_at_a_shared_socket_meets_its_first),
        TEST(test_request_after_the_end_began_waits_for_the_successor),
        cmocka_unit_test_setup_teardown(
            test_socket_that_is_not_to_be_served_is_named_and_nothing_starts, managed_setup,
            managed_teardown_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
