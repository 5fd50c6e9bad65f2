/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/local_path.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool leads_to_directory(const char *path)
{
    size_t len = strlen(path);
    struct stat st;

    return (len > 0 && path[len - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

char *local_path_for(const char *operand, const char *last)
{
    char *path = NULL;
    size_t len;

    if (operand == NULL) {
        return strdup(last);
    }
    if (!leads_to_directory(operand)) {
        return strdup(operand);
    }
    len = strlen(operand);
    if (asprintf(&path, "%s%s%s", operand, len > 0 && operand[len - 1] == '/' ? "" : "/", last) ==
        -1) {
        return NULL;
    }
    return path;
}
