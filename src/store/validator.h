/* SPDX-License-Identifier: BSD-2-Clause */
/* store/validator.h: what tells one version of a file from the next, in 16 bytes that a client may
 * keep and show again: a hash of device, inode, size, mtime and ctime. Pure. */
#ifndef STORE_VALIDATOR_H
#define STORE_VALIDATOR_H

#include <stdint.h>
#include <sys/stat.h>

#include <wherry/message.h>

void validator_make(const struct stat *st, uint8_t ret[WHERRY_VALIDATOR_BYTES]);
/* Since 1970; what is older is 0. */
uint64_t validator_mtime_ns(const struct stat *st);
/* All of STAT's reply. st is of a regular file or a directory (whose size is 0). */
void validator_info(const struct stat *st, struct wherry_message_info *ret);

#endif
