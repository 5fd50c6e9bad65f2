/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/console.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT 80

void console_init(struct console *c, FILE *err, bool quiet, bool verbose)
{
    const char *term = getenv("TERM");

    *c = (struct console){
        .err = err,
        .terminal = isatty(fileno(err)) == 1 && (term == NULL || strcmp(term, "dumb") != 0),
        .quiet = quiet,
        .verbose = verbose,
    };
}

void console_wipe(struct console *c)
{
    if (c->line_drawn) {
        (void)fputs("\r\033[K", c->err); /* ECMA-48 EL: erase to the end of the line */
        (void)fflush(c->err);
        c->line_drawn = false;
    }
}

static void say(struct console *c, const char *front, const char *format, va_list args)
{
    console_wipe(c);
    (void)fputs(front, c->err);
    (void)vfprintf(c->err, format, args);
    (void)fputc('\n', c->err);
    (void)fflush(c->err);
}

void console_error(struct console *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(c, "wherry: ", format, args);
    va_end(args);
}

void console_warning(struct console *c, const char *format, ...)
{
    va_list args;

    if (c->quiet) {
        return;
    }
    va_start(args, format);
    say(c, "wherry: warning: ", format, args);
    va_end(args);
}

void console_note(struct console *c, const char *format, ...)
{
    va_list args;

    if (!c->verbose) {
        return;
    }
    va_start(args, format);
    say(c, "wherry: ", format, args);
    va_end(args);
}

bool console_draws(const struct console *c)
{
    return c->terminal && !c->quiet;
}

size_t console_width(const struct console *c)
{
    struct winsize size;

    if (ioctl(fileno(c->err), TIOCGWINSZ, &size) == -1 || size.ws_col == 0) {
        return WIDTH_DEFAULT;
    }
    return size.ws_col;
}

void console_draw(struct console *c, const char *line)
{
    (void)fprintf(c->err, "\r%s\033[K", line);
    (void)fflush(c->err);
    c->line_drawn = true;
}

void console_close(struct console *c, const char *line)
{
    console_wipe(c);
    if (!c->quiet && (c->terminal || c->verbose)) {
        (void)fprintf(c->err, "%s\n", line);
        (void)fflush(c->err);
    }
}
