/* SPDX-License-Identifier: BSD-2-Clause */
/* server/inherited.h: bound sockets that the service manager opened for this program and handed
 * over (sd_listen_fds(3)): descriptors 3, 4 ... with their number in LISTEN_FDS. */
#ifndef SERVER_INHERITED_H
#define SERVER_INHERITED_H

#include <stddef.h>

#include <wherry/res.h>

#include "net/addr.h"

#define INHERITED_FIRST 3   /* descriptor */
#define INHERITED_MAX 1024u /* descriptors */
#define INHERITED_WHY 320   /* room enough for every message */

/* Takes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES out of the environment, so before the first
 * thread. *ret: how many sockets were handed over to this very process; 0 without these variables
 * or when LISTEN_PID names another. */
enum res inherited_count(unsigned *ret, char *why, size_t cap);
/* Makes the descriptor a listening socket of ours and says what it serves: UDP is TFTP, listening
 * TCP the file protocol. Anything else is refused; why names the descriptor and what is allowed. */
enum res inherited_adopt(int fd, struct endpoint *ret, char *why, size_t cap);

#endif
