/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/import.h"

enum res import_print(enum import_kind kind, const char *path, FILE *to, FILE *complaints)
{
    (void)kind;
    (void)to;
    fprintf(complaints, "%s: cannot be imported yet\n", path);
    return RES_UNSUPPORTED;
}
