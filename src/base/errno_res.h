/* SPDX-License-Identifier: BSD-2-Clause */
/* base/errno_res.h: what errno means here. */
#ifndef BASE_ERRNO_RES_H
#define BASE_ERRNO_RES_H

#include <wherry/res.h>

/* ENOENT -> RES_NOT_FOUND, EISDIR -> RES_IS_DIR, EACCES, EPERM, EROFS, ELOOP -> RES_DENIED,
 * ENAMETOOLONG -> RES_NAME, EEXIST -> RES_EXISTS, ENOSPC, EDQUOT -> RES_NO_SPACE,
 * EFBIG -> RES_TOO_LARGE, EMFILE, ENFILE, EAGAIN -> RES_BUSY, ENOMEM -> RES_NO_MEMORY,
 * ENOTDIR, EXDEV -> RES_NOT_FOUND, all else RES_IO. */
enum res res_from_errno(int error);

#endif
