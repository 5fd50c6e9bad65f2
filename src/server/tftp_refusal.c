/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tftp_refusal.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "proto/wire_error.h"

#define SAY_AGAIN_NS NUMBER_SECOND

/* The name of a request that could not be decoded, if it got that far. */
static struct wherry_view name_of(const struct udp_packet *datagram)
{
    struct bytes_reader r = {.at = datagram->bytes, .left = datagram->len};
    struct wherry_view name = {(const uint8_t *)"", 0};
    uint16_t opcode;

    if (bytes_get_u16(&r, &opcode)) {
        bytes_get_text(&r, &name.bytes, &name.len);
    }
    return name;
}

void tftp_refuse(struct tftp_room *room, const struct udp_packet *datagram,
                 const struct wherry_request *request, enum res why, uint64_t now_ns)
{
    uint16_t opcode = wherry_packet_opcode(datagram->bytes, datagram->len);
    struct transfer_record record = {
        .outcome = OUTCOME_REFUSED,
        .write = opcode == WHERRY_WRQ,
        .peer = datagram->peer,
        .name = request != NULL ? request->name : name_of(datagram),
        .mode = request != NULL ? request->mode : WHERRY_OCTET,
        .reason = wherry_res_text(why),
        .peer_text = {(const uint8_t *)"", 0},
    };
    struct wherry_agreed agreed;
    uint8_t error[SESSION_CONTROL_BYTES];
    size_t len = wherry_packet_error(error, sizeof(error), (uint16_t)wire_error_code(why),
                                     wire_error_text(why));
    enum res r = tftp_ports_answer(room->ports, &datagram->peer, &datagram->local,
                                   tftp_room_shares_ports(room, false), error, len, now_ns);

    if (r != RES_OK) {
        tftp_drop(room, &datagram->peer, r, now_ns);
        return;
    }
    wherry_agreed_init(&agreed);
    record.blksize = agreed.blksize;
    record.windowsize = agreed.windowsize;
    transfer_log_record(room->transfers, &record);
}

void tftp_drop(struct tftp_room *room, const struct addr *peer, enum res why, uint64_t now_ns)
{
    char text[ADDR_TEXT_BYTES];

    if (room->dropped_said_ns != 0 && now_ns - room->dropped_said_ns < SAY_AGAIN_NS) {
        room->dropped_unsaid++;
        return;
    }
    log_warning(room->log, "tftp",
                "request dropped, peer %s, why '%s'%s, dropped before and not told %" PRIu64,
                addr_print(peer, text), wherry_res_text(why),
                why == RES_BUSY ? " (at the limit of open files? ulimit -n, LimitNOFILE=)" : "",
                room->dropped_unsaid);
    room->dropped_said_ns = now_ns;
    room->dropped_unsaid = 0;
}
