/* SPDX-License-Identifier: BSD-2-Clause */
/* client/meter.h: the progress line of one file on the console, and its closing line. Joins
 * client/progress.h and client/console.h; whoever owns a clock calls meter_tick() some times a
 * second. The line appears after a second, on a terminal only. */
#ifndef CLIENT_METER_H
#define CLIENT_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/console.h"
#include "client/progress.h"

#define METER_EVERY_NS UINT64_C(200000000)

struct meter {
    struct console *console;
    const char *label; /* printable */
    struct progress progress;
    uint64_t start_ns;
    bool draws;
};

/* own_fd: the descriptor that the file itself goes to or comes from; a terminal there has no line
 * to spare. -1: a path. */
void meter_begin(struct meter *m, struct console *console, const char *label, int own_fd,
                 uint64_t now_ns);
/* total: or PROGRESS_TOTAL_UNKNOWN. */
void meter_tick(struct meter *m, uint64_t bytes, uint64_t total, uint64_t now_ns);
/* It is done: wipes the line and says the closing one. */
void meter_close(struct meter *m, uint64_t bytes, uint64_t now_ns);

#endif
