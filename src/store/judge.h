/* SPDX-License-Identifier: BSD-2-Clause */
/* store/judge.h: the policy's answer about what a name led to. Judged is where that lies beneath
 * the root, links followed, and not how it was called: the kernel is asked for the path of the open
 * descriptor (a link of /proc; without /proc the answer is RES_UNSUPPORTED), and only when a rule
 * has a path. On file systems that take `A` for `a` the path may have the case of the request.
 *
 * who NULL: everything is allowed. Nothing here blocks, but for judge_miss() without JAIL_CACHED.
 */
#ifndef STORE_JUDGE_H
#define STORE_JUDGE_H

#include <wherry/res.h>

#include "store/jail.h"
#include "store/policy.h"

/* As policy_judge(). RES_CHANGED: the name was removed or replaced meanwhile, look it up again. */
enum res judge_fd(const struct jail *j, int fd, const struct policy_who *who,
                  enum policy_action action);
/* The same for a name in this directory, which need not exist. */
enum res judge_at(const struct jail *j, int dir_fd, const char *last, const struct policy_who *who,
                  enum policy_action action);
/* Nothing was found at this path (RES_NOT_FOUND), or something of which nobody was asked yet
 * (RES_IS_DIR): RES_DENIED where the action would have been, so that nobody learns which names
 * there are in places that he may not use. Every other `found` is the answer as it stands. */
enum res judge_miss(const struct jail *j, const char *path, enum jail_how how,
                    const struct policy_who *who, enum policy_action action, enum res found);

#endif
