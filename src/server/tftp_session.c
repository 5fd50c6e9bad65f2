/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tftp_session.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "proto/wire_error.h"
#include "server/tftp_refusal.h"

static const struct wherry_view no_text = {(const uint8_t *)"", 0};

static void make_offer(const struct tftp_session *ss, struct wherry_offer *ret)
{
    const struct config *c = ss->room->config;

    memset(ret, 0, sizeof(*ret));
    ret->blksize_max = c->blksize_max;
    ret->blksize_path = ss->blksize_path;
    ret->windowsize_max = c->windowsize_max;
    ret->window_bytes_max = c->window_bytes_max;
    ret->timeout_declined = c->timeout_decline;
    ret->refused = c->refuse_options;
}

struct wherry_request tftp_session_request(const struct tftp_session *ss)
{
    struct wherry_packet p;

    (void)wherry_packet_decode(&p, ss->datagram, ss->datagram_len); /* it was when it came */
    return p.request;
}

static bool is_probe(const struct tftp_session *ss, const struct session_facts *f,
                     const struct wherry_packet *said)
{
    struct wherry_options asked;
    uint64_t tsize;

    if (!f->untouched || f->result != RES_PEER || said == NULL ||
        (said->code != WHERRY_ERROR_OTHER && said->code != WHERRY_ERROR_OPTIONS)) {
        return false;
    }
    wherry_options_parse(&asked, tftp_session_request(ss).options);
    return wherry_options_value(&asked, WHERRY_TSIZE, &tsize);
}

/* f is NULL as long as there is no core; said is the peer's ERROR, if that was the end. */
static void record(const struct tftp_session *ss, enum outcome outcome, const char *reason,
                   const struct session_facts *f, const struct wherry_packet *said)
{
    bool peer_error = f != NULL && f->result == RES_PEER && said != NULL && outcome != OUTCOME_DONE;
    struct wherry_request request = tftp_session_request(ss);
    struct transfer_record r = {
        .outcome = outcome,
        .write = ss->driver == &tftp_write_driver,
        .peer = ss->seat.peer,
        .name = request.name,
        .mode = request.mode,
        .blksize = ss->blksize,
        .windowsize = ss->windowsize,
        .bytes = f != NULL ? f->bytes : 0,
        .duration_ns = loop_now_ns(ss->room->loop) - ss->begun_ns,
        .resent = f != NULL ? f->resent : 0,
        .reason = outcome == OUTCOME_DONE ? NULL : reason,
        .peer_error = peer_error,
        .peer_code = peer_error ? said->code : 0,
        .peer_text = peer_error ? said->bytes : no_text,
    };

    transfer_log_record(ss->room->transfers, &r);
}

static void no_longer_running(struct tftp_session *ss)
{
    ss->room->running--;
    ss->room->ended(ss->room->arg);
}

void tftp_session_free(struct tftp_session *ss)
{
    struct tftp_room *room = ss->room;

    if (ss->newer != NULL) {
        ss->newer->older = NULL;
    }
    if (ss->older != NULL) {
        ss->older->newer = NULL;
        ss->older->newest = true;
    }
    loop_timer_stop(&ss->timer);
    tftp_seat_leave(&ss->seat, loop_now_ns(room->loop)); /* first: its blocks may be the driver's */
    ss->driver->free(ss);
    DL_DELETE(room->sessions, ss);
    if (ss->stage != SESSION_SETTLED) {
        no_longer_running(ss);
    }
    free(ss);
}

/* The file could not be opened: the one answer is an ERROR. Frees ss. */
static void refuse(struct tftp_session *ss, enum res why)
{
    uint8_t error[SESSION_CONTROL_BYTES];
    size_t len = wherry_packet_error(error, sizeof(error), (uint16_t)wire_error_code(why),
                                     wire_error_text(why));

    if (why == RES_BUSY || why == RES_NO_MEMORY) {
        tftp_drop(ss->room, &ss->seat.peer, why, loop_now_ns(ss->room->loop));
    } else {
        if (!tftp_seat_full(&ss->seat)) {
            tftp_seat_control(&ss->seat, error, len);
        }
        record(ss, transfer_log_outcome(why), wherry_res_text(why), NULL, NULL);
    }
    tftp_session_free(ss);
}

void tftp_session_opened(struct tftp_session *ss, enum res r)
{
    uint64_t now_ns = loop_now_ns(ss->room->loop);
    struct wherry_offer offer;

    if (r == RES_OK) {
        make_offer(ss, &offer);
        r = ss->driver->begin(ss, &offer, now_ns);
    }
    if (r != RES_OK) {
        refuse(ss, r);
        return;
    }
    ss->stage = SESSION_MOVING;
    tftp_session_flush(ss, now_ns);
}

/* Records a transfer whose outcome is certain now. */
static void settle(struct tftp_session *ss, const struct session_facts *f,
                   const struct wherry_packet *said)
{
    enum outcome outcome;

    if (ss->stage != SESSION_MOVING || !(f->over || f->settled)) {
        return;
    }
    outcome = is_probe(ss, f, said) ? OUTCOME_PROBE : transfer_log_outcome(f->result);
    record(ss, outcome, wherry_res_text(f->result), f, said);
    ss->stage = SESSION_SETTLED;
    no_longer_running(ss);
}

void tftp_session_flush(struct tftp_session *ss, uint64_t now_ns)
{
    struct session_facts f;
    bool more;

    if (ss->stage == SESSION_LOOKING) {
        return;
    }
    more = ss->driver->output(ss, now_ns);
    ss->driver->facts(ss, &f);
    settle(ss, &f, NULL);
    if (f.over) {
        tftp_session_free(ss);
        return;
    }
    if (more) {
        tftp_seat_again(&ss->seat);
    }
    loop_timer_at(&ss->timer, f.deadline_ns);
}

static struct tftp_session *session_of(struct tftp_seat *seat)
{
    return (struct tftp_session *)(void *)((char *)seat - offsetof(struct tftp_session, seat));
}

static void on_heard(struct tftp_seat *seat, const struct udp_packet *datagram, uint64_t now_ns)
{
    struct tftp_session *ss = session_of(seat);
    struct session_facts f;
    uint16_t opcode = wherry_packet_opcode(datagram->bytes, datagram->len);
    struct wherry_packet p;

    if (ss->stage == SESSION_LOOKING) {
        return; /* we have not spoken yet, so this answers nothing */
    }
    if (datagram->len >= 2 && (opcode < WHERRY_RRQ || opcode > WHERRY_OACK)) {
        if (ss->stage == SESSION_MOVING) {
            ss->driver->fail(ss, RES_PROTOCOL, WHERRY_ERROR_ILLEGAL, "unknown opcode");
        }
        return;
    }
    if (wherry_packet_decode(&p, datagram->bytes, datagram->len) != RES_OK ||
        p.opcode == WHERRY_RRQ || p.opcode == WHERRY_WRQ) {
        return; /* too short, or meant for the listening port */
    }
    /* An ERROR is also how a client turns the second of two equal transfers down: the first goes
     * on. */
    if (p.opcode != WHERRY_ERROR && ss->older != NULL) {
        tftp_session_supersede(ss->older, now_ns);
    }
    ss->driver->input(ss, &p, now_ns);
    if (p.opcode == WHERRY_ERROR) {
        ss->driver->facts(ss, &f);
        settle(ss, &f, &p); /* now, as its text goes with the datagram */
    }
}

static void on_unreachable(struct tftp_seat *seat, uint64_t now_ns)
{
    struct tftp_session *ss = session_of(seat);

    (void)now_ns;
    if (ss->stage != SESSION_LOOKING) {
        ss->driver->unreachable(ss);
    }
}

static void on_turn(struct tftp_seat *seat, uint64_t now_ns)
{
    tftp_session_flush(session_of(seat), now_ns);
}

static const struct tftp_port_calls port_calls = {
    .heard = on_heard,
    .unreachable = on_unreachable,
    .turn = on_turn,
};

static void on_timer(void *arg)
{
    struct tftp_session *ss = arg;
    uint64_t now_ns = loop_now_ns(ss->room->loop);

    if (ss->stage == SESSION_LOOKING) {
        refuse(ss, RES_IO); /* the store has not answered for the whole of our patience */
        return;
    }
    ss->driver->expire(ss, now_ns);
    tftp_session_flush(ss, now_ns);
}

/* A session with a seat at a port and the request's bytes. */
static enum res make(struct tftp_room *room, const struct tftp_client *client,
                     const struct udp_packet *datagram, uint64_t now_ns, struct tftp_session **ret)
{
    bool write = wherry_packet_opcode(datagram->bytes, datagram->len) == WHERRY_WRQ;
    struct tftp_session *ss = calloc(1, sizeof(*ss) + datagram->len);
    enum res r;

    if (ss == NULL) {
        return RES_NO_MEMORY;
    }
    memcpy(ss->datagram, datagram->bytes, datagram->len);
    ss->datagram_len = (uint16_t)datagram->len; /* of UDP, so it fits */
    r = tftp_ports_sit(room->ports, &ss->seat, &client->peer, &datagram->local,
                       tftp_room_shares_ports(room, write), now_ns);
    if (r != RES_OK) {
        free(ss);
        return r;
    }
    ss->room = room;
    ss->local = client->local;
    ss->listener = client->listener;
    ss->driver = write ? &tftp_write_driver : &tftp_read_driver;
    if (room->config->blksize_mtu) {
        ss->blksize_path = udp_blksize_of_mtu(udp_route_mtu(&datagram->peer, &datagram->local),
                                              datagram->peer.u.sa.sa_family);
    }
    ss->begun_ns = now_ns;
    ss->blksize = WHERRY_BLKSIZE_DEFAULT;
    ss->windowsize = 1;
    *ret = ss;
    return RES_OK;
}

void tftp_session_begin(struct tftp_room *room, const struct tftp_client *client,
                        const struct udp_packet *datagram, struct tftp_session *older,
                        uint64_t now_ns)
{
    struct tftp_session *ss;
    enum res r = make(room, client, datagram, now_ns, &ss);

    if (r != RES_OK) {
        tftp_drop(room, &datagram->peer, r, now_ns);
        return;
    }
    DL_APPEND(room->sessions, ss);
    room->running++;
    if (older != NULL) {
        older->newest = false;
        older->newer = ss;
        ss->older = older;
    }
    loop_timer_init(room->loop, &ss->timer, on_timer, ss);
    loop_timer_at(&ss->timer, now_ns + room->config->patience_ns);
    ss->newest = true;
    r = ss->driver->open(ss);
    if (r != RES_LATER) {
        tftp_session_opened(ss, r);
    }
}

struct tftp_session *tftp_session_find(const struct tftp_room *room,
                                       const struct tftp_client *client)
{
    struct tftp_seat *seat = tftp_seats_first(tftp_ports_seats(room->ports), &client->peer);

    for (; seat != NULL; seat = tftp_seats_next(seat)) {
        struct tftp_session *ss = session_of(seat);

        if (ss->newest && ss->listener == client->listener &&
            memcmp(&ss->local, &client->local, sizeof(ss->local)) == 0) {
            return ss;
        }
    }
    return NULL;
}

void tftp_session_supersede(struct tftp_session *ss, uint64_t now_ns)
{
    struct session_facts f;

    if (ss->older != NULL) {
        tftp_session_supersede(ss->older, now_ns);
    }
    if (ss->stage == SESSION_LOOKING) {
        record(ss, OUTCOME_ABORTED, "the client asked anew", NULL, NULL);
    } else if (ss->stage == SESSION_MOVING) {
        ss->driver->facts(ss, &f);
        if (f.committing) {
            ss->newest = false;
            if (ss->newer != NULL) {
                ss->newer->older = NULL;
                ss->newer = NULL;
            }
            return;
        }
        record(ss, f.last_unsure ? OUTCOME_DONE : OUTCOME_ABORTED, "the client asked anew", &f,
               NULL);
    }
    tftp_session_free(ss);
}

void tftp_session_repeat(struct tftp_session *ss, uint64_t now_ns)
{
    ss->driver->repeat(ss, now_ns);
    tftp_session_flush(ss, now_ns);
}

bool tftp_session_unheard(const struct tftp_session *ss)
{
    struct session_facts f;

    ss->driver->facts(ss, &f);
    return !f.heard;
}

void tftp_session_shut_down(struct tftp_session *ss, uint64_t now_ns)
{
    struct session_facts f;

    if (ss->stage == SESSION_LOOKING) {
        refuse(ss, RES_SHUTDOWN);
        return;
    }
    if (ss->stage == SESSION_SETTLED) {
        tftp_session_free(ss);
        return;
    }
    ss->driver->facts(ss, &f);
    if (f.spent) {
        record(ss, OUTCOME_FAILED, wherry_res_text(RES_SHUTDOWN), &f, NULL);
        tftp_session_free(ss);
        return;
    }
    ss->driver->fail(ss, RES_SHUTDOWN, WHERRY_ERROR_OTHER, wire_error_text(RES_SHUTDOWN));
    tftp_session_flush(ss, now_ns);
}

enum res tftp_room_open(struct tftp_room *room)
{
    struct tftp_ports_params p = {.loop = room->loop, .log = room->log, .calls = &port_calls};
    enum res r = udp_batch_new(&room->batch);

    if (r == RES_OK) {
        r = udp_out_new(&room->out, room->config->segments);
    }
    if (r == RES_OK) {
        r = tid_table_new(&room->tids);
    }
    if (r != RES_OK) {
        return r;
    }
    p.batch = room->batch;
    p.out = room->out;
    p.tids = room->tids;
    p.spares = room->spares;
    return tftp_ports_new(&room->ports, &p);
}

void tftp_room_close(struct tftp_room *room)
{
    while (room->sessions != NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): DL_DELETE makes the next one the head */
        tftp_session_free(room->sessions);
    }
    tftp_ports_free(room->ports);
    tid_table_free(room->tids);
    udp_out_free(room->out);
    udp_batch_free(room->batch);
}

bool tftp_room_shares_ports(const struct tftp_room *room, bool write)
{
    switch (room->config->transfer_ports) {
    case TRANSFER_PORTS_OWN:
        return false;
    case TRANSFER_PORTS_SHARED:
        return !write;
    case TRANSFER_PORTS_AUTO:
        break;
    }
    return !write && room->running >= SESSION_OWN_PORTS;
}
