/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/meter.h"

#include <unistd.h>

#include "base/number.h"

#define APPEARS_AFTER_NS NUMBER_SECOND

void meter_begin(struct meter *m, struct console *console, const char *label, int own_fd,
                 uint64_t now_ns)
{
    *m = (struct meter){
        .console = console,
        .label = label,
        .start_ns = now_ns,
        .draws = console_draws(console) && isatty(own_fd) != 1,
    };
    progress_init(&m->progress, now_ns);
}

void meter_tick(struct meter *m, uint64_t bytes, uint64_t total, uint64_t now_ns)
{
    char line[PROGRESS_LINE_BYTES];

    progress_sample(&m->progress, bytes, total, now_ns);
    if (m->draws && now_ns - m->start_ns >= APPEARS_AFTER_NS) {
        /* The last column stays free: some terminals wrap when it is filled. */
        console_draw(m->console, progress_print_line(&m->progress, m->label,
                                                     console_width(m->console) - 1, line));
    }
}

void meter_close(struct meter *m, uint64_t bytes, uint64_t now_ns)
{
    char line[PROGRESS_LINE_BYTES];

    console_close(m->console, progress_print_closing(m->label, bytes, now_ns - m->start_ns, line));
}
