/* SPDX-License-Identifier: BSD-2-Clause */
/* client/console.h: all that wherry(1) says, on standard error; files alone go to standard output.
 *
 *                      terminal   no terminal
 *   errors             always     always
 *   warnings           unless -q  unless -q
 *   notes              with -v    with -v
 *   progress line      unless -q  never
 *   closing line       unless -q  with -v
 *
 * The progress line is drawn over itself and wiped before anything else is said. */
#ifndef CLIENT_CONSOLE_H
#define CLIENT_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct console {
    FILE *err;
    bool terminal; /* err is one that can move its cursor */
    bool quiet;
    bool verbose;
    bool line_drawn;
};

enum console_kind { CONSOLE_ERROR, CONSOLE_WARNING, CONSOLE_NOTE };

void console_init(struct console *c, FILE *err, bool quiet, bool verbose);
/* One line, "wherry: " in front of it. Untrusted text goes through text_quote() first. */
void console_say(struct console *c, enum console_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Whether a progress line is wanted, the columns it may have, and the line. */
bool console_draws(const struct console *c);
size_t console_width(const struct console *c);
void console_draw(struct console *c, const char *line);
void console_wipe(struct console *c);
/* The closing line, in place of the progress line. */
void console_close(struct console *c, const char *line);

#endif
