/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/jail_root.h"

#include "support/scratch.h"

int jail_root_setup(void **state, struct jail **ret)
{
    if (scratch_setup(state) == -1) {
        return -1;
    }
    scratch_dir("root");
    scratch_dir("outside");
    scratch_file("outside/secret", "secret");
    scratch_file("root/file", "file");
    scratch_dir("root/dir");
    scratch_file("root/dir/file", "dir/file");
    return jail_open(ret, "root") == RES_OK ? 0 : -1;
}

int jail_root_teardown(void **state, struct jail **jail)
{
    jail_free(*jail);
    *jail = NULL;
    return scratch_teardown(state);
}
