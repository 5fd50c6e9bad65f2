/* SPDX-License-Identifier: BSD-2-Clause */
/* net/managed.h: a running wherryd under a service manager, whose part the test plays: it listens
 * to what it is told, and hands sockets over. The root holds the file of net/plain_client.h. */
#ifndef TESTS_MANAGED_H
#define TESTS_MANAGED_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "net/server_process.h"

#define MANAGED_SOCKETS_MAX 3
#define MANAGED_ENVIRONMENT_MAX 4

struct managed {
    struct server_process server;
    int manager;
    char name[64]; /* of the manager's socket */
    char said[512];
    int sockets[MANAGED_SOCKETS_MAX]; /* to be handed over */
    size_t count;
    const char *environment[MANAGED_ENVIRONMENT_MAX]; /* "NAME", "value", ... */
    bool for_another;                                 /* LISTEN_PID names another process */
};

/* cmocka fixtures. */
int managed_setup(void **state);
int managed_teardown(void **state);
int managed_teardown_ended(void **state); /* of a server that did not start, or ended */

/* A socket on a port of this address, as systemd makes it: bound, without any flag or option that
 * wherryd's own have. To be handed over by the next launch. */
int managed_hand_over(struct managed *f, int type, const char *host);
/* Where a client of this machine reaches it. */
struct sockaddr_in managed_name_of(int fd);
/* Starts `wherryd --log-level debug WORDS...`; words end with NULL. */
void managed_launch(struct managed *f, const char *const words[]);
/* With a socket of its own, at f->server.addr, and waits until it listens. */
void managed_launch_listening(struct managed *f, const char *const words[]);
void managed_signal(const struct managed *f, int signum);

/* The next words that the manager is told, good until the next call. */
const char *managed_hear(struct managed *f);
/* The next that hold this. */
const char *managed_expect_told(struct managed *f, const char *part);

#endif
