/* SPDX-License-Identifier: BSD-2-Clause */
/* support/log_lines.h: a log that keeps its lines, for tests that read them. */
#ifndef SUPPORT_LOG_LINES_H
#define SUPPORT_LOG_LINES_H

#include <stddef.h>

#include "base/log.h"

/* Begins as all zeros. */
struct log_lines {
    char **line;
    size_t count;
};

/* A log of all levels; lines outlives it. */
struct log log_lines_log(struct log_lines *lines);
void log_lines_clear(struct log_lines *lines);
/* The last line that begins so, or NULL; how many do (or NULL). */
const char *log_lines_find(const struct log_lines *lines, const char *beginning, size_t *ret_count);

#endif
