/* SPDX-License-Identifier: BSD-2-Clause */
/* server/sandbox_filter.h: the filter of system calls (seccomp(2)), made from the table in
 * sandbox_calls.h. What no row allows fails with EPERM; calls in another architecture's numbers end
 * the process. */
#ifndef SERVER_SANDBOX_FILTER_H
#define SERVER_SANDBOX_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include <wherry/res.h>

struct sandbox_filter_wish {
    bool write;  /* uploads are allowed */
    bool syslog; /* syslogd may have to be connected again */
};

/* Can this kernel? If not, why in *ret_why. */
bool sandbox_filter_available(const char **ret_why);
/* For the calling thread and those that it starts, until the end. All of it, or nothing and why. */
enum res sandbox_filter_enter(const struct sandbox_filter_wish *wish, char *why, size_t cap);

#endif
