/* SPDX-License-Identifier: BSD-2-Clause */
/* support/scratch.h: a directory of the test's own, which is also the working directory, so that
 * paths in tests are short and relative. Everything here fails the running test when it fails. */
#ifndef SUPPORT_SCRATCH_H
#define SUPPORT_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* cmocka setup and teardown: made under $TMPDIR or /tmp, removed with all that is in it. Open to
 * other users, for tests that become one. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

void scratch_dir(const char *path);
void scratch_file(const char *path, const char *text);
void scratch_link(const char *text, const char *path);
/* The file holds exactly this. */
void scratch_holds(const char *path, const char *text);
void scratch_absent(const char *path);
/* How many entries a directory has, beside "." and "..". */
size_t scratch_count(const char *path);

/* Gives a file to the user that scratch_in_child() makes of an ordinary child. */
void scratch_give(const char *path);
/* Runs fn in a child, which ends with its answer as exit status; the answer is returned. With
 * ordinary set the child is nobody if the test runs as root. A child that died is a failure. */
int scratch_in_child(int (*fn)(void *arg), void *arg, bool ordinary);
/* For a child: mounts that nobody else sees may be made from now on. False: not permitted here. */
bool scratch_private_mounts(void);
#define SCRATCH_CANNOT 77 /* exit status of a child that may not do what it is to test */
/* Says why, then skips the running test. */
void scratch_skip(const char *why);

#endif
