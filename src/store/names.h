/* SPDX-License-Identifier: BSD-2-Clause */
/* store/names.h: the names in a directory, and what each of them means just now. Everything here
 * may block. */
#ifndef STORE_NAMES_H
#define STORE_NAMES_H

#include <stddef.h>

#include <wherry/message.h>
#include <wherry/res.h>

#include "store/jail.h"

/* Zeroed: none. */
struct names {
    char *text;          /* all of them, each with its NUL */
    const char **sorted; /* bytewise; into text */
    size_t count;
};

/* All names of the open directory that the file protocol can say, but not those that are certainly
 * neither a file nor a directory nor a link. dir_fd stays open. RES_DENIED: names may be read, but
 * nothing may be known about them. */
enum res names_read(struct names *ret, int dir_fd);
void names_clear(struct names *n);
/* How many names are not behind this one, which need not exist. */
size_t names_up_to(const struct names *n, const char *last);

/* The entry of a name; links are followed beneath the root, for which dir_name is the directory as
 * in store/exact.h. Of a directory the size is 0.
 *
 * RES_NOT_FOUND: the name is gone, leads to nothing inside the root, may not be looked at, or is
 * neither a file nor a directory: it is not listed. RES_BUSY, RES_NO_MEMORY: it may well exist. */
enum res names_look(const char *name, const struct jail *j, int dir_fd, const char *dir_name,
                    struct wherry_message_entry *ret);

#endif
