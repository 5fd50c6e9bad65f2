/* SPDX-License-Identifier: BSD-2-Clause */
/* support/upload.h: a scratch directory with a jail named "root" in it, and uploads into that. */
#ifndef SUPPORT_UPLOAD_H
#define SUPPORT_UPLOAD_H

#include <sys/types.h>

#include "store/jail.h"
#include "store/writer.h"

/* cmocka setup and teardown; scratch.h's are within. */
int upload_setup(void **state);
int upload_teardown(void **state);
const struct jail *upload_jail(void);

/* A writer for mode 0640 and any size. */
enum res upload_try(struct writer **ret, const char *name, enum policy_write policy);
/* The same, which works, and has taken this text. */
struct writer *upload_begin(const char *name, enum policy_write policy, const char *text);
/* The permissions of a file, setuid and setgid too. */
mode_t upload_mode(const char *path);

#endif
