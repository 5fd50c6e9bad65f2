/* SPDX-License-Identifier: BSD-2-Clause */
/* store/temp.h: a file without its name yet.
 *
 *   temp_open --> temp_become   a new name leads to it
 *             --> temp_replace  an existing name leads to it
 *   temp_close, at the end of each: what got no name is gone
 *
 * It has no name at all (O_TMPFILE), or, where the file system or a missing /proc does not allow
 * that, the name JAIL_TEMP_PREFIX and random letters. As long as it may be seen under such a name
 * it is locked (flock), so that sweep() can tell it from what a killed process left. A file of an
 * upload that may be resumed has a name of its own (store/keep.h) and outlives temp_leave(). */
#ifndef STORE_TEMP_H
#define STORE_TEMP_H

#include <wherry/res.h>

#include "store/jail.h"

#define TEMP_LETTERS 8
#define TEMP_NAME_BYTES 64 /* enough for the names of uploads and downloads that are kept, too */

enum temp_kind {
    TEMP_UNNAMED, /* if that can be had */
    TEMP_NAMED
};

struct temp {
    int fd;                     /* open for reading and writing, mode 0600 */
    int dir_fd;                 /* the caller's, open as long as this is */
    char name[TEMP_NAME_BYTES]; /* "": it has none */
};

enum res temp_open(struct temp *ret, int dir_fd, enum temp_kind kind);
/* In one step: RES_EXISTS when somebody else has the name by now. */
enum res temp_become(struct temp *t, const char *last);
/* In one step: whoever opens the name finds the old file or this one. */
enum res temp_replace(struct temp *t, const char *last);
/* The names it was written under are gone; the file stays open. What temp_close() does first. */
void temp_unlink(struct temp *t);
void temp_close(struct temp *t);
/* Closed and unlocked, its name stays. */
void temp_leave(struct temp *t);

#endif
