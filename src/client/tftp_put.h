/* SPDX-License-Identifier: BSD-2-Clause */
/* client/tftp_put.h: a source and the sender before it. */
#ifndef CLIENT_TFTP_PUT_H
#define CLIENT_TFTP_PUT_H

#include "client/tftp_core.h"
#include "store/source.h"

struct tftp_put;

extern const struct tftp_core_ops tftp_put_ops;

/* The source stays the caller's and outlives the core. One source may serve several cores, one
 * after the other, as long as none had a block acknowledged. RES_NO_MEMORY. */
enum res tftp_put_new(struct tftp_put **ret, const struct tftp_core_params *p,
                      struct source *source);

#endif
