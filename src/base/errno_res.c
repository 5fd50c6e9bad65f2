/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/errno_res.h"

#include <errno.h>

enum res res_from_errno(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EXDEV: /* openat2: the name leads out of the root */
        return RES_NOT_FOUND;
    case EISDIR:
        return RES_IS_DIR;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
        return RES_DENIED;
    case ENAMETOOLONG:
        return RES_NAME;
    case EEXIST:
        return RES_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return RES_NO_SPACE;
    case EFBIG:
        return RES_TOO_LARGE;
    case EMFILE:
    case ENFILE:
    case EAGAIN:
        return RES_BUSY;
    case ENOMEM:
        return RES_NO_MEMORY;
    case EPIPE: /* of a pipe nobody reads any more */
        return RES_LOST;
    default:
        return RES_IO;
    }
}
