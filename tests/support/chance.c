/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/chance.h"

void chance_init(struct chance *c, uint64_t seed)
{
    c->state = seed;
}

/* A counter with an odd step, its bits then mixed twice (the splitmix64 construction): full period
 * and no bad seeds, not even 0. */
uint64_t chance_draw(struct chance *c)
{
    uint64_t x = c->state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t chance_between(struct chance *c, uint64_t lowest, uint64_t highest)
{
    return lowest + chance_draw(c) % (highest - lowest + 1);
}

bool chance_happens(struct chance *c, uint32_t permille)
{
    return chance_draw(c) % 1000 < permille;
}
