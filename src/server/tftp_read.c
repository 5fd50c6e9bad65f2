/* SPDX-License-Identifier: BSD-2-Clause */
/* A read: the file's bytes leave as DATA. */
#include "proto/wire_error.h"
#include "server/tftp_session.h"
#include "server/who.h"

static void on_opened(void *owner, enum res r)
{
    tftp_session_opened(owner, r);
}

static void on_ready(void *owner)
{
    struct tftp_session *ss = owner;

    ss->read.loading = false;
    tftp_session_flush(ss, loop_now_ns(ss->room->loop));
}

static enum res read_open(struct tftp_session *ss)
{
    struct wherry_request request = tftp_session_request(ss);
    struct policy_who who = who_of(ss->room->config, &ss->seat.peer);
    struct source_params p = {
        .loop = ss->room->loop,
        .pool = ss->room->pool,
        .files = ss->room->files,
        .who = &who,
        .netascii = request.mode == WHERRY_NETASCII,
        .opened = on_opened,
        .ready = on_ready,
        .owner = ss,
    };

    /* The view ends at the NUL that stands behind it in the request. */
    return source_open(&ss->read.source, &p, ss->room->jail, (const char *)request.name.bytes);
}

static enum res read_begin(struct tftp_session *ss, struct wherry_offer *offer, uint64_t now_ns)
{
    struct wherry_request request = tftp_session_request(ss);
    uint64_t length = source_length(ss->read.source);
    uint8_t pairs[WHERRY_OPTIONS_BYTES];
    uint8_t oack[SESSION_CONTROL_BYTES];
    struct wherry_options asked;
    struct wherry_sender_params p = {
        .length = length,
        .patience_ns = ss->room->config->patience_ns,
        .last_ack_optional = true,
        .now_ns = now_ns,
    };
    size_t len;

    /* The bytes that cross the wire as netascii are not known before they were converted. */
    offer->tsize_offered = request.mode == WHERRY_OCTET && length != WHERRY_LENGTH_UNKNOWN;
    offer->size = offer->tsize_offered ? length : 0;
    wherry_options_parse(&asked, request.options);
    len = wherry_options_answer(&asked, WHERRY_RRQ, offer, &p.agreed, pairs);
    if (len > 0) {
        p.opening = oack;
        p.opening_len = wherry_packet_oack(oack, sizeof(oack), pairs, len);
    }
    ss->blksize = p.agreed.blksize;
    ss->windowsize = p.agreed.windowsize;
    return wherry_sender_new(&ss->read.sender, &p);
}

static void read_input(struct tftp_session *ss, const struct wherry_packet *p, uint64_t now_ns)
{
    wherry_sender_input(ss->read.sender, p, now_ns);
}

static void read_repeat(struct tftp_session *ss, uint64_t now_ns)
{
    wherry_sender_repeat(ss->read.sender, now_ns);
}

static void read_expire(struct tftp_session *ss, uint64_t now_ns)
{
    wherry_sender_expire(ss->read.sender, now_ns);
}

static void read_unreachable(struct tftp_session *ss)
{
    wherry_sender_unreachable(ss->read.sender);
}

static void read_fail(struct tftp_session *ss, enum res why, enum wherry_error code,
                      const char *text)
{
    wherry_sender_fail(ss->read.sender, why, code, text);
}

static void send_control(struct tftp_session *ss, uint64_t now_ns)
{
    uint8_t buf[SESSION_CONTROL_BYTES];
    size_t len;

    while ((len = wherry_sender_control(ss->read.sender, buf, sizeof(buf), now_ns)) > 0) {
        tftp_seat_control(&ss->seat, buf, len); /* what is lost here a timer repeats */
    }
}

static bool read_output(struct tftp_session *ss, uint64_t now_ns)
{
    struct wherry_sender *s = ss->read.sender;
    uint32_t most = UDP_OUT_BLOCK_BYTES / ss->blksize;
    uint32_t blocks = 0;
    struct wherry_burst b;

    if (most > SESSION_TURN_BLOCKS) {
        most = SESSION_TURN_BLOCKS;
    }
    if (tftp_seat_full(&ss->seat)) {
        return true;
    }
    send_control(ss, now_ns);
    while (!ss->read.loading && wherry_sender_burst(s, most, &b)) {
        bool ended = false;
        uint8_t *room;
        enum res r;

        if (blocks >= SESSION_TURN_BLOCKS || blocks * b.blksize >= SESSION_TURN_BYTES) {
            return true;
        }
        room = tftp_seat_room(&ss->seat, (size_t)b.count * b.blksize);
        if (tftp_seat_full(&ss->seat)) {
            return true;
        }
        r = source_burst(ss->read.source, &b, room, &ended);
        if (r == RES_LATER) {
            ss->read.loading = true; /* on_ready() flushes again */
        } else if (r != RES_OK) {
            wherry_sender_fail(s, r, wire_error_code(r), wire_error_text(r));
            send_control(ss, now_ns);
        } else if (ended) {
            wherry_sender_length(s, source_length(ss->read.source));
        } else {
            tftp_seat_data(&ss->seat, &b, room);
            wherry_sender_sent(s, b.count, now_ns);
            blocks += b.count;
        }
    }
    return false;
}

static void read_facts(const struct tftp_session *ss, struct session_facts *ret)
{
    const struct wherry_sender *s = ss->read.sender;
    bool done = wherry_sender_state(s) == WHERRY_SENDER_DONE;

    ret->over = wherry_sender_over(s);
    ret->settled = false;
    ret->committing = false;
    ret->heard = wherry_sender_heard(s);
    ret->spent = !ret->heard && wherry_sender_sends(s) >= WHERRY_SENDS_UNHEARD;
    ret->last_unsure = wherry_sender_all_sent(s);
    ret->untouched = wherry_sender_acked_blocks(s) == 0 && !wherry_sender_all_sent(s);
    ret->result = wherry_sender_result(s);
    ret->deadline_ns = wherry_sender_deadline(s);
    ret->bytes = done ? source_length(ss->read.source) : wherry_sender_acked_bytes(s);
    ret->resent = wherry_sender_resent(s);
}

static void read_free(struct tftp_session *ss)
{
    wherry_sender_free(ss->read.sender);
    source_free(ss->read.source);
}

const struct session_driver tftp_read_driver = {
    .open = read_open,
    .begin = read_begin,
    .input = read_input,
    .repeat = read_repeat,
    .expire = read_expire,
    .unreachable = read_unreachable,
    .fail = read_fail,
    .output = read_output,
    .facts = read_facts,
    .free = read_free,
};
