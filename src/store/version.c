/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/version.h"

#include <stdint.h>

#define FINE_NS INT64_C(20000000)
#define COARSE_NS INT64_C(4000000000)
#define FAR_SECONDS 10

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

bool version_is_settled(const struct version *v, struct timespec now)
{
    const struct timespec at = v->ctime;
    int64_t limit = at.tv_nsec != 0 ? FINE_NS : COARSE_NS;
    int64_t ns;

    /* Both sides: the clock may have been set back, and come to the same time again. */
    if (at.tv_sec < now.tv_sec - FAR_SECONDS || at.tv_sec > now.tv_sec + FAR_SECONDS) {
        return true;
    }
    ns = (int64_t)(now.tv_sec - at.tv_sec) * 1000000000 + (now.tv_nsec - at.tv_nsec);
    return ns > limit || ns < -limit;
}
