/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/link_words.h"

#include <stdio.h>

#include "base/text.h"

#define TEXT_SHOWN_BYTES 256

_Static_assert(TEXT_SHOWN_BYTES + ADDR_TEXT_BYTES + 160 <= OUTCOME_TEXT_BYTES,
               "all of what is said of GOAWAY fits");

void link_words_goaway(struct outcome *ret, const struct addr *peer,
                       const struct wherry_client_end *end)
{
    struct outcome o = {.side = OUTCOME_NETWORK, .result = end->result};
    char address[ADDR_TEXT_BYTES];
    char text[TEXT_SHOWN_BYTES];
    size_t used;

    (void)text_quote(end->text.bytes, end->text.len, text, sizeof(text));
    used = (size_t)snprintf(o.detail, sizeof(o.detail), "the server at %s ends the connection: %s",
                            addr_print(peer, address), wherry_res_text(end->result));
    if (text[0] != '\0') {
        used += (size_t)snprintf(o.detail + used, sizeof(o.detail) - used, " (server says: \"%s\")",
                                 text);
    }
    if (end->retry_after_s != 0) {
        (void)snprintf(o.detail + used, sizeof(o.detail) - used, ", to be tried again after %u s",
                       (unsigned)end->retry_after_s);
    }
    *ret = o;
}

void link_words_close(struct outcome *ret, const struct addr *peer, enum res result,
                      const char *said)
{
    struct outcome o = {.side = OUTCOME_NETWORK, .result = result};
    char address[ADDR_TEXT_BYTES];

    (void)addr_print(peer, address);
    if (result == RES_NO_MEMORY) {
        o.side = OUTCOME_LOCAL;
    } else if (result == RES_PROTOCOL || result == RES_UNSUPPORTED) {
        o.side = OUTCOME_PROTOCOL;
        (void)snprintf(o.detail, sizeof(o.detail), "the server at %s breaks the protocol: %s",
                       address, said);
    } else if (result == RES_TIMEOUT) {
        (void)snprintf(o.detail, sizeof(o.detail), "%s: %s", address, said);
    } else {
        o.result = RES_LOST;
        (void)snprintf(o.detail, sizeof(o.detail), "connection to %s lost: %s", address, said);
    }
    *ret = o;
}
