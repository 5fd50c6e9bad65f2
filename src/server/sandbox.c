/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/sandbox.h"

enum res sandbox_enter(const struct config *c, const struct jail *jail, const struct log *log,
                       char *why, size_t cap)
{
    (void)c;
    (void)jail;
    (void)log;
    (void)why;
    (void)cap;
    return RES_OK;
}

void sandbox_print(FILE *to)
{
    (void)to;
}
