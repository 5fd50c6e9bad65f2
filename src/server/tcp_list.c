/* SPDX-License-Identifier: BSD-2-Clause */
/* LIST: entries of the store's listing leave as ENTRIES, as many frames as it takes. */
#include "server/tcp_session.h"
#include "server/who.h"

static void on_opened(void *owner, enum res r)
{
    struct tcp_session *s = owner;
    uint64_t now_ns = loop_now_ns(s->room->loop);

    if (r == RES_OK) {
        s->list.open = true;
    } else {
        tcp_session_end(s, r, NULL, now_ns);
    }
    tcp_session_flush(s, now_ns);
}

static void on_ready(void *owner, enum res r)
{
    struct tcp_session *s = owner;
    uint64_t now_ns = loop_now_ns(s->room->loop);

    if (r != RES_OK) {
        tcp_session_end(s, r, NULL, now_ns);
    }
    tcp_session_flush(s, now_ns);
}

static void list_begin(struct tcp_session *s, uint64_t now_ns)
{
    const struct wherry_message_list *m = &s->request->m.list;
    const struct policy_who who = who_of(s->room->config, &s->peer);
    struct listing_params p = {.who = &who, .opened = on_opened, .ready = on_ready, .owner = s};
    enum res r = listing_open(&s->list.listing, s->room->listings, &p, tcp_session_name(s, m->path),
                              m->after);

    if (r != RES_LATER) {
        tcp_session_end(s, r, NULL, now_ns);
    }
}

/* From this entry on, as many as there are by now and the frame has room for. */
static enum res fill_frame(struct tcp_session *s, struct wherry_message_entries *frame,
                           struct wherry_message_entry *entry, bool *ret_more)
{
    enum res r = RES_OK;

    while (r == RES_OK && *ret_more && wherry_message_entries_add(frame, entry)) {
        listing_take(s->list.listing);
        r = listing_next(s->list.listing, entry, ret_more);
    }
    return r;
}

static void list_pump(struct tcp_session *s, uint64_t now_ns)
{
    struct wherry_message_entries frame;
    struct wherry_message_entry entry;
    bool more = true;
    enum res r;

    if (!s->list.open) {
        return;
    }
    r = listing_next(s->list.listing, &entry, &more);
    while (r == RES_OK && more) {
        if (!wherry_exchange_entries_begin(s->exchange, &frame)) {
            return; /* comes again when there is room, or is stopped */
        }
        r = fill_frame(s, &frame, &entry, &more);
        s->bytes += frame.len - WHERRY_FRAME_HEADER_BYTES;
        (void)wherry_exchange_entries_end(s->exchange, &frame, now_ns); /* refused, so is the end */
    }
    if (r != RES_LATER) {
        tcp_session_end(s, r, NULL, now_ns);
    }
}

static void list_stop(struct tcp_session *s, enum res why, uint64_t now_ns)
{
    tcp_session_end(s, why, NULL, now_ns);
}

static void list_free(struct tcp_session *s)
{
    listing_free(s->list.listing);
    s->list.listing = NULL;
    s->list.open = false;
}

const struct tcp_driver tcp_list_driver = {
    .op = "list",
    .begin = list_begin,
    .pump = list_pump,
    .stop = list_stop,
    .free = list_free,
};
