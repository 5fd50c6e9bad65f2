/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

__attribute__((format(printf, 4, 0))) static void log_format(const struct log *l,
                                                             enum log_level level,
                                                             const char *subsystem,
                                                             const char *format, va_list args)
{
    char line[LOG_LINE_BYTES];
    int saved = errno;
    int prefix = 0;

    if (l == NULL || level > l->level) {
        return;
    }
    line[0] = '\0';
    if (subsystem != NULL) {
        prefix = snprintf(line, sizeof(line), "%s: ", subsystem);
    }
    if (prefix >= 0 && (size_t)prefix < sizeof(line) &&
        vsnprintf(line + prefix, sizeof(line) - (size_t)prefix, format, args) < 0) {
        line[prefix] = '\0';
    }
    /* One call is one line, whatever a library's message holds. */
    for (char *c = strchr(line, '\n'); c != NULL; c = strchr(c, '\n')) {
        *c = ' ';
    }
    l->sink(l->arg, level, line);
    errno = saved;
}

#define LOG_VERB(verb, level)                                                                      \
    void verb(const struct log *l, const char *subsystem, const char *format, ...)                 \
    {                                                                                              \
        va_list args;                                                                              \
                                                                                                   \
        va_start(args, format);                                                                    \
        log_format(l, level, subsystem, format, args);                                             \
        va_end(args);                                                                              \
    }

LOG_VERB(log_error, LOG_LEVEL_ERROR)
LOG_VERB(log_warning, LOG_LEVEL_WARNING)
LOG_VERB(log_info, LOG_LEVEL_INFO)
LOG_VERB(log_debug, LOG_LEVEL_DEBUG)

void log_line(const struct log *l, enum log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_format(l, level, NULL, format, args);
    va_end(args);
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}
