/* SPDX-License-Identifier: BSD-2-Clause */
#include "load_pattern.h"

#define FILE_SHIFT 7919u

void pattern_init(struct pattern *p)
{
    uint64_t x = UINT64_C(0x9e3779b97f4a7c15);

    for (size_t i = 0; i < PATTERN_PERIOD; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        p->bytes[i] = (uint8_t)(x >> 32);
    }
    for (size_t i = PATTERN_PERIOD; i < sizeof(p->bytes); i++) {
        p->bytes[i] = p->bytes[i - PATTERN_PERIOD];
    }
}

const uint8_t *pattern_at(const struct pattern *p, uint32_t file, uint64_t offset)
{
    return p->bytes + (offset + (uint64_t)file * FILE_SHIFT) % PATTERN_PERIOD;
}
