/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/tftp_side.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "client/tftp_get.h"
#include "client/tftp_put.h"
#include "client/verdict.h"

#define LOST_SENDS 3u
#define LOST_NS (3 * NUMBER_SECOND)
/* Read at one wake-up to find out whether a server that is gone has said something before. */
#define GONE_BATCHES 64
#define CONTROL_BYTES 8192 /* a name of 4096 bytes, its options, and an ERROR's text fit */

struct tftp_side {
    struct tftp_side_params p;
    struct loop_io io;
    struct loop_timer timer;
    struct tftp_line line;
    const struct tftp_core_ops *ops;
    void *core;
    struct addr peer; /* the server's TID once known, else where the request goes */
    bool peer_known;
    bool asked_once;
    int send_errno; /* why the request could not even leave; 0 if it did */

    uint8_t pairs[WHERRY_OPTIONS_BYTES];
    struct wherry_options asked; /* views into pairs */
    struct wherry_agreed agreed;
    bool oack_accepted;
    uint64_t agreed_ns;

    bool over;
    enum attempt_end end;
    struct outcome outcome; /* what is known about the end while it comes */
};

/* --- making the request --- */

static enum res make_core(struct tftp_side *s, uint64_t now_ns)
{
    uint8_t request[CONTROL_BYTES];
    size_t pairs_len = tftp_asks_write(&s->p.asks, s->pairs);
    struct tftp_core_params params = {
        .request = request,
        .request_len = wherry_packet_request(request, sizeof(request), s->p.opcode, s->p.name,
                                             s->p.mode, s->pairs, pairs_len),
        .patience_ns = s->p.patience_ns,
        .now_ns = now_ns,
    };
    struct tftp_get *get = NULL;
    struct tftp_put *put = NULL;
    enum res r;

    if (params.request_len == 0) {
        return RES_NAME;
    }
    wherry_options_parse(&s->asked, (struct wherry_view){.bytes = s->pairs, .len = pairs_len});
    if (s->p.opcode == WHERRY_RRQ) {
        r = tftp_get_new(&get, &params, s->p.sink, s->p.gathers, s->p.strict_size);
        s->ops = &tftp_get_ops;
        s->core = get;
    } else {
        r = tftp_put_new(&put, &params, s->p.source);
        s->ops = &tftp_put_ops;
        s->core = put;
    }
    return r;
}

/* --- the end --- */

static void judge_end(struct tftp_side *s)
{
    const struct verdict_facts facts = {
        .result = s->ops->result(s->core),
        .local_failure = s->ops->local_failure(s->core),
        .peer = &s->peer,
        .peer_known = s->peer_known,
        .options_asked = s->asked.count > 0,
        .begun = s->ops->begun(s->core),
        .send_errno = s->send_errno,
    };

    s->end = verdict_reach(&s->outcome, &facts);
}

/* The attempt fails for a reason of ours; the server hears of it if it has spoken. */
static void fail(struct tftp_side *s, const struct outcome *why, enum wherry_error code,
                 const char *text)
{
    s->outcome = *why;
    s->ops->fail(s->core, why->result, code, text);
}

/* --- sending --- */

static bool is_hopeless(int error)
{
    return error == ENETUNREACH || error == EHOSTUNREACH || error == EACCES || error == EPERM ||
           error == EAFNOSUPPORT || error == EINVAL;
}

static void send_control(struct tftp_side *s, uint64_t now_ns)
{
    uint8_t packet[CONTROL_BYTES];
    size_t len;

    while ((len = s->ops->control(s->core, packet, sizeof(packet), now_ns)) > 0) {
        if (!s->peer_known && wherry_packet_opcode(packet, len) == WHERRY_ERROR) {
            continue; /* the listening port has no transfer that it could end */
        }
        /* A datagram that does not leave is a lost one: the core's time-out repeats it. But with
         * no way to the server at all, there is no need to try five times. */
        if (!udp_send(s->p.fd, &s->peer, packet, len) && !s->asked_once && is_hopeless(errno)) {
            s->send_errno = errno;
            s->ops->unreachable(s->core);
        }
        s->asked_once = true;
    }
}

/* When an OACK was agreed and large blocks may be lost; WHERRY_NEVER: not in question. */
static uint64_t lost_deadline(const struct tftp_side *s)
{
    if (!s->oack_accepted || s->ops->begun(s->core) || s->ops->sends(s->core) < LOST_SENDS) {
        return WHERRY_NEVER;
    }
    return s->agreed_ns + LOST_NS;
}

/* The same after every event. Last in its callers: the owner may free s. */
static void flush(struct tftp_side *s)
{
    uint64_t now_ns = loop_now_ns(s->p.loop);
    uint64_t deadline;
    uint64_t lost;

    if (s->over) {
        return;
    }
    send_control(s, now_ns);
    s->ops->pump(s->core, &s->line, now_ns);
    send_control(s, now_ns); /* the file may have failed */
    if (s->ops->over(s->core)) {
        s->over = true;
        if (s->end != ATTEMPT_BLOCKS_LOST) {
            judge_end(s);
        }
        loop_io_stop(&s->io);
        loop_timer_stop(&s->timer);
        s->p.ended(s->p.owner);
        return;
    }
    loop_io_events(&s->io, s->line.udp.full ? LOOP_READ | LOOP_WRITE : LOOP_READ);
    deadline = s->ops->deadline(s->core);
    lost = lost_deadline(s);
    loop_timer_at(&s->timer, lost < deadline ? lost : deadline);
}

static void on_timer(void *arg)
{
    struct tftp_side *s = arg;
    uint64_t now_ns = loop_now_ns(s->p.loop);

    if (!s->ops->over(s->core) && now_ns >= lost_deadline(s)) {
        s->end = ATTEMPT_BLOCKS_LOST;
        s->ops->fail(s->core, RES_TIMEOUT, WHERRY_ERROR_OTHER, "blocks do not arrive");
    }
    s->ops->expire(s->core, now_ns);
    flush(s);
}

/* --- receiving --- */

/* RFC 1350 section 4: tell whoever it is, and go on. An ERROR is never answered. */
static void refuse_foreigner(const struct tftp_side *s, const struct udp_packet *from)
{
    uint8_t packet[64];
    uint16_t opcode = wherry_packet_opcode(from->bytes, from->len);
    size_t len =
        wherry_packet_error(packet, sizeof(packet), WHERRY_ERROR_TID, "unknown transfer ID");

    if (opcode == WHERRY_ERROR || opcode == 0) {
        return;
    }
    (void)udp_send(s->p.fd, &from->peer, packet, len);
}

static void refuse_oack(struct tftp_side *s, const char *detail)
{
    struct outcome why = {.side = OUTCOME_PROTOCOL, .result = RES_OPTIONS};

    (void)snprintf(why.detail, sizeof(why.detail), "%s", detail);
    fail(s, &why, WHERRY_ERROR_OPTIONS, detail);
}

/* The first OACK. Later ones are the core's: our answer to the first may have been lost. */
static void judge_oack(struct tftp_side *s, const struct wherry_packet *p, uint64_t now_ns)
{
    struct wherry_options answered;
    struct wherry_agreed agreed;

    wherry_options_parse(&answered, p->options);
    if (wherry_options_accept(&s->asked, &answered, &agreed) != RES_OK) {
        refuse_oack(s, "the server grants what was not asked");
        return;
    }
    s->agreed = agreed;
    s->oack_accepted = true;
    s->agreed_ns = now_ns;
    if (agreed.windowsize > 1 && s->p.opcode == WHERRY_RRQ) {
        (void)udp_receive_joined(s->p.fd); /* without it they come one by one */
    }
    s->ops->agree(s->core, &agreed, now_ns);
    s->p.agreed(s->p.owner);
}

/* Could this be the answer to our request? */
static bool is_answer(const struct tftp_side *s, const struct wherry_packet *p)
{
    switch (p->opcode) {
    case WHERRY_OACK:
    case WHERRY_ERROR:
        return true;
    case WHERRY_DATA:
        return s->p.opcode == WHERRY_RRQ && p->block == 1;
    case WHERRY_ACK:
        return s->p.opcode == WHERRY_WRQ && p->block == 0;
    default:
        return false;
    }
}

/* An OACK whose text does not end; what it meant cannot be known. */
static bool is_broken_oack(const struct udp_packet *from, enum res decoded)
{
    return decoded == RES_OPTIONS && wherry_packet_opcode(from->bytes, from->len) == WHERRY_OACK;
}

static void take_packet(struct tftp_side *s, const struct udp_packet *from, uint64_t now_ns)
{
    struct wherry_packet p;
    bool ours = s->peer_known ? addr_equal(&from->peer, &s->peer)
                              : addr_same_host(&from->peer, s->p.server);
    enum res r;

    if (!ours) {
        refuse_foreigner(s, from);
        return;
    }
    r = wherry_packet_decode(&p, from->bytes, from->len);
    if (r != RES_OK && !is_broken_oack(from, r)) {
        return;
    }
    if (!s->peer_known) {
        if (r == RES_OK && !is_answer(s, &p)) {
            return;
        }
        s->peer = from->peer;
        s->peer_known = true;
    }
    if (r != RES_OK) {
        refuse_oack(s, "the option acknowledgement is broken");
        return;
    }
    if (p.opcode == WHERRY_ERROR && !s->ops->over(s->core)) {
        outcome_set_server_error(&s->outcome, &p);
    }
    if (p.opcode == WHERRY_OACK && !s->oack_accepted && !s->ops->begun(s->core)) {
        judge_oack(s, &p, now_ns);
        return;
    }
    s->ops->input(s->core, &p, now_ns);
}

/* True: an entry says that nobody listens at the server's port. */
static bool take_errors(struct tftp_side *s)
{
    struct addr quoted;
    bool unreachable;
    bool gone = false;

    s->line.udp.errors = false;
    while (udp_take_error(s->p.fd, &quoted, &unreachable)) {
        /* One that our own ERROR 5 provoked quotes somebody else. */
        gone = gone || (unreachable && addr_equal(&quoted, &s->peer));
    }
    return gone;
}

/* One batch; `all`: of as many as there can be. Returns how many datagrams came. */
static size_t hear(struct tftp_side *s, bool all, bool *ret_gone)
{
    uint64_t now_ns = loop_now_ns(s->p.loop);
    const struct udp_packet *packets;
    bool errors;
    size_t n;

    if (all || s->agreed.windowsize > 1) {
        n = udp_receive(s->p.fd, s->p.batch, UDP_RECEIVE_MAX, &packets, &errors);
    } else {
        n = udp_receive_one(s->p.fd, s->p.batch, &packets, &errors);
    }
    for (size_t i = 0; i < n && !s->ops->over(s->core); i++) {
        take_packet(s, &packets[i], now_ns);
    }
    *ret_gone = (errors || s->line.udp.errors) && take_errors(s);
    return n;
}

/* The server is gone when a look after the news of it finds nothing: what it said before it went,
 * such as the last ACK, counts. */
static void hear_all(struct tftp_side *s)
{
    bool gone = false;
    bool more = true;

    for (int i = 0; more && i < GONE_BATCHES && !s->ops->over(s->core); i++) {
        bool news;
        size_t n = hear(s, gone, &news);

        more = (gone && n > 0) || (news && !gone);
        gone = gone || news;
    }
    if (gone && !s->ops->over(s->core)) {
        s->ops->unreachable(s->core);
    }
}

static void on_io(void *arg, unsigned events)
{
    struct tftp_side *s = arg;

    if ((events & LOOP_WRITE) != 0 && s->line.udp.full) {
        (void)udp_line_resume(&s->line.udp); /* or it stays full */
    }
    if ((events & LOOP_READ) != 0) {
        hear_all(s);
    }
    flush(s);
}

/* --- what the owner calls --- */

enum res tftp_side_start(struct tftp_side **ret, const struct tftp_side_params *p)
{
    struct tftp_side *s = calloc(1, sizeof(*s));
    enum res r;

    if (s == NULL) {
        return RES_NO_MEMORY;
    }
    s->p = *p;
    s->peer = *p->server;
    s->line =
        (struct tftp_line){.out = p->out, .udp = {.fd = p->fd}, .peer = &s->peer, .segments = true};
    s->end = ATTEMPT_FINAL;
    wherry_agreed_init(&s->agreed);
    r = make_core(s, loop_now_ns(p->loop));
    if (r != RES_OK) {
        free(s);
        return r;
    }
    loop_io_start(p->loop, &s->io, p->fd, LOOP_READ, on_io, s);
    loop_timer_init(p->loop, &s->timer, on_timer, s);
    loop_timer_at(&s->timer, loop_now_ns(p->loop));
    *ret = s;
    return RES_OK;
}

void tftp_side_free(struct tftp_side *s)
{
    if (s == NULL) {
        return;
    }
    loop_io_stop(&s->io);
    loop_timer_stop(&s->timer);
    s->ops->free(s->core);
    udp_line_clear(&s->line.udp);
    (void)close(s->p.fd); /* a socket: no written bytes to lose */
    free(s);
}

void tftp_side_stored(struct tftp_side *s, enum res r, uint64_t block)
{
    tftp_get_stored(s->core, r, block, loop_now_ns(s->p.loop));
    if (s->outcome.side == OUTCOME_DONE && s->ops->result(s->core) == RES_CHANGED &&
        s->ops->local_failure(s->core) == RES_OK) {
        uint64_t announced = s->agreed.tsize;

        s->outcome = (struct outcome){.side = OUTCOME_INTEGRITY, .result = RES_CHANGED};
        (void)snprintf(s->outcome.detail, sizeof(s->outcome.detail),
                       "the server announced %" PRIu64 " bytes and sent %" PRIu64, announced,
                       s->ops->bytes(s->core));
    }
    flush(s);
}

void tftp_side_committed(struct tftp_side *s, enum res r)
{
    tftp_get_committed(s->core, r, loop_now_ns(s->p.loop));
    flush(s);
}

void tftp_side_ready(struct tftp_side *s)
{
    flush(s);
}

void tftp_side_interrupt(struct tftp_side *s, int signum)
{
    struct outcome why = {.side = OUTCOME_SIGNAL, .result = RES_SHUTDOWN, .signum = signum};

    fail(s, &why, WHERRY_ERROR_OTHER, "interrupted");
    loop_timer_at(&s->timer, loop_now_ns(s->p.loop));
}

const struct wherry_agreed *tftp_side_agreed(const struct tftp_side *s)
{
    return &s->agreed;
}

uint64_t tftp_side_bytes(const struct tftp_side *s)
{
    return s->ops->bytes(s->core);
}

uint64_t tftp_side_resent(const struct tftp_side *s)
{
    return s->ops->resent(s->core);
}

bool tftp_side_size_differs(const struct tftp_side *s, uint64_t *ret_announced)
{
    return s->p.opcode == WHERRY_RRQ && tftp_get_size_differs(s->core, ret_announced);
}

enum attempt_end tftp_side_end(const struct tftp_side *s)
{
    return s->end;
}

const struct outcome *tftp_side_outcome(const struct tftp_side *s)
{
    return &s->outcome;
}
