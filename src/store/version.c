/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/version.h"

#include <time.h>

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

struct version version_of(const struct stat *st)
{
    return (struct version){
        .size = st->st_size, .links = st->st_nlink, .mtime = st->st_mtim, .ctime = st->st_ctim};
}

bool version_looks_same(const struct version *a, const struct version *b)
{
    return a->size == b->size && same_time(a->mtime, b->mtime);
}

bool version_is_same(const struct version *then, const struct version *now)
{
    return version_looks_same(then, now) &&
           (same_time(then->ctime, now->ctime) || then->links != now->links);
}
