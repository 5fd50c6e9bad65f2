/* SPDX-License-Identifier: BSD-2-Clause */
/* server_process.h: a wherryd of the test's own, on a free loopback port. */
#ifndef TESTS_SERVER_PROCESS_H
#define TESTS_SERVER_PROCESS_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/types.h>

struct server_process {
    pid_t pid;
    int log; /* its standard error, a pipe */
    struct sockaddr_in addr;
    struct sockaddr_in tcp; /* the file protocol's, if words held its --listen */
    char root[64];          /* its own, made and removed here */
    char line[4096];
    char held[8192]; /* read from the log, not yet looked at */
    size_t held_len;
};

#define SERVER_PROCESS_TCP "--listen", "wherry://127.0.0.1:0"

/* Starts it with --listen tftp://127.0.0.1:0, its root, the words of the environment variable
 * WHERRYD_OPTIONS and the further words (ended by NULL; SERVER_PROCESS_TCP for the second door), of
 * which the last ones win, and waits until it listens. Fails the test when it does not. */
void server_process_start(struct server_process *s, const char *const words[]);
/* The same in a root that is there already. */
void server_process_launch(struct server_process *s, const char *const words[]);
/* SIGKILL, and waits; the root stays, for another launch. */
void server_process_kill(struct server_process *s);
/* SIGTERM, waits, checks that it ended with 0, and removes the root. */
void server_process_stop(struct server_process *s);
/* The next line of its log that contains `part`, within the time, else the test fails. */
const char *server_process_expect_line(struct server_process *s, const char *part, int timeout_ms);
/* A file in its root with this many bytes of support/pattern.h. */
void server_process_file(const struct server_process *s, const char *name, size_t size);
/* Until no file of ours (`.wherry-...`) is in its root any more, at most 20 s. */
void server_process_await_no_leftovers(const struct server_process *s);
/* Open descriptors, and resident KiB, of the process. */
size_t server_process_descriptors(const struct server_process *s);
size_t server_process_resident_kib(const struct server_process *s);
/* Its event loops: one for each worker. */
size_t server_process_loops(const struct server_process *s);

#endif
