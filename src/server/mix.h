/* SPDX-License-Identifier: BSD-2-Clause */
/* server/mix.h: what clients are told apart with by hash, in tables and among workers. With a seed
 * from mix_seed(), nobody outside can choose addresses that meet in one row. */
#ifndef SERVER_MIX_H
#define SERVER_MIX_H

#include <stdint.h>
#include <sys/random.h>

/* Two rounds of multiplying and folding; every bit of the words reaches the low ones. */
static inline uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return h ^ h >> 32;
}

/* place: memory of the table, whose address has to do early at boot; the kernel chose that too. */
static inline uint64_t mix_seed(const void *place)
{
    uint64_t seed;

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed)) {
        seed = (uint64_t)(uintptr_t)place;
    }
    return seed;
}

#endif
