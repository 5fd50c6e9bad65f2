/* SPDX-License-Identifier: BSD-2-Clause */
/* store/keep.h: what is written down about an upload that may be resumed. */
#ifndef STORE_KEEP_H
#define STORE_KEEP_H
#endif
