/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/request.h"

#include <string.h>

#include "server/tftp_refusal.h"
#include "server/who.h"

/* The client had a transfer when this request came. True: nothing is to begin. Else *ret_older is
 * the transfer that the new one runs beside, or NULL. */
static bool settle_with_old(struct tftp_session *old, const struct udp_packet *datagram,
                            struct tftp_session **ret_older, uint64_t now_ns)
{
    bool same = old->datagram_len == datagram->len &&
                memcmp(old->datagram, datagram->bytes, datagram->len) == 0;

    *ret_older = NULL;
    if (!same || old->stage == SESSION_SETTLED) {
        tftp_session_supersede(old, now_ns);
        return false;
    }
    if (old->stage == SESSION_LOOKING) {
        return true; /* it will be answered as soon as the file is open */
    }
    if (tftp_session_unheard(old)) {
        tftp_session_repeat(old, now_ns);
        return true;
    }
    *ret_older = old;
    return false;
}

void request_arrived(struct tftp_room *room, uint64_t listener, const struct udp_packet *datagram,
                     uint64_t now_ns)
{
    uint16_t opcode = wherry_packet_opcode(datagram->bytes, datagram->len);
    struct tftp_session *older = NULL;
    struct tftp_session *old;
    struct tftp_client client;
    struct policy_who who;
    struct wherry_packet p;
    enum res r;

    if (opcode != WHERRY_RRQ && opcode != WHERRY_WRQ) {
        return; /* also ERRORs, which are never answered */
    }
    if (datagram->broadcast && !room->config->broadcast_answer) {
        return; /* RFC 1123, 4.2.3.5 */
    }
    r = wherry_packet_decode(&p, datagram->bytes, datagram->len);
    if (r != RES_OK) {
        tftp_refuse(room, datagram, NULL, r, now_ns);
        return;
    }
    client.peer = datagram->peer;
    tid_end_make(&datagram->local, &client.local);
    client.listener = listener;
    old = tftp_session_find(room, &client);
    if (old != NULL && settle_with_old(old, datagram, &older, now_ns)) {
        return;
    }
    who = who_of(room->config, &datagram->peer);
    r = policy_judge_anywhere(&who, opcode == WHERRY_WRQ ? POLICY_CREATE : POLICY_READ);
    if (r != RES_OK) {
        tftp_refuse(room, datagram, &p.request, r, now_ns);
        return;
    }
    tftp_session_begin(room, &client, datagram, older, now_ns);
}
