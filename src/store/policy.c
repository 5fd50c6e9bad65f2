/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/policy.h"

static const char *const names[] = {
    [POLICY_WRITE_NONE] = "none",
    [POLICY_WRITE_CREATE] = "create",
    [POLICY_WRITE_REPLACE] = "replace",
};

const char *policy_write_name(enum policy_write w)
{
    return names[w];
}

enum res policy_judge_write(enum policy_write w, bool exists)
{
    if (w == POLICY_WRITE_NONE) {
        return RES_DENIED;
    }
    return exists && w == POLICY_WRITE_CREATE ? RES_EXISTS : RES_OK;
}
