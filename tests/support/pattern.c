/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/pattern.h"

uint8_t pattern_at(size_t offset)
{
    return (uint8_t)(offset * 31 + (offset >> 8) * 7 + (offset >> 16) * 3);
}
