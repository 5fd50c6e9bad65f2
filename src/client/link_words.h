/* SPDX-License-Identifier: BSD-2-Clause */
/* client/link_words.h: why a connection of the file protocol ended, for the user. Pure. */
#ifndef CLIENT_LINK_WORDS_H
#define CLIENT_LINK_WORDS_H

#include <wherry/client_exchange.h>
#include <wherry/res.h>

#include "client/outcome.h"
#include "net/addr.h"

/* GOAWAY came: what the server says is quoted. Side NETWORK. */
void link_words_goaway(struct outcome *ret, const struct addr *peer,
                       const struct wherry_client_end *end);
/* The stream is over: result and words are those of WHERRY_CLIENT_CLOSED. Side NETWORK if neither
 * we nor the server's frames are to blame. */
void link_words_close(struct outcome *ret, const struct addr *peer, enum res result,
                      const char *said);

#endif
