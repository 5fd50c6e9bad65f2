/* SPDX-License-Identifier: BSD-2-Clause */
/* server/privs.h: what a server that was started as root gives away before it hears a packet. */
#ifndef SERVER_PRIVS_H
#define SERVER_PRIVS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <wherry/res.h>

#define PRIVS_NAME_BYTES 64
#define PRIVS_WHY 512 /* room enough for every message */

struct privs {
    char name[PRIVS_NAME_BYTES]; /* who serves */
    uid_t uid;
    gid_t gid;
    bool change; /* root becomes this one */
    bool root;   /* root on purpose: worth a warning */
};

/* Nothing that this process or its threads may execute later gains privileges. Before the first
 * thread: it holds for the calling thread and those it starts. */
enum res privs_forbid_gain(char *why, size_t cap);
/* Whom to serve as. user: as configured, or NULL: `wherry` if it exists, else `nobody`, when
 * started as root. Only root may name another than itself. */
enum res privs_find(const char *user, struct privs *ret, char *why, size_t cap);
/* Becomes that user with its groups, for good, and makes sure that there is no way back. Then gives
 * away all capabilities, also those that an ordinary user was started with; root on purpose keeps
 * those for files of others. Nothing is kept for later: no port is bound after the start.
 * *ret_keeps_port: CAP_NET_BIND_SERVICE, and that alone, was left all the same, for a filter from
 * outside denies capset(2). */
enum res privs_drop(const struct privs *p, bool *ret_keeps_port, char *why, size_t cap);
/* No core is dumped, and no other process of the user looks into this one. After privs_drop(),
 * which makes the kernel reconsider. */
enum res privs_forbid_core(char *why, size_t cap);

#endif
