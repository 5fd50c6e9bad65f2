/* SPDX-License-Identifier: BSD-2-Clause */
/* server/sandbox_calls.h: the system calls that serving needs, each with its reason. One table; the
 * filter (sandbox_filter.h) and the list in doc/security.md are made from it.
 *
 * A call that stands in several rows is allowed if one of them fits. What an architecture does not
 * have is passed over there; calls with 64 bits of time or size in their names are those of 32-bit
 * systems. */
#ifndef SERVER_SANDBOX_CALLS_H
#define SERVER_SANDBOX_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* The row is there only if ... */
enum sandbox_when {
    SANDBOX_ALWAYS,
    SANDBOX_WRITE, /* uploads are allowed at start */
    SANDBOX_SYSLOG /* log = syslog */
};

/* The bits of the argument that the mask has are as the value says. */
struct sandbox_argument {
    unsigned number;
    uint64_t mask; /* 0: any */
    uint64_t value;
};

#define SANDBOX_ARGUMENTS 2
#define SANDBOX_SELF UINT64_MAX /* as a value: this process's id */

struct sandbox_call {
    const char *name;
    enum sandbox_when when;
    int error; /* 0: allowed; else what it fails with, where EPERM is not what libraries expect */
    struct sandbox_argument arguments[SANDBOX_ARGUMENTS];
    const char *only; /* the arguments in words, or NULL */
    const char *reason;
};

const struct sandbox_call *sandbox_calls(size_t *ret_count);
/* What the run-time libraries of a build with sanitizers need besides; none in others. */
const struct sandbox_call *sandbox_calls_of_sanitizers(size_t *ret_count);

#endif
