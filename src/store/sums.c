/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/sums.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

/* A validator is a hash already: its front finds the bucket. */
struct sum {
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
    uint8_t sha256[WHERRY_SHA256_BYTES];
    struct sum *prev, *next; /* from the least recently used to the latest */
    struct sum *chain;       /* in the same bucket */
};

struct bucket {
    struct sum *first;
};

struct sums {
    struct sum *oldest;
    size_t count;
    size_t most;
    struct bucket buckets[]; /* as many as `most` */
};

enum res sums_new(struct sums **ret, size_t most)
{
    struct sums *all;

    if (most > (SIZE_MAX - sizeof(*all)) / sizeof(all->buckets[0])) {
        return RES_NO_MEMORY;
    }
    all = calloc(1, sizeof(*all) + most * sizeof(all->buckets[0]));
    if (all == NULL) {
        return RES_NO_MEMORY;
    }
    all->most = most;
    *ret = all;
    return RES_OK;
}

/* The link that leads to the sum of this validator, or to NULL at the end of its bucket. */
static struct sum **find(struct sums *all, const uint8_t *validator)
{
    struct sum **at;
    uint64_t front;

    memcpy(&front, validator, sizeof(front));
    at = &all->buckets[front % all->most].first;
    while (*at != NULL && memcmp((*at)->validator, validator, WHERRY_VALIDATOR_BYTES) != 0) {
        at = &(*at)->chain;
    }
    return at;
}

static void forget_oldest(struct sums *all)
{
    struct sum *sum = all->oldest;

    *find(all, sum->validator) = sum->chain;
    DL_DELETE(all->oldest, sum);
    free(sum);
    all->count--;
}

void sums_free(struct sums *all)
{
    if (all == NULL) {
        return;
    }
    while (all->oldest != NULL) {
        forget_oldest(all);
    }
    free(all);
}

void sums_remember(struct sums *all, const uint8_t validator[WHERRY_VALIDATOR_BYTES],
                   const uint8_t sha256[WHERRY_SHA256_BYTES])
{
    struct sum *sum;

    if (all->most == 0 || *find(all, validator) != NULL) {
        return; /* the same version has the same sum */
    }
    sum = calloc(1, sizeof(*sum));
    if (sum == NULL) {
        return;
    }
    if (all->count == all->most) {
        forget_oldest(all);
    }
    memcpy(sum->validator, validator, sizeof(sum->validator));
    memcpy(sum->sha256, sha256, sizeof(sum->sha256));
    *find(all, validator) = sum;
    DL_APPEND(all->oldest, sum);
    all->count++;
}

bool sums_recall(struct sums *all, const uint8_t validator[WHERRY_VALIDATOR_BYTES],
                 uint8_t ret_sha256[WHERRY_SHA256_BYTES])
{
    struct sum *sum = all->most == 0 ? NULL : *find(all, validator);

    if (sum == NULL) {
        return false;
    }
    DL_DELETE(all->oldest, sum);
    DL_APPEND(all->oldest, sum);
    memcpy(ret_sha256, sum->sha256, sizeof(sum->sha256));
    return true;
}
