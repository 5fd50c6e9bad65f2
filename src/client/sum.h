/* SPDX-License-Identifier: BSD-2-Clause */
/* client/sum.h: SHA-256 of bytes as they pass, by libcrypto.
 *
 *   sum_new --sum_add*--> sum_final --> sum_free */
#ifndef CLIENT_SUM_H
#define CLIENT_SUM_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/message.h>
#include <wherry/res.h>

struct sum;

/* RES_NO_MEMORY, or RES_UNSUPPORTED: libcrypto was told to do without SHA-256. */
enum res sum_new(struct sum **ret);
/* RES_NO_MEMORY, hardly ever; sum_final() then fails too. */
enum res sum_add(struct sum *s, const void *bytes, size_t len);
/* Once, last. */
enum res sum_final(struct sum *s, uint8_t ret[WHERRY_SHA256_BYTES]);
void sum_free(struct sum *s); /* takes NULL */

#endif
