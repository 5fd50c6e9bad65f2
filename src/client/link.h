/* SPDX-License-Identifier: BSD-2-Clause */
/* client/link.h: one connection to a server of the file protocol, for commands that ask one thing
 * after the other: joins wherry/client_exchange.h to a socket, a loop, the signals that end us, and
 * the clock. A command issues requests on link_exchange() and then pulls events, which lets the
 * loop run; it serves nobody else, so a command reads and writes its own files in between.
 *
 *   link_open() --link_next()*, link_send()*--> link_close()
 *
 * A call that fails says why in *why, ready for the user (client/outcome.h): no such host, nobody
 * there, the connection lost or silent for --timeout, bad frames, a signal. Then the link is over,
 * and every further call fails with the same. */
#ifndef CLIENT_LINK_H
#define CLIENT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/client_exchange.h>

#include "client/console.h"
#include "client/option_rows.h"
#include "client/outcome.h"
#include "client/url.h"

struct link;

struct link_params {
    const struct url *url; /* its host and port; one address after the other is tried */
    const struct client_settings *settings; /* ipv4, ipv6, patience_ns */
    struct console *console;                /* notes: which address */
};

bool link_open(struct link **ret, const struct link_params *p, struct outcome *why);
void link_close(struct link *l); /* takes NULL; wipes a progress line */
/* It leads to the host and port of this URL, and requests may still be made on it. */
bool link_leads_to(const struct link *l, const struct url *url);

/* To issue and cancel requests, with link_now_ns(). Not for what moves bytes. */
struct wherry_client_exchange *link_exchange(struct link *l);
uint64_t link_now_ns(const struct link *l);
/* Why a request could not be issued (result of the exchange, not RES_OK), for the user: RES_NAME,
 * RES_SHUTDOWN with what GOAWAY said or why the connection broke. */
void link_explain(const struct link *l, enum res result, struct outcome *why);

/* The next event of a request: anything but NONE, HELLO, PING_REPLY, GOAWAY and CLOSED, which the
 * link deals with. REFUSED and LOST make it fail. Views are good until the next call. */
bool link_next(struct link *l, struct wherry_client_event *ret, struct outcome *why);
/* The same for what is here already: *ret is of kind NONE if nothing is. To be called now and then
 * during long work on local files: it also looks for signals, and keeps an idle connection. */
bool link_poll(struct link *l, struct wherry_client_event *ret, struct outcome *why);
/* Sends all that is due and the len bytes of the DATA frame that was begun, len as announced. If
 * the server takes no more, what it said last, or the failure, comes from the next link_poll() or
 * link_next(), which is to be asked before the next frame is begun. */
bool link_send(struct link *l, const uint8_t *bytes, uint32_t len, struct outcome *why);
/* Waits until a descriptor of ours takes bytes (4 KiB of them, for a pipe), for as long as that may
 * take. Fails for a signal only: also works when the link is over, for what came before. */
bool link_wait_writable(struct link *l, int fd, struct outcome *why);

/* After a failure: the server may have had all of a request that did not end, so a file may be
 * stored, or a directory made, all the same. */
bool link_may_be_done(const struct link *l);

/* Called some times a second while the link waits or sends, for a progress line. NULL: none. */
void link_tick(struct link *l, void (*fn)(void *arg, uint64_t now_ns), void *arg);

#endif
