/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/options.h>

#include <string.h>

#include "base/bytes.h"
#include "base/number.h"
#include "base/text.h"

/* A server's negotiation while it goes on. */
struct negotiation {
    const struct wherry_options *asked;
    enum wherry_opcode request;
    const struct wherry_offer *offer;
    struct wherry_agreed agreed;
    uint32_t granted; /* set of 1u << enum wherry_option */
    uint64_t answer[WHERRY_OPTION_COUNT];
};

/* Rows that depend on others are granted after them, whatever the order they were asked in. */
enum turn { TURN_FIRST, TURN_KNOWS_BLKSIZE, TURN_KNOWS_ALL, TURN_COUNT };

/* What an answer may be, seen from the client. */
enum bound { BOUND_EXACT, BOUND_NOT_LARGER, BOUND_NONE };

struct row {
    const char *name;
    uint64_t lowest;
    uint64_t highest;
    enum wherry_option rival; /* says the same in other words; itself: none does */
    enum turn turn;
    /* Turns what was asked into the answer; false: left out. */
    bool (*grant)(const struct negotiation *n, uint64_t *value);
    enum bound bound;
    void (*agree)(struct wherry_agreed *a, uint64_t value);
};

static bool grant_blksize(const struct negotiation *n, uint64_t *value)
{
    uint64_t most = n->offer->blksize_max;

    if (n->offer->blksize_path != 0) {
        most = number_min(most, n->offer->blksize_path);
    }
    *value = number_min(*value, number_max(most, WHERRY_BLKSIZE_MIN));
    return true;
}

static bool grant_blksize2(const struct negotiation *n, uint64_t *value)
{
    uint64_t power = WHERRY_BLKSIZE_MIN;

    (void)grant_blksize(n, value);
    while (power * 2 <= *value) {
        power *= 2;
    }
    *value = power;
    return true;
}

static bool grant_timeout(const struct negotiation *n, uint64_t *value)
{
    (void)value; /* RFC 2349: as asked or not at all */
    return !n->offer->timeout_declined;
}

static bool grant_tsize(const struct negotiation *n, uint64_t *value)
{
    if (n->request == WHERRY_WRQ) {
        return n->offer->tsize_offered;
    }
    *value = n->offer->size;
    /* curl fails on tsize=0 beside what it asks for; a boot ROM that asks for nothing else gives up
     * when it gets no answer. */
    return n->offer->tsize_offered && (*value > 0 || n->granted == 0);
}

static bool grant_rollover(const struct negotiation *n, uint64_t *value)
{
    (void)n;
    (void)value;
    return true;
}

static bool grant_windowsize(const struct negotiation *n, uint64_t *value)
{
    uint64_t blksize = n->agreed.blksize;
    uint64_t most = number_min(n->offer->windowsize_max, WHERRY_WINDOWSIZE_MAX);

    most = number_min(most, n->offer->window_bytes_max / blksize);
    if (n->request == WHERRY_WRQ && n->offer->receive_buffer != 0) {
        most = number_min(most, n->offer->receive_buffer / blksize);
    }
    *value = number_min(*value, number_max(most, 1));
    return true;
}

static void agree_blksize(struct wherry_agreed *a, uint64_t value)
{
    a->blksize = (uint16_t)value;
}

static void agree_timeout(struct wherry_agreed *a, uint64_t value)
{
    a->timeout_ns = value * NUMBER_SECOND;
}

static void agree_utimeout(struct wherry_agreed *a, uint64_t value)
{
    a->timeout_ns = value * (NUMBER_MILLISECOND / 1000);
}

static void agree_tsize(struct wherry_agreed *a, uint64_t value)
{
    a->tsize_known = true;
    a->tsize = value;
}

static void agree_rollover(struct wherry_agreed *a, uint64_t value)
{
    a->rollover = (uint16_t)value;
}

static void agree_windowsize(struct wherry_agreed *a, uint64_t value)
{
    a->windowsize = (uint16_t)value;
}

/* clang-format off */
static const struct row rows[WHERRY_OPTION_COUNT] = {
    [WHERRY_BLKSIZE]    = {"blksize",    WHERRY_BLKSIZE_MIN, WHERRY_BLKSIZE_MAX, WHERRY_BLKSIZE2,
                           TURN_FIRST,         grant_blksize,    BOUND_NOT_LARGER, agree_blksize},
    [WHERRY_BLKSIZE2]   = {"blksize2",   WHERRY_BLKSIZE_MIN, WHERRY_BLKSIZE_MAX, WHERRY_BLKSIZE,
                           TURN_FIRST,         grant_blksize2,   BOUND_NOT_LARGER, agree_blksize},
    [WHERRY_TIMEOUT]    = {"timeout",    1,                  255,                WHERRY_UTIMEOUT,
                           TURN_FIRST,         grant_timeout,    BOUND_EXACT,      agree_timeout},
    [WHERRY_UTIMEOUT]   = {"utimeout",   10000,              255000000,          WHERRY_TIMEOUT,
                           TURN_FIRST,         grant_timeout,    BOUND_EXACT,      agree_utimeout},
    [WHERRY_TSIZE]      = {"tsize",      0,                  INT64_MAX,          WHERRY_TSIZE,
                           TURN_KNOWS_ALL,     grant_tsize,      BOUND_NONE,       agree_tsize},
    [WHERRY_ROLLOVER]   = {"rollover",   0,                  1,                  WHERRY_ROLLOVER,
                           TURN_FIRST,         grant_rollover,   BOUND_EXACT,      agree_rollover},
    [WHERRY_WINDOWSIZE] = {"windowsize", 1,                  65535,              WHERRY_WINDOWSIZE,
                           TURN_KNOWS_BLKSIZE, grant_windowsize, BOUND_NOT_LARGER, agree_windowsize},
};
/* clang-format on */

static uint32_t bit(enum wherry_option option)
{
    return UINT32_C(1) << option;
}

static bool find_option(enum wherry_option *ret, const uint8_t *name, size_t len)
{
    for (int i = 0; i < WHERRY_OPTION_COUNT; i++) {
        if (text_is_word(name, len, rows[i].name)) {
            *ret = (enum wherry_option)i;
            return true;
        }
    }
    return false;
}

const char *wherry_option_name(enum wherry_option option)
{
    return rows[option].name;
}

bool wherry_option_find(enum wherry_option *ret, const char *name)
{
    return find_option(ret, (const uint8_t *)name, strlen(name));
}

void wherry_agreed_init(struct wherry_agreed *ret)
{
    *ret = (struct wherry_agreed){.blksize = WHERRY_BLKSIZE_DEFAULT, .windowsize = 1};
}

void wherry_options_parse(struct wherry_options *ret, struct wherry_view pairs)
{
    struct bytes_reader r = {.at = pairs.bytes, .left = pairs.len};
    struct wherry_view name;
    struct wherry_view value;
    uint32_t seen = 0;

    *ret = (struct wherry_options){0};
    while (bytes_get_text(&r, &name.bytes, &name.len) &&
           bytes_get_text(&r, &value.bytes, &value.len)) {
        enum wherry_option option;
        uint64_t number = 0;
        bool valid;

        if (!find_option(&option, name.bytes, name.len)) {
            ret->unknown++;
            continue;
        }
        if (seen & bit(option)) {
            continue;
        }
        seen |= bit(option);
        valid = number_parse_digits(value.bytes, value.len, &number) &&
                number >= rows[option].lowest && number <= rows[option].highest;
        ret->item[ret->count].option = option;
        ret->item[ret->count].name = name;
        ret->item[ret->count].value = valid ? number : 0;
        ret->item[ret->count].valid = valid;
        ret->count++;
    }
}

bool wherry_options_value(const struct wherry_options *o, enum wherry_option option, uint64_t *ret)
{
    for (size_t i = 0; i < o->count; i++) {
        if (o->item[i].option == option && o->item[i].valid) {
            *ret = o->item[i].value;
            return true;
        }
    }
    return false;
}

static void grant_turn(struct negotiation *n, enum turn turn)
{
    for (size_t i = 0; i < n->asked->count; i++) {
        enum wherry_option option = n->asked->item[i].option;
        const struct row *row = &rows[option];
        uint64_t value = n->asked->item[i].value;

        if (row->turn == turn && n->asked->item[i].valid && !(n->offer->refused & bit(option)) &&
            !(n->granted & bit(row->rival)) && row->grant(n, &value)) {
            n->granted |= bit(option);
            n->answer[option] = value;
            row->agree(&n->agreed, value);
        }
    }
}

static void put_pair(struct bytes_writer *w, const uint8_t *name, size_t len, uint64_t value)
{
    char digits[NUMBER_TEXT_BYTES];

    (void)number_print_digits(value, digits);
    bytes_put(w, name, len);
    bytes_put_text(w, ""); /* the NUL behind the name */
    bytes_put_text(w, digits);
}

size_t wherry_options_answer(const struct wherry_options *asked, enum wherry_opcode request,
                             const struct wherry_offer *offer, struct wherry_agreed *ret,
                             uint8_t pairs[WHERRY_OPTIONS_BYTES])
{
    struct negotiation n = {.asked = asked, .request = request, .offer = offer};
    struct bytes_writer w = {.start = pairs, .cap = WHERRY_OPTIONS_BYTES};

    wherry_agreed_init(&n.agreed);
    for (int turn = 0; turn < TURN_COUNT; turn++) {
        grant_turn(&n, (enum turn)turn);
    }
    for (size_t i = 0; i < asked->count; i++) {
        enum wherry_option option = asked->item[i].option;

        if (n.granted & bit(option)) {
            put_pair(&w, asked->item[i].name.bytes, asked->item[i].name.len, n.answer[option]);
        }
    }
    *ret = n.agreed;
    return bytes_written(&w);
}

size_t wherry_options_append(uint8_t *pairs, size_t len, size_t cap, enum wherry_option option,
                             uint64_t value)
{
    struct bytes_writer w = {.start = pairs, .len = len, .cap = cap};
    const char *name = rows[option].name;

    put_pair(&w, (const uint8_t *)name, strlen(name), value);
    return w.failed ? len : bytes_written(&w);
}

static bool within_bound(enum bound bound, uint64_t asked, uint64_t answered)
{
    switch (bound) {
    case BOUND_EXACT:
        return answered == asked;
    case BOUND_NOT_LARGER:
        return answered <= asked;
    default:
        return true;
    }
}

enum res wherry_options_accept(const struct wherry_options *asked,
                               const struct wherry_options *answered, struct wherry_agreed *ret)
{
    struct wherry_agreed agreed;
    uint32_t granted = 0;

    if (answered->unknown > 0) {
        return RES_OPTIONS;
    }
    wherry_agreed_init(&agreed);
    for (size_t i = 0; i < answered->count; i++) {
        enum wherry_option option = answered->item[i].option;
        const struct row *row = &rows[option];
        uint64_t value;

        if (!wherry_options_value(asked, option, &value) || !answered->item[i].valid ||
            !within_bound(row->bound, value, answered->item[i].value) ||
            granted & bit(row->rival)) {
            return RES_OPTIONS;
        }
        granted |= bit(option);
        row->agree(&agreed, answered->item[i].value);
    }
    *ret = agreed;
    return RES_OK;
}
