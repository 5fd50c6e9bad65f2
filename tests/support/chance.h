/* SPDX-License-Identifier: BSD-2-Clause */
/* support/chance.h: numbers that look random and are the same for the same seed everywhere. */
#ifndef SUPPORT_CHANCE_H
#define SUPPORT_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

void chance_init(struct chance *c, uint64_t seed);
uint64_t chance_draw(struct chance *c);
/* lowest to highest, both included. */
uint64_t chance_between(struct chance *c, uint64_t lowest, uint64_t highest);
/* True in permille of 1,000 cases. */
bool chance_happens(struct chance *c, uint32_t permille);

#endif
