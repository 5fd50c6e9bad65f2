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

void console_say(struct console *c, enum console_kind kind, const char *format, ...)
{
    static const char *const fronts[] = {
        [CONSOLE_ERROR] = "wherry: ",
        [CONSOLE_WARNING] = "wherry: warning: ",
        [CONSOLE_NOTE] = "wherry: ",
    };
    va_list args;

    if ((kind == CONSOLE_WARNING && c->quiet) || (kind == CONSOLE_NOTE && !c->verbose)) {
        return;
    }
    console_wipe(c);
    (void)fputs(fronts[kind], c->err);
    va_start(args, format);
    (void)vfprintf(c->err, format, args);
    va_end(args);
    (void)fputc('\n', c->err);
    (void)fflush(c->err);
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
