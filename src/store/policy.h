/* SPDX-License-Identifier: BSD-2-Clause */
/* store/policy.h: may this be read or written? Pure: facts in, yes or no out. */
#ifndef STORE_POLICY_H
#define STORE_POLICY_H

#include <stdbool.h>

#include <wherry/res.h>

enum policy_write {
    POLICY_WRITE_NONE,   /* nobody may upload */
    POLICY_WRITE_CREATE, /* new names only */
    POLICY_WRITE_REPLACE /* new or existing */
};

/* "none", "create", "replace". */
const char *policy_write_name(enum policy_write w);
/* RES_OK, RES_DENIED (uploads are off) or RES_EXISTS (the name exists and may not be replaced). */
enum res policy_judge_write(enum policy_write w, bool exists);

#endif
