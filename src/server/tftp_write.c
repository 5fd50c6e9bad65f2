/* SPDX-License-Identifier: BSD-2-Clause */
/* An upload: DATA becomes a file, and the last ACK leaves when it has its name.
 *
 * Blocks before the last are acknowledged when they are here, and written some at a time: a trip to
 * the pool for each would cost lock-step clients more than all the rest. A full disk is an ERROR
 * all the same, BEHIND_TRIPS later at most, and before the last ACK in any case. */
#include "proto/wire_error.h"
#include "server/tftp_session.h"
#include "server/who.h"

/* So much is worth a trip to the pool: in a crowd less, where all of it together should not leave
 * the processor's cache, and memory is short. */
#define GATHER_BYTES 131072u
#define GATHER_BYTES_CROWD 32768u
/* So many running transfers of a worker are a crowd. */
#define CROWD 9u
/* So many trips' worth may be acknowledged and not written yet; beyond it an ACK waits for the
 * disk. A window of 1 MiB fits in, so that it is answered while it is written. */
#define BEHIND_TRIPS 8u

static size_t worth_a_trip(const struct tftp_session *ss)
{
    return ss->room->running < CROWD ? GATHER_BYTES : GATHER_BYTES_CROWD;
}

static void on_opened(void *owner, enum res r)
{
    tftp_session_opened(owner, r);
}

static void fail_with(struct tftp_session *ss, enum res r)
{
    wherry_receiver_fail(ss->write.receiver, r, wire_error_code(r), wire_error_text(r));
}

/* All blocks up to this one count as stored. */
static void stored(struct tftp_session *ss, uint64_t block, uint64_t now_ns)
{
    wherry_receiver_stored(ss->write.receiver, block, now_ns);
    if (!ss->write.committing &&
        wherry_receiver_state(ss->write.receiver) == WHERRY_RECEIVER_COMMITTING) {
        ss->write.committing = true;
        sink_commit(ss->write.sink);
    }
}

static void on_stored(void *owner, enum res r, uint64_t block)
{
    struct tftp_session *ss = owner;
    uint64_t now_ns = loop_now_ns(ss->room->loop);

    if (r != RES_OK) {
        fail_with(ss, r);
    } else {
        stored(ss, block, now_ns);
    }
    tftp_session_flush(ss, now_ns);
}

static void on_committed(void *owner, enum res r)
{
    struct tftp_session *ss = owner;
    uint64_t now_ns = loop_now_ns(ss->room->loop);

    if (r != RES_OK) {
        fail_with(ss, r);
    } else {
        wherry_receiver_committed(ss->write.receiver, now_ns);
    }
    tftp_session_flush(ss, now_ns);
}

static enum res write_open(struct tftp_session *ss)
{
    struct wherry_request request = tftp_session_request(ss);
    const struct config *c = ss->room->config;
    struct policy_who who = who_of(c, &ss->seat.peer);
    struct sink_params p = {
        .pool = ss->room->pool,
        .netascii = request.mode == WHERRY_NETASCII,
        .opened = on_opened,
        .stored = on_stored,
        .committed = on_committed,
        .owner = ss,
    };
    struct writer_params w = {
        .replace = true,
        .mode = c->upload_mode & ~c->umask,
        .size_max = c->upload_max,
        .reserve = c->disk_reserve,
    };
    struct wherry_options asked;

    wherry_options_parse(&asked, request.options);
    if ((c->refuse_options & (1u << WHERRY_TSIZE)) ||
        !wherry_options_value(&asked, WHERRY_TSIZE, &w.expected_size)) {
        w.expected_size = WRITER_SIZE_UNKNOWN;
    }
    /* The view ends at the NUL that stands behind it in the request. */
    return sink_open(&ss->write.sink, &p, ss->room->jail, (const char *)request.name.bytes, &who,
                     &w);
}

/* Bytes of blocks that the socket holds of the window that this client asks for; 0 without
 * windows, at least 1 with them. */
static uint32_t window_room(struct tftp_session *ss, const struct wherry_offer *offer,
                            const struct wherry_options *asked)
{
    uint64_t blksize = WHERRY_BLKSIZE_DEFAULT;
    uint64_t windowsize = 1;
    uint64_t bytes;
    uint32_t datagram;
    uint32_t held;

    if (!wherry_options_value(asked, WHERRY_WINDOWSIZE, &windowsize) || windowsize <= 1) {
        return 0;
    }
    if (!wherry_options_value(asked, WHERRY_BLKSIZE, &blksize)) {
        wherry_options_value(asked, WHERRY_BLKSIZE2, &blksize);
    }
    if (blksize > offer->blksize_max) {
        blksize = offer->blksize_max;
    }
    if (windowsize > offer->windowsize_max) {
        windowsize = offer->windowsize_max;
    }
    datagram = (uint32_t)blksize + WHERRY_HEADER_BYTES;
    bytes = windowsize * datagram;
    if (bytes > offer->window_bytes_max) {
        bytes = offer->window_bytes_max;
    }
    held = tftp_seat_buffer(&ss->seat, (uint32_t)bytes, datagram) / datagram * (uint32_t)blksize;
    return held > 0 ? held : 1;
}

static enum res write_begin(struct tftp_session *ss, struct wherry_offer *offer, uint64_t now_ns)
{
    uint8_t pairs[WHERRY_OPTIONS_BYTES];
    uint8_t opening[SESSION_CONTROL_BYTES];
    struct wherry_options asked;
    struct wherry_receiver_params p = {
        .opening = opening,
        .patience_ns = ss->room->config->patience_ns,
        .now_ns = now_ns,
    };
    size_t len;

    wherry_options_parse(&asked, tftp_session_request(ss).options);
    offer->tsize_offered = true;
    offer->receive_buffer = window_room(ss, offer, &asked);
    len = wherry_options_answer(&asked, WHERRY_WRQ, offer, &p.agreed, pairs);
    p.opening_len = len > 0 ? wherry_packet_oack(opening, sizeof(opening), pairs, len)
                            : wherry_packet_ack(opening, sizeof(opening), 0);
    ss->blksize = p.agreed.blksize;
    ss->windowsize = p.agreed.windowsize;
    if (ss->windowsize > 1) {
        tftp_seat_stream(&ss->seat);
    }
    return wherry_receiver_new(&ss->write.receiver, &p);
}

static void write_input(struct tftp_session *ss, const struct wherry_packet *p, uint64_t now_ns)
{
    struct wherry_piece piece;
    enum res r;

    if (wherry_receiver_input(ss->write.receiver, p, now_ns, &piece) != WHERRY_STORE) {
        return;
    }
    r = sink_add(ss->write.sink, piece.block, piece.bytes);
    if (r != RES_OK) {
        fail_with(ss, r);
        return;
    }
    if (sink_waiting(ss->write.sink) <= BEHIND_TRIPS * worth_a_trip(ss)) {
        stored(ss, piece.block, now_ns);
    } else {
        sink_flush(ss->write.sink); /* on_stored() is what says it now */
    }
}

static void write_repeat(struct tftp_session *ss, uint64_t now_ns)
{
    wherry_receiver_repeat(ss->write.receiver, now_ns);
}

static void write_expire(struct tftp_session *ss, uint64_t now_ns)
{
    wherry_receiver_expire(ss->write.receiver, now_ns);
}

static void write_unreachable(struct tftp_session *ss)
{
    wherry_receiver_unreachable(ss->write.receiver);
}

static void write_fail(struct tftp_session *ss, enum res why, enum wherry_error code,
                       const char *text)
{
    wherry_receiver_fail(ss->write.receiver, why, code, text);
}

static bool write_output(struct tftp_session *ss, uint64_t now_ns)
{
    uint8_t buf[SESSION_CONTROL_BYTES];
    size_t len;

    if (!ss->write.committing && sink_gathered(ss->write.sink) >= worth_a_trip(ss)) {
        sink_flush(ss->write.sink);
    }
    if (tftp_seat_full(&ss->seat)) {
        return true;
    }
    while ((len = wherry_receiver_control(ss->write.receiver, buf, sizeof(buf), now_ns)) > 0) {
        tftp_seat_control(&ss->seat, buf, len); /* what is lost here a timer repeats */
    }
    return false;
}

static void write_facts(const struct tftp_session *ss, struct session_facts *ret)
{
    const struct wherry_receiver *r = ss->write.receiver;
    enum wherry_receiver_state state = wherry_receiver_state(r);

    ret->over = wherry_receiver_over(r);
    ret->settled = state == WHERRY_RECEIVER_DALLYING;
    ret->committing = state == WHERRY_RECEIVER_COMMITTING;
    ret->heard = wherry_receiver_heard(r);
    ret->spent = !ret->heard && wherry_receiver_sends(r) >= WHERRY_SENDS_UNHEARD;
    ret->last_unsure = false;
    ret->untouched = false;
    ret->result = wherry_receiver_result(r);
    ret->deadline_ns = wherry_receiver_deadline(r);
    ret->bytes = wherry_receiver_bytes(r);
    ret->resent = wherry_receiver_resent(r);
}

static void write_free(struct tftp_session *ss)
{
    wherry_receiver_free(ss->write.receiver);
    sink_free(ss->write.sink);
}

const struct session_driver tftp_write_driver = {
    .open = write_open,
    .begin = write_begin,
    .input = write_input,
    .repeat = write_repeat,
    .expire = write_expire,
    .unreachable = write_unreachable,
    .fail = write_fail,
    .output = write_output,
    .facts = write_facts,
    .free = write_free,
};
