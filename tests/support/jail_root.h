/* SPDX-License-Identifier: BSD-2-Clause */
/* support/jail_root.h: a root, and something beside it that nobody may reach, in a scratch
 * directory: root/file, root/dir/file and outside/secret; the text of each file of the root is its
 * name, that of the other "secret". */
#ifndef SUPPORT_JAIL_ROOT_H
#define SUPPORT_JAIL_ROOT_H

#include "store/jail.h"

/* Of cmocka's setup and teardown. */
int jail_root_setup(void **state, struct jail **ret);
int jail_root_teardown(void **state, struct jail **jail);

#endif
