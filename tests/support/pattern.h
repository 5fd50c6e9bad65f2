/* SPDX-License-Identifier: BSD-2-Clause */
/* support/pattern.h: bytes that depend on where they stand, also 256 or 65,536 further on. */
#ifndef SUPPORT_PATTERN_H
#define SUPPORT_PATTERN_H

#include <stddef.h>
#include <stdint.h>

uint8_t pattern_at(size_t offset);

#endif
