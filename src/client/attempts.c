/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attempts.h"

/* Fragments of jumbo frames, Ethernet less a tunnel or two, and what the meanest link carries. */
static const uint16_t ladder[] = {8192, 1428, 1024};

void attempts_init(struct attempts *a, size_t address_count, bool options, uint16_t blksize)
{
    *a = (struct attempts){
        .address_count = address_count,
        .first_options = options,
        .first_blksize = blksize,
        .options = options,
        .blksize = blksize,
    };
}

static void step_down(struct attempts *a, uint16_t blksize)
{
    for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++) {
        if (ladder[i] < blksize) {
            a->blksize = ladder[i];
            return;
        }
    }
    a->options = false;
}

bool attempts_next(struct attempts *a, enum attempt_end end, uint16_t blksize)
{
    switch (end) {
    case ATTEMPT_UNREACHED:
        if (a->address + 1 >= a->address_count) {
            return false;
        }
        a->address++;
        a->options = a->first_options;
        a->blksize = a->first_blksize;
        return true;
    case ATTEMPT_OPTIONS_REFUSED:
        if (!a->options) {
            return false;
        }
        a->options = false;
        return true;
    case ATTEMPT_BLOCKS_LOST:
        if (!a->options) {
            return false;
        }
        step_down(a, blksize);
        return true;
    case ATTEMPT_FINAL:
        break;
    }
    return false;
}
