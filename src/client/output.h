/* SPDX-License-Identifier: BSD-2-Clause */
/* client/output.h: standard output of commands that print what a server says. A stream that waits
 * for a slow reader (a pager) where signals are heard. */
#ifndef CLIENT_OUTPUT_H
#define CLIENT_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "client/link.h"
#include "client/outcome.h"

struct output {
    FILE *to;          /* print here */
    struct link *link; /* set by the owner: on which to wait; NULL: none is open */
    bool failed;
    struct outcome why; /* failed: a signal, or what is wrong with standard output */
};

/* In the owner's memory. RES_NO_MEMORY. */
enum res output_open(struct output *o);
/* Whether all that was printed so far could be taken. Cheap: what is buffered counts as taken. */
bool output_good(const struct output *o, struct outcome *why);
/* Writes what is buffered and closes, while the link is still open. False: not all was taken. */
bool output_close(struct output *o, struct outcome *why);

#endif
