/* SPDX-License-Identifier: BSD-2-Clause */
/* support/import_story.h: a file of another server's settings is imported, and what comes out is
 * looked at. What is printed is read back as a configuration each time. In a scratch directory
 * (support/scratch.h), which is also the working directory. */
#ifndef SUPPORT_IMPORT_STORY_H
#define SUPPORT_IMPORT_STORY_H

#include <stddef.h>

#include <wherry/res.h>

#include "server/import.h"

/* cmocka setup and teardown. */
int import_setup(void **state);
int import_teardown(void **state);

/* The text, in a file named `old`, is imported with this result. */
void import_gives(enum import_kind kind, const char *text, enum res r);
void import_bytes_give(enum import_kind kind, const void *bytes, size_t len, enum res r);
/* With any result, and nothing raw but UTF-8 in what it prints. */
void import_any(enum import_kind kind, const char *text);
/* Among the lines of the configuration is this one; no line begins so. */
void import_has(const char *line);
void import_lacks(const char *begin);
/* Just behind the comment: this line. */
void import_has_below(const char *comment, const char *line);
/* A complaint begins with this, behind "old:", and has this part in it; so many there are. */
void import_misses(const char *begin, const char *part);
void import_complaints(size_t count);
/* No byte of the output or the complaints is a control character, beside line ends. */
void import_is_printable(void);

#endif
