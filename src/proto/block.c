/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/block.h"

/* With rollover 1 the numbers 1 to 65535 go round, and 0 is block 0 alone. */
static uint64_t period(uint16_t rollover)
{
    return UINT64_C(65536) - rollover;
}

uint16_t block_to_wire(uint64_t block, uint16_t rollover)
{
    if (block == 0) {
        return 0;
    }
    return (uint16_t)((block - rollover) % period(rollover) + rollover);
}

bool block_from_wire(uint16_t wire, uint64_t near, uint16_t rollover, uint64_t *ret)
{
    uint64_t round = period(rollover);
    uint64_t rounds = 0;

    if (near > wire) {
        rounds = (near - wire + (round - 1) / 2) / round; /* nearest; of two the older */
    }
    if (rounds > 0 && wire == 0 && rollover != 0) {
        return false;
    }
    *ret = wire + rounds * round;
    return true;
}
