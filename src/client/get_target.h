/* SPDX-License-Identifier: BSD-2-Clause */
/* client/get_target.h: where the bytes of one download go, whichever the protocol: a path, or what
 * cannot be replaced and is written to as it is. */
#ifndef CLIENT_GET_TARGET_H
#define CLIENT_GET_TARGET_H

#include "client/command.h"
#include "client/remote.h"

struct get_target {
    const char *text; /* the path, or what messages call it */
    char *path;       /* owned; NULL: none */
    int fd;           /* -1: the path */
};

/* operand: as the user wrote it, or NULL: `last`, the last component of the name, in the working
 * directory. The connection is closed if this may wait: a FIFO does, for its reader, and then only
 * the default of a signal ends us. On anything but EXIT_CODE_OK that was said, and *ret is to be
 * cleared all the same. */
enum exit_code get_target_choose(struct get_target *ret, const struct command_call *call,
                                 struct remote *remote, const char *url_text, const char *operand,
                                 const char *last);
/* code: how the download ended; the answer may be worse. */
enum exit_code get_target_clear(struct get_target *t, const struct command_call *call,
                                enum exit_code code);

#endif
