/* SPDX-License-Identifier: BSD-2-Clause */
/* The input is what a server is willing to grant (HEAD_BYTES, see take_offer()), then the pairs of
 * a request, then, behind the length that the head names, the pairs of an OACK. The answer to the
 * request must be one that our own client accepts, and an OACK that the client accepts must be one
 * that was asked for. */
#include <wherry/options.h>

#include "fuzz/check.h"

#define HEAD_BYTES 24u

static uint64_t take(const uint8_t **at, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | *(*at)++;
    }
    return value;
}

static enum wherry_opcode take_offer(const uint8_t *head, struct wherry_offer *ret,
                                     size_t *ret_asked_len)
{
    unsigned flags = (unsigned)take(&head, 1);

    ret->refused = (uint32_t)take(&head, 1);
    ret->blksize_max = (uint16_t)take(&head, 2);
    ret->blksize_path = (uint16_t)take(&head, 2);
    ret->windowsize_max = (uint16_t)take(&head, 2);
    ret->window_bytes_max = (uint32_t)take(&head, 3);
    ret->receive_buffer = (uint32_t)take(&head, 3);
    ret->size = take(&head, 8) & INT64_MAX;
    *ret_asked_len = (size_t)take(&head, 2);
    ret->timeout_declined = flags & 1;
    ret->tsize_offered = flags & 2;
    return flags & 4 ? WHERRY_WRQ : WHERRY_RRQ;
}

static bool names_equal(struct wherry_view a, struct wherry_view b)
{
    return bytes_equal(a.bytes, a.len, b.bytes, b.len);
}

static void check_parsed(const struct wherry_options *o, struct wherry_view pairs)
{
    CHECK(o->count <= WHERRY_OPTION_COUNT);
    for (size_t i = 0; i < o->count; i++) {
        struct wherry_view name = o->item[i].name;
        uint64_t value;

        CHECK(o->item[i].option < WHERRY_OPTION_COUNT);
        CHECK(name.bytes >= pairs.bytes && name.bytes + name.len < pairs.bytes + pairs.len);
        CHECK(name.len == strlen(wherry_option_name(o->item[i].option)));
        CHECK(wherry_options_value(o, o->item[i].option, &value) == o->item[i].valid);
        for (size_t j = 0; j < i; j++) {
            CHECK(o->item[i].option != o->item[j].option);
        }
    }
}

/* Each answer was asked, stands behind the answers to what was asked before it, and is spelt as
 * asked. */
static void check_order(const struct wherry_options *asked, const struct wherry_options *answered)
{
    size_t at = 0;

    for (size_t i = 0; i < answered->count; i++) {
        while (at < asked->count && asked->item[at].option != answered->item[i].option) {
            at++;
        }
        CHECK(at < asked->count);
        CHECK(asked->item[at].valid);
        CHECK(names_equal(asked->item[at].name, answered->item[i].name));
    }
}

static void check_within_offer(const struct wherry_options *answered, enum wherry_opcode request,
                               const struct wherry_offer *offer, const struct wherry_agreed *a)
{
    uint64_t value;

    CHECK(a->blksize >= WHERRY_BLKSIZE_MIN);
    if (wherry_options_value(answered, WHERRY_BLKSIZE, &value) ||
        wherry_options_value(answered, WHERRY_BLKSIZE2, &value)) {
        CHECK(a->blksize <= offer->blksize_max || a->blksize == WHERRY_BLKSIZE_MIN);
        CHECK(offer->blksize_path == 0 || a->blksize <= offer->blksize_path ||
              a->blksize == WHERRY_BLKSIZE_MIN);
    }
    CHECK(a->windowsize >= 1 && a->windowsize <= WHERRY_WINDOWSIZE_MAX);
    if (a->windowsize > 1) {
        uint32_t bytes = (uint32_t)a->windowsize * a->blksize;

        CHECK(a->windowsize <= offer->windowsize_max);
        CHECK(bytes <= offer->window_bytes_max);
        CHECK(request == WHERRY_RRQ || offer->receive_buffer == 0 ||
              bytes <= offer->receive_buffer);
    }
    CHECK(a->timeout_ns == 0 || !offer->timeout_declined);
    if (wherry_options_value(answered, WHERRY_TSIZE, &value)) {
        CHECK(offer->tsize_offered);
        CHECK(request == WHERRY_WRQ || value == offer->size);
        CHECK(request == WHERRY_WRQ || value > 0 || answered->count == 1);
    }
    for (size_t i = 0; i < answered->count; i++) {
        CHECK(!(offer->refused & 1u << answered->item[i].option));
    }
}

static void check_agreed_alike(const struct wherry_agreed *a, const struct wherry_agreed *b)
{
    CHECK(a->blksize == b->blksize);
    CHECK(a->windowsize == b->windowsize);
    CHECK(a->rollover == b->rollover);
    CHECK(a->timeout_ns == b->timeout_ns);
    CHECK(a->tsize_known == b->tsize_known);
    CHECK(a->tsize == b->tsize);
}

static void check_answer(const struct wherry_options *asked, enum wherry_opcode request,
                         const struct wherry_offer *offer)
{
    uint8_t pairs[WHERRY_OPTIONS_BYTES];
    struct wherry_agreed ours;
    struct wherry_agreed theirs;
    struct wherry_options answered;
    struct wherry_view view = {.bytes = pairs};

    view.len = wherry_options_answer(asked, request, offer, &ours, pairs);
    CHECK(view.len <= sizeof(pairs));
    wherry_options_parse(&answered, view);
    CHECK(answered.unknown == 0);
    CHECK((answered.count == 0) == (view.len == 0));
    check_parsed(&answered, view);
    check_order(asked, &answered);
    check_within_offer(&answered, request, offer, &ours);
    /* The other side accepts it, and both go by the same from then on. */
    CHECK(wherry_options_accept(asked, &answered, &theirs) == RES_OK);
    check_agreed_alike(&ours, &theirs);
}

static void check_accept(const struct wherry_options *asked, const struct wherry_options *answered)
{
    struct wherry_agreed a;
    enum res r = wherry_options_accept(asked, answered, &a);

    CHECK(r == RES_OK || r == RES_OPTIONS);
    if (r != RES_OK) {
        return;
    }
    CHECK(answered->unknown == 0);
    for (size_t i = 0; i < answered->count; i++) {
        enum wherry_option option = answered->item[i].option;
        uint64_t value;

        CHECK(answered->item[i].valid);
        CHECK(wherry_options_value(asked, option, &value));
        CHECK(option == WHERRY_TSIZE || answered->item[i].value <= value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wherry_options asked;
    struct wherry_options answered;
    struct wherry_offer offer;
    struct wherry_view first;
    struct wherry_view second;
    enum wherry_opcode request;

    if (size < HEAD_BYTES) {
        return 0;
    }
    request = take_offer(data, &offer, &first.len);
    first.bytes = data + HEAD_BYTES;
    first.len = first.len < size - HEAD_BYTES ? first.len : size - HEAD_BYTES;
    second.bytes = first.bytes + first.len;
    second.len = size - HEAD_BYTES - first.len;
    wherry_options_parse(&asked, first);
    wherry_options_parse(&answered, second);
    check_parsed(&asked, first);
    check_parsed(&answered, second);
    check_answer(&asked, request, &offer);
    check_accept(&asked, &answered);
    return 0;
}
