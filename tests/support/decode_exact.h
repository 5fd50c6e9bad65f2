/* SPDX-License-Identifier: BSD-2-Clause */
/* support/decode_exact.h: feeds a frame decoder so that a read past the end is caught. */
#ifndef SUPPORT_DECODE_EXACT_H
#define SUPPORT_DECODE_EXACT_H

#include <wherry/frame.h>

/* wherry_frame_decode() from a heap block of exactly len bytes. A piece of DATA is told as lying in
 * bytes; anything else must not depend on the block, which is gone. */
size_t decode_exact(struct wherry_frame_decoder *d, const uint8_t *bytes, size_t len,
                    struct wherry_decoded *ret);

#endif
