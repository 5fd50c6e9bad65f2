/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/settings_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errno_res.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)

static enum res read_all(FILE *file, char *text, char *why, size_t cap)
{
    size_t len = fread(text, 1, FILE_BYTES_MAX + 1, file);

    if (ferror(file) != 0) {
        enum res r = res_from_errno(errno);

        snprintf(why, cap, "cannot be read: %s", strerror(errno));
        return r;
    }
    if (len > FILE_BYTES_MAX) {
        snprintf(why, cap, "larger than 1 MiB: no file of settings");
        return RES_TOO_LARGE;
    }
    if (memchr(text, '\0', len) != NULL) {
        snprintf(why, cap, "it holds NUL bytes: no file of settings");
        return RES_PROTOCOL;
    }
    text[len] = '\0';
    return RES_OK;
}

enum res settings_text_read(const char *path, char **ret, char *why, size_t cap)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    enum res r;

    if (file == NULL) {
        r = res_from_errno(errno);
        snprintf(why, cap, "cannot be read: %s", strerror(errno));
        return r;
    }
    text = malloc(FILE_BYTES_MAX + 1);
    if (text == NULL) {
        snprintf(why, cap, "out of memory");
        r = RES_NO_MEMORY;
        goto cleanup;
    }
    r = read_all(file, text, why, cap);
    if (r == RES_OK) {
        *ret = text;
        text = NULL;
    }
cleanup:
    free(text);
    fclose(file);
    return r;
}
