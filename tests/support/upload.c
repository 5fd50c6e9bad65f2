/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/upload.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "support/scratch.h"

static struct jail *jail;

int upload_setup(void **state)
{
    if (scratch_setup(state) == -1) {
        return -1;
    }
    scratch_dir("root");
    return jail_open(&jail, "root") == RES_OK ? 0 : -1;
}

int upload_teardown(void **state)
{
    jail_free(jail);
    jail = NULL;
    return scratch_teardown(state);
}

const struct jail *upload_jail(void)
{
    return jail;
}

enum res upload_try(struct writer **ret, const char *name, enum policy_write policy)
{
    const struct writer_params p = {
        .replace = true, .mode = 0640, .expected_size = WRITER_SIZE_UNKNOWN};

    const struct policy_who who = {.write = policy};

    return writer_begin(ret, jail, name, &who, &p);
}

struct writer *upload_begin(const char *name, enum policy_write policy, const char *text)
{
    struct writer *w = NULL;

    assert_int_equal(upload_try(&w, name, policy), RES_OK);
    assert_int_equal(writer_write(w, (const uint8_t *)text, strlen(text)), RES_OK);
    return w;
}

mode_t upload_mode(const char *path)
{
    struct stat st;

    assert_return_code(stat(path, &st), errno);
    return st.st_mode & 07777;
}
