/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/log_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void keep_line(void *arg, enum log_level level, const char *line)
{
    struct log_lines *lines = arg;

    (void)level;
    lines->line = realloc(lines->line, (lines->count + 1) * sizeof(*lines->line));
    assert_non_null(lines->line);
    lines->line[lines->count] = strdup(line);
    assert_non_null(lines->line[lines->count]);
    lines->count++;
}

struct log log_lines_log(struct log_lines *lines)
{
    return (struct log){.level = LOG_LEVEL_DEBUG, .sink = keep_line, .arg = lines};
}

void log_lines_clear(struct log_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->line[i]);
    }
    free(lines->line);
    *lines = (struct log_lines){0};
}

const char *log_lines_find(const struct log_lines *lines, const char *beginning, size_t *ret_count)
{
    const char *found = NULL;
    size_t count = 0;

    for (size_t i = 0; i < lines->count; i++) {
        if (strncmp(lines->line[i], beginning, strlen(beginning)) == 0) {
            found = lines->line[i];
            count++;
        }
    }
    if (ret_count != NULL) {
        *ret_count = count;
    }
    return found;
}
