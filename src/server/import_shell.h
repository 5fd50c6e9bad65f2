/* SPDX-License-Identifier: BSD-2-Clause */
/* server/import_shell.h: the assignments of a file that a shell reads, without a shell.
 *
 * A file of /etc/default is a script. Taken from it are lines of `NAME=value`, several on a line,
 * with or without `export` in front, with single and double quotes, backslashes, continued lines
 * and comments as POSIX has them (Shell Command Language, 2.2 and 2.9.1). Everything whose value a
 * shell would have to work out, and every command, is an error: running it, or guessing, would be
 * worse. */
#ifndef SERVER_IMPORT_SHELL_H
#define SERVER_IMPORT_SHELL_H

#include <stdbool.h>

struct import_shell {
    char *at;          /* where to read on; the text is written over */
    unsigned line;     /* of `at`, from 1 */
    bool exporting;    /* `export` was read, and the command is not over */
    const char *wrong; /* why nothing more can be read, or NULL */
};

struct import_assignment {
    const char *name;
    char *value; /* without its quotes; part of the text */
    unsigned line;
};

/* False: the text ends here, or s->wrong says what is wrong in s->line. Begin with {.at = text,
 * .line = 1}. */
bool import_shell_next(struct import_shell *s, struct import_assignment *ret);

#endif
