/* SPDX-License-Identifier: BSD-2-Clause */
#include "load_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_BYTES 1024u
#define CONTROL_BYTES 1024u /* a request, an ACK or an ERROR */

static enum res make_core(struct load_client *c, const struct load_plan *plan,
                          const uint8_t *request, size_t len, uint64_t now_ns)
{
    wherry_agreed_init(&c->agreed);
    if (plan->upload) {
        struct wherry_sender_params p = {.opening = request,
                                         .opening_len = len,
                                         .agreed = c->agreed,
                                         .length = plan->bytes,
                                         .patience_ns = plan->patience_ns,
                                         .now_ns = now_ns};

        return wherry_sender_new(&c->sender, &p);
    }
    struct wherry_receiver_params p = {.opening = request,
                                       .opening_len = len,
                                       .agreed = c->agreed,
                                       .patience_ns = plan->patience_ns,
                                       .now_ns = now_ns};

    return wherry_receiver_new(&c->receiver, &p);
}

enum res load_client_open(struct load_client *c, const struct load_plan *plan, uint64_t number,
                          uint64_t now_ns)
{
    uint8_t request[REQUEST_BYTES];
    char name[256];
    size_t len;

    *c = (struct load_client){.fd = -1, .begun_ns = now_ns};
    c->file = (uint32_t)(number % plan->files);
    c->chance = (plan->seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + (number + 1) * 7919;
    (void)snprintf(name, sizeof(name), "%s-%u", plan->name, c->file);
    len = wherry_packet_request(request, sizeof(request), plan->upload ? WHERRY_WRQ : WHERRY_RRQ,
                                name, WHERRY_OCTET, plan->pairs, plan->pairs_len);
    if (len == 0) {
        return RES_NAME;
    }
    c->fd = load_socket_open((size_t)plan->blksize * plan->windowsize, plan->gro);
    if (c->fd == -1) {
        return RES_BUSY;
    }
    return make_core(c, plan, request, len, now_ns);
}

/* What is due: a datagram that the core made itself. */
static void send_control(struct load_client *c, const struct load_plan *plan,
                         struct load_tally *tally, uint64_t now_ns)
{
    uint8_t out[CONTROL_BYTES];
    const struct sockaddr *to = c->connected ? NULL : (const struct sockaddr *)&plan->server;
    socklen_t to_len = c->connected ? 0 : sizeof(plan->server);
    size_t len;

    while ((len = plan->upload
                      ? wherry_sender_control(c->sender, out, sizeof(out), now_ns)
                      : wherry_receiver_control(c->receiver, out, sizeof(out), now_ns)) > 0) {
        uint16_t opcode = wherry_packet_opcode(out, len);

        if (opcode == WHERRY_RRQ || opcode == WHERRY_WRQ) {
            tally->requests_again += c->requests > 0;
            c->requests++;
        }
        /* What the kernel does not take is as lost as what the network loses: the core repeats. */
        (void)sendto(c->fd, out, len, MSG_NOSIGNAL, to, to_len);
    }
}

static void send_blocks(struct load_client *c, const struct load_plan *plan, uint64_t now_ns)
{
    uint32_t most = PATTERN_VIEW_BYTES / c->agreed.blksize;
    struct wherry_burst b;
    uint32_t n;

    while (wherry_sender_burst(c->sender, most, &b)) {
        n = load_socket_burst(c->fd, c->connected ? NULL : &plan->server, &b,
                              pattern_at(&plan->pattern, c->file, b.offset), plan->in_segments);
        if (n == 0) {
            /* Refused: the other side's port is gone; the core's patience ends it. */
            return;
        }
        wherry_sender_sent(c->sender, n, now_ns);
    }
}

static enum load_state flush(struct load_client *c, const struct load_plan *plan,
                             struct load_tally *tally, uint64_t now_ns)
{
    if (plan->upload) {
        send_control(c, plan, tally, now_ns);
        send_blocks(c, plan, now_ns);
        if (!wherry_sender_over(c->sender)) {
            return LOAD_RUNNING;
        }
        return wherry_sender_result(c->sender) == RES_OK ? LOAD_DONE : LOAD_FAILED;
    }
    if (c->held) {
        return LOAD_HELD;
    }
    send_control(c, plan, tally, now_ns);
    if (wherry_receiver_state(c->receiver) == WHERRY_RECEIVER_DALLYING ||
        wherry_receiver_state(c->receiver) == WHERRY_RECEIVER_DONE) {
        return c->wrong ? LOAD_FAILED : LOAD_DONE;
    }
    return wherry_receiver_over(c->receiver) ? LOAD_FAILED : LOAD_RUNNING;
}

void load_client_begin(struct load_client *c, const struct load_plan *plan,
                       struct load_tally *tally, uint64_t now_ns)
{
    c->begun_ns = now_ns;
    (void)flush(c, plan, tally, now_ns);
}

/* xorshift; the same datagrams are lost whenever the seed is the same. */
static bool lost(struct load_client *c, const struct load_plan *plan)
{
    if (plan->loss == 0) {
        return false;
    }
    c->chance ^= c->chance << 13;
    c->chance ^= c->chance >> 7;
    c->chance ^= c->chance << 17;
    return c->chance >> 32 < plan->loss;
}

static void take_oack(struct load_client *c, const struct load_plan *plan,
                      const struct wherry_packet *p, uint64_t now_ns)
{
    struct wherry_options answered;
    struct wherry_agreed agreed;

    wherry_options_parse(&answered, p->options);
    if (wherry_options_accept(&plan->asked, &answered, &agreed) != RES_OK) {
        if (plan->upload) {
            wherry_sender_fail(c->sender, RES_OPTIONS, WHERRY_ERROR_OPTIONS, "OACK not as asked");
        } else {
            wherry_receiver_fail(c->receiver, RES_OPTIONS, WHERRY_ERROR_OPTIONS,
                                 "OACK not as asked");
        }
        return;
    }
    c->agreed = agreed;
    if (plan->upload) {
        wherry_sender_agree(c->sender, &agreed, now_ns);
    } else {
        wherry_receiver_agree(c->receiver, &agreed, now_ns);
    }
}

static bool opening(const struct load_client *c, const struct load_plan *plan)
{
    return plan->upload ? wherry_sender_state(c->sender) == WHERRY_SENDER_OPENING
                        : wherry_receiver_state(c->receiver) == WHERRY_RECEIVER_OPENING;
}

static void take_block(struct load_client *c, const struct load_plan *plan,
                       const struct wherry_piece *piece, uint64_t now_ns)
{
    if (piece->offset + piece->bytes.len > plan->bytes ||
        memcmp(piece->bytes.bytes, pattern_at(&plan->pattern, c->file, piece->offset),
               piece->bytes.len) != 0) {
        c->wrong = true;
    }
    if (plan->hold) {
        c->held = true;
        return;
    }
    wherry_receiver_stored(c->receiver, piece->block, now_ns);
    if (wherry_receiver_state(c->receiver) == WHERRY_RECEIVER_COMMITTING) {
        wherry_receiver_committed(c->receiver, now_ns);
    }
}

static void note_error(const struct load_client *c, const struct wherry_packet *p,
                       struct load_tally *tally)
{
    if (p->opcode == WHERRY_ERROR && tally->first_error[0] == '\0') {
        (void)snprintf(tally->first_error, sizeof(tally->first_error),
                       "ERROR %u '%.*s', %s, of file %u", p->code, (int)p->bytes.len,
                       (const char *)p->bytes.bytes, c->heard ? "in mid-transfer" : "as an answer",
                       c->file);
    }
}

static void take(struct load_client *c, const struct load_plan *plan, struct load_tally *tally,
                 struct wherry_view datagram, uint64_t now_ns)
{
    struct wherry_packet p;
    struct wherry_piece piece;

    if (c->held || wherry_packet_decode(&p, datagram.bytes, datagram.len) != RES_OK) {
        return;
    }
    note_error(c, &p, tally);
    if (p.opcode == WHERRY_OACK && !c->heard && opening(c, plan)) {
        c->heard = true;
        take_oack(c, plan, &p, now_ns);
        return;
    }
    c->heard = true;
    if (plan->upload) {
        wherry_sender_input(c->sender, &p, now_ns);
    } else if (wherry_receiver_input(c->receiver, &p, now_ns, &piece) == WHERRY_STORE) {
        take_block(c, plan, &piece, now_ns);
    }
}

/* The first answer says which port the server took (RFC 1350 section 4). What another sent before
 * the socket was connected may still be waiting. */
static bool from_server(struct load_client *c, const struct load_plan *plan,
                        const struct sockaddr_in *from)
{
    if (from->sin_addr.s_addr != plan->server.sin_addr.s_addr) {
        return false;
    }
    if (c->connected) {
        return from->sin_port == c->server_port;
    }
    c->server_port = from->sin_port;
    c->connected = connect(c->fd, (const struct sockaddr *)from, sizeof(*from)) == 0;
    return c->connected;
}

enum load_state load_client_readable(struct load_client *c, const struct load_plan *plan,
                                     struct load_inbox *inbox, struct load_tally *tally,
                                     uint64_t now_ns)
{
    struct wherry_view datagram;
    struct sockaddr_in from;
    bool refused;

    if (!load_inbox_fill(inbox, c->fd, &refused)) {
        if (refused && plan->upload) {
            wherry_sender_unreachable(c->sender);
        } else if (refused) {
            wherry_receiver_unreachable(c->receiver);
        }
        return flush(c, plan, tally, now_ns);
    }
    while (load_inbox_next(inbox, &datagram, &from)) {
        if (lost(c, plan)) {
            tally->thrown_away++;
        } else if (from_server(c, plan, &from)) {
            take(c, plan, tally, datagram, now_ns);
        }
    }
    return flush(c, plan, tally, now_ns);
}

enum load_state load_client_expire(struct load_client *c, const struct load_plan *plan,
                                   struct load_tally *tally, uint64_t now_ns)
{
    if (plan->upload) {
        wherry_sender_expire(c->sender, now_ns);
    } else {
        wherry_receiver_expire(c->receiver, now_ns);
    }
    return flush(c, plan, tally, now_ns);
}

uint64_t load_client_deadline(const struct load_client *c, const struct load_plan *plan)
{
    if (c->held || (plan->quiet && c->heard)) {
        return WHERRY_NEVER;
    }
    return c->sender != NULL ? wherry_sender_deadline(c->sender)
                             : wherry_receiver_deadline(c->receiver);
}

bool load_client_end(struct load_client *c, const struct load_plan *plan, struct load_tally *tally)
{
    enum res r;
    uint64_t bytes;

    if (plan->upload) {
        r = wherry_sender_result(c->sender);
        bytes = wherry_sender_acked_bytes(c->sender);
        tally->repeated += wherry_sender_resent(c->sender);
        r = wherry_sender_over(c->sender) ? r : RES_TIMEOUT;
    } else {
        r = wherry_receiver_result(c->receiver);
        bytes = wherry_receiver_bytes(c->receiver);
        tally->repeated += wherry_receiver_resent(c->receiver);
        r = wherry_receiver_state(c->receiver) < WHERRY_RECEIVER_DALLYING ? RES_TIMEOUT : r;
    }
    if (r == RES_OK && (c->wrong || bytes != plan->bytes)) {
        r = RES_CHANGED;
    }
    tally->wrong += c->wrong;
    tally->bytes += bytes;
    if (r == RES_OK) {
        tally->agreed = c->agreed;
    } else if (tally->first_failure == RES_OK) {
        tally->first_failure = r;
    }
    wherry_sender_free(c->sender);
    wherry_receiver_free(c->receiver);
    (void)close(c->fd);
    *c = (struct load_client){.fd = -1};
    return r == RES_OK;
}
