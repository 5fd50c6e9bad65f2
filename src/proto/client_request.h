/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/client_request.h: one request of a client, and whether what a server sends for it is what
 * was asked for and adds up.
 *
 * The functions that judge return RES_OK, RES_PROTOCOL or RES_UNSUPPORTED (a tag that has to be
 * known); if not RES_OK, *why is set, in words, and the connection is lost. */
#ifndef PROTO_CLIENT_REQUEST_H
#define PROTO_CLIENT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/client_exchange.h>

/* A name has at most 255 bytes: of what it is compared with no more than one more matters. */
#define CLIENT_REQUEST_AFTER_BYTES (WHERRY_COMPONENT_MAX + 1u)

struct client_request {
    uint32_t id;
    uint8_t type;
    bool cancelled;
    bool replied; /* its one INFO, GET_REPLY, READY or HASH_REPLY came */
    bool closed;  /* PUT: END or CANCEL was queued */
    /* Places in the queue: behind its frame, and behind all that the server needs to do it. */
    uint64_t asked_at;
    uint64_t done_at;

    /* LIST: the names that come are beyond this one. */
    uint8_t after[CLIENT_REQUEST_AFTER_BYTES];
    size_t after_len;

    /* GET: asked for; then where the next DATA begins and what is still to come.
     * PUT: how many bytes are still to be announced in DATA frames, if the size is known. */
    uint64_t offset;
    uint64_t count;
    uint64_t size;

    bool has_key;
    uint8_t key[WHERRY_VALIDATOR_BYTES]; /* GET: if-match; PUT: the upload id */
};

void client_request_init(struct client_request *r, uint8_t type, uint32_t id);
void client_request_set_list(struct client_request *r, const struct wherry_message_list *m);
void client_request_set_get(struct client_request *r, const struct wherry_message_get *m);
void client_request_set_put(struct client_request *r, const struct wherry_message_put *m);

/* A whole frame of this request other than ENTRIES and END. */
enum res client_request_reply(struct client_request *r, const struct wherry_decoded *d,
                              struct wherry_client_event *ret, const char **why);
/* The next entry of an ENTRIES frame. */
enum res client_request_entry(struct client_request *r, struct wherry_view *rest,
                              struct wherry_client_event *ret, const char **why);
/* A piece of a DATA frame; ret stays as it is if there are no bytes. */
enum res client_request_data(struct client_request *r, const struct wherry_decoded *d,
                             struct wherry_client_event *ret, const char **why);
/* END. done: all that the server needs has left. */
enum res client_request_end(struct client_request *r, const struct wherry_decoded *d, bool done,
                            struct wherry_client_event *ret, const char **why);

/* The status and text of an END: of a request, or of the connection. */
enum res client_request_read_end(const struct wherry_decoded *d, struct wherry_client_end *ret,
                                 const char **why);

#endif
