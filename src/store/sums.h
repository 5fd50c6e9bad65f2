/* SPDX-License-Identifier: BSD-2-Clause */
/* store/sums.h: SHA-256 sums that were found, remembered by the validator of their file. When there
 * are too many the least recently used goes. Not safe in several threads. */
#ifndef STORE_SUMS_H
#define STORE_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/message.h>
#include <wherry/res.h>

struct sums;

/* most: how many, or 0. */
enum res sums_new(struct sums **ret, size_t most);
void sums_free(struct sums *all); /* takes NULL */
/* Without memory it is not, and the file is hashed anew the next time. */
void sums_remember(struct sums *all, const uint8_t validator[WHERRY_VALIDATOR_BYTES],
                   const uint8_t sha256[WHERRY_SHA256_BYTES]);
bool sums_recall(struct sums *all, const uint8_t validator[WHERRY_VALIDATOR_BYTES],
                 uint8_t ret_sha256[WHERRY_SHA256_BYTES]);

#endif
