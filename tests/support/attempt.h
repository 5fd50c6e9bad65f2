/* SPDX-License-Identifier: BSD-2-Clause */
/* support/attempt.h: things that a process in the sandbox tries, each in a child of its own, and
 * what errno answers. */
#ifndef SUPPORT_ATTEMPT_H
#define SUPPORT_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What a child has before it enters. */
struct attempt_scene {
    int tcp;         /* a TCP socket, bound to 127.0.0.1 */
    int udp;         /* the same of UDP */
    pid_t companion; /* another process of the same user, which may be traced */
};

struct attempt {
    const char *what;
    /* 0, or errno. */
    int (*act)(const struct attempt_scene *scene);
    int expected;
    /* Without a sandbox it must end otherwise, so that a case that proves nothing is noticed.
     * False: it is allowed in both. */
    bool denied;
    bool not_sanitized; /* a build with sanitizers needs it itself */
};

/* errno of a call that failed, 0 of one that did not. */
int attempt_result(long rc);
/* All of them, as an ordinary user. enter: puts the child into the sandbox; 0, or why not as errno.
 * Fails the running test, naming those that ended otherwise. */
void attempt_all(const struct attempt *attempts, size_t count, int (*enter)(void));

#endif
