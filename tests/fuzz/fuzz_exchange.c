/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole server side of a connection, fed with arbitrary bytes, frames and times, by an adapter
 * that keeps to the header and else does as it likes.
 *
 * Input: a byte that chooses limits (see begin()), then steps: a byte that chooses the row of
 * steps[], and what that step reads. A decoder of each direction watches the stream: every request
 * that was read gets its END in its turn, at most one, and nothing of another request comes in
 * between. At the end the adapter does its duty and the clock runs: it has to come to an end. */
#include <wherry/exchange.h>

#include "fuzz/check.h"
#include "support/feed.h"

#define MS UINT64_C(1000000)
#define REQUESTS_SEEN_MAX 4096u
#define FRAME_MAX 4096u
#define LAST_STEPS_MAX 1000u
#define REQUEST_BYTES_MAX 2560u /* that one that waits may hold */
#define REFUSAL_BYTES_MAX 256u

struct play {
    struct feed feed;
    struct wherry_exchange_params params;
    struct wherry_exchange *x;
    uint64_t now_ns;

    /* The adapter. */
    const struct wherry_exchange_request *running;
    bool keeps_pieces;
    bool piece_due;
    bool over;
    uint64_t upload_offset;
    uint8_t input[FRAME_MAX + WHERRY_FRAME_HEADER_BYTES];

    /* The client. */
    struct wherry_frame_decoder from_client;
    struct wherry_frame_decoder from_server;
    uint32_t asked[REQUESTS_SEEN_MAX]; /* ids in their order */
    size_t asked_count;
    size_t ended_count;
    bool last_words;
};

static void begin(struct play *p)
{
    uint64_t flags = feed_number(&p->feed, 1);

    wherry_exchange_params_init(&p->params);
    p->params.max_frame = WHERRY_MAX_FRAME_LOWEST;
    if ((flags & 1) != 0) {
        p->params.requests_max = 2;
        p->params.refusals_max = 2;
        p->params.ping_bytes_max = 100;
        p->params.output_bytes_max = 32768;
    }
    p->keeps_pieces = (flags & 2) != 0;
    if (wherry_exchange_new(&p->x, &p->params, p->now_ns) != RES_OK) {
        abort();
    }
    wherry_frame_decoder_init(&p->from_client, WHERRY_FROM_CLIENT, p->params.max_frame, true);
    wherry_frame_decoder_init(&p->from_server, WHERRY_FROM_SERVER, p->params.max_frame, true);
}

static void judge_frame(struct play *p, const struct wherry_frame *f)
{
    CHECK(!p->last_words);
    if (f->id == 0) {
        p->last_words = f->type == WHERRY_FRAME_END_REPLY;
        return;
    }
    CHECK(p->ended_count < p->asked_count && f->id == p->asked[p->ended_count]);
    p->ended_count += f->type == WHERRY_FRAME_END_REPLY;
}

static void arrive(struct play *p, const uint8_t *bytes, size_t len)
{
    struct wherry_decoded d;

    while (len > 0) {
        size_t used = wherry_frame_decode(&p->from_server, bytes, len, &d);

        CHECK(d.kind != WHERRY_DECODED_BAD);
        if (d.kind != WHERRY_DECODED_MORE) {
            judge_frame(p, &d.frame);
        }
        bytes += used;
        len -= used;
    }
}

static void note_asked(struct play *p, const uint8_t *bytes, size_t len)
{
    struct wherry_decoded d;

    while (len > 0) {
        size_t used = wherry_frame_decode(&p->from_client, bytes, len, &d);

        if (d.kind == WHERRY_DECODED_BAD) {
            return;
        }
        if (d.kind == WHERRY_DECODED_WHOLE && wherry_frame_is_request(d.frame.type) &&
            p->asked_count < REQUESTS_SEEN_MAX) {
            p->asked[p->asked_count++] = d.frame.id;
        }
        bytes += used;
        len -= used;
    }
}

static void take_event(struct play *p, const struct wherry_exchange_event *e)
{
    CHECK(!p->over);
    switch (e->kind) {
    case WHERRY_EXCHANGE_REQUEST:
        CHECK(p->running == NULL);
        p->running = e->request;
        p->upload_offset = 0;
        break;
    case WHERRY_EXCHANGE_PUT_BYTES:
        CHECK(e->request == p->running && e->bytes.len > 0 && e->offset == p->upload_offset);
        CHECK(e->bytes.bytes >= p->input &&
              e->bytes.bytes + e->bytes.len <= p->input + sizeof(p->input));
        p->upload_offset += e->bytes.len;
        p->piece_due = true;
        if (!p->keeps_pieces) {
            CHECK(wherry_exchange_put_taken(p->x, p->now_ns));
            p->piece_due = false;
        }
        break;
    case WHERRY_EXCHANGE_PUT_END:
        CHECK(e->request == p->running && e->offset == p->upload_offset);
        break;
    case WHERRY_EXCHANGE_STOP:
        CHECK(e->request == p->running && e->result != RES_OK);
        break;
    case WHERRY_EXCHANGE_ABORT:
        CHECK(e->request == p->running);
        p->running = NULL;
        p->piece_due = false;
        break;
    case WHERRY_EXCHANGE_SHUT:
        CHECK(p->running == NULL);
        break;
    case WHERRY_EXCHANGE_OVER:
        CHECK(p->running == NULL);
        p->over = true;
        break;
    }
}

static void pull(struct play *p)
{
    struct wherry_exchange_event e;

    while (wherry_exchange_event(p->x, &e)) {
        take_event(p, &e);
    }
    CHECK(wherry_exchange_held_bytes(p->x) <= p->params.output_bytes_max +
                                                  p->params.requests_max * REQUEST_BYTES_MAX +
                                                  p->params.refusals_max * REFUSAL_BYTES_MAX);
    CHECK(p->over == (wherry_exchange_state(p->x) == WHERRY_EXCHANGE_CLOSED));
}

/* As much as is used; what is not is lost, as if the client had never sent it. */
static void give(struct play *p, size_t len)
{
    size_t at = 0;
    size_t used;

    do {
        used = wherry_exchange_input(p->x, p->input + at, len - at, p->now_ns);
        CHECK(used <= len - at && (used == 0 || !p->piece_due));
        note_asked(p, p->input + at, used);
        at += used;
        pull(p);
    } while (used > 0 && at < len);
    CHECK(at == len || !wherry_exchange_wants_input(p->x));
}

static void give_bytes(struct play *p)
{
    struct wherry_view bytes = feed_bytes(&p->feed, feed_length(&p->feed, 1));

    if (bytes.len > 0) {
        memcpy(p->input, bytes.bytes, bytes.len);
    }
    give(p, bytes.len);
}

static void give_hello(struct play *p)
{
    static const uint8_t hello[] = {0, 0, 0, 6, 1, 0, 0, 0, 0, 0, 0, 0, 'W', 'H', 'R', 'Y', 1, 1};

    memcpy(p->input, hello, sizeof(hello));
    give(p, sizeof(hello));
}

/* Ids from 0 to 15, so that they meet. */
static void give_frame(struct play *p)
{
    struct wherry_frame f = {
        .type = (uint8_t)(feed_number(&p->feed, 1) % 16),
        .id = (uint32_t)(feed_number(&p->feed, 1) % 16),
    };
    struct wherry_view payload = feed_bytes(&p->feed, feed_length(&p->feed, 1));

    f.length = (uint32_t)payload.len;
    wherry_frame_write(p->input, &f);
    if (payload.len > 0) {
        memcpy(p->input + WHERRY_FRAME_HEADER_BYTES, payload.bytes, payload.len);
    }
    give(p, WHERRY_FRAME_HEADER_BYTES + payload.len);
}

/* Well formed, so that it runs. */
static void give_request(struct play *p)
{
    uint8_t which = (uint8_t)feed_number(&p->feed, 1);
    uint32_t id = 1 + (uint32_t)(feed_number(&p->feed, 1) % 32);
    struct wherry_view path = {.bytes = (const uint8_t *)"path", .len = 4};
    struct wherry_message_path m = {.path = path};
    struct wherry_message_list list = {.path = path, .after = path};
    struct wherry_message_get get = {.count = WHERRY_COUNT_ALL, .path = path};
    struct wherry_message_put put = {.size = 10, .mode = WHERRY_PUT_CREATE, .path = path};
    size_t len;

    switch (which % 6) {
    case 0:
        len = wherry_message_write_list(p->input, sizeof(p->input), id, &list);
        break;
    case 1:
        len = wherry_message_write_get(p->input, sizeof(p->input), id, &get);
        break;
    case 2:
        len = wherry_message_write_put(p->input, sizeof(p->input), id, &put);
        break;
    case 3:
        len = wherry_message_write_path(p->input, sizeof(p->input), WHERRY_FRAME_STAT, id, &m);
        break;
    case 4:
        len = wherry_message_write_path(p->input, sizeof(p->input), WHERRY_FRAME_HASH, id, &m);
        break;
    default:
        len = wherry_message_write_path(p->input, sizeof(p->input), WHERRY_FRAME_MKDIR, id, &m);
        break;
    }
    give(p, len);
}

/* DATA, END or CANCEL of the request that runs. */
static void give_of_running(struct play *p)
{
    static const uint8_t types[] = {WHERRY_FRAME_DATA, WHERRY_FRAME_END, WHERRY_FRAME_CANCEL};
    struct wherry_frame f = {.type = types[feed_number(&p->feed, 1) % 3]};

    f.id = p->running != NULL ? p->running->id : 1;
    f.length = f.type == WHERRY_FRAME_DATA ? (uint32_t)feed_number(&p->feed, 1) : 0;
    wherry_frame_write(p->input, &f);
    memset(p->input + WHERRY_FRAME_HEADER_BYTES, 'd', f.length);
    give(p, WHERRY_FRAME_HEADER_BYTES + f.length);
}

static void say_entries(struct play *p)
{
    uint64_t count = feed_number(&p->feed, 2);
    struct wherry_message_entry entry = {
        .kind = WHERRY_KIND_FILE,
        .name = {.bytes = (const uint8_t *)"entry", .len = 5},
    };
    struct wherry_message_entries e;

    if (wherry_exchange_entries_begin(p->x, &e)) {
        for (uint64_t i = 0; i < count && wherry_message_entries_add(&e, &entry); i++) {
            CHECK(e.len <= e.cap);
        }
        CHECK(wherry_exchange_entries_end(p->x, &e, p->now_ns));
    }
}

/* Each says whether it may; what may not changes nothing. */
static void say_replies(struct play *p)
{
    uint64_t count = feed_number(&p->feed, 2);
    struct wherry_message_info info = {.kind = WHERRY_KIND_FILE};
    struct wherry_message_get_reply get = {.info = info, .count = count};
    struct wherry_message_hash_reply hash = {.sha256 = {0}};
    struct wherry_message_ready ready = {.offset = count};
    unsigned said = 0;

    said += wherry_exchange_info(p->x, &info, p->now_ns);
    said += wherry_exchange_hash_reply(p->x, &hash, p->now_ns);
    said += wherry_exchange_get_reply(p->x, &get, p->now_ns);
    if (wherry_exchange_ready(p->x, &ready, p->now_ns)) {
        p->upload_offset = count;
        said++;
    }
    CHECK(said <= 1);
}

static void begin_data(struct play *p)
{
    uint32_t length = (uint32_t)feed_number(&p->feed, 2);

    if (wherry_exchange_data_begin(p->x, length, p->now_ns)) {
        CHECK(length > 0 && p->running != NULL);
        CHECK(!wherry_exchange_end(p->x, RES_IO, NULL, p->now_ns));
    }
}

static void put_data(struct play *p)
{
    uint32_t length = (uint32_t)feed_number(&p->feed, 2);
    uint8_t *room = wherry_exchange_data_room(p->x, length);

    if (room != NULL) {
        memset(room, 'f', length);
        CHECK(wherry_exchange_data_put(p->x, length, p->now_ns));
    }
}

static void end(struct play *p)
{
    enum res result = (enum res)(feed_number(&p->feed, 1) % RES_COUNT);
    bool ended;

    if (p->running == NULL) {
        CHECK(!wherry_exchange_end(p->x, result, NULL, p->now_ns));
        return;
    }
    ended = wherry_exchange_end(p->x, result, NULL, p->now_ns);
    if (ended) {
        p->running = NULL;
        p->piece_due = false;
    }
}

static void take_piece(struct play *p)
{
    CHECK(wherry_exchange_put_taken(p->x, p->now_ns) == p->piece_due);
    p->piece_due = false;
}

/* At most `most` bytes leave. */
static size_t send_some(struct play *p, size_t most)
{
    static const uint8_t body[WHERRY_MAX_FRAME_LOWEST];
    uint32_t due = wherry_exchange_data_due(p->x);
    struct wherry_view out;
    bool more;

    if (wherry_exchange_output(p->x, &out, &more)) {
        size_t n = out.len < most ? out.len : most;

        CHECK(due == 0);
        arrive(p, out.bytes, n);
        wherry_exchange_output_sent(p->x, n, p->now_ns);
        return n;
    }
    CHECK(more == (due > 0));
    due = due < most ? due : (uint32_t)most;
    if (due > 0) {
        arrive(p, body, due);
        wherry_exchange_data_sent(p->x, due, p->now_ns);
    }
    return due;
}

static void send_piece(struct play *p)
{
    (void)send_some(p, feed_length(&p->feed, 2));
}

static void send_all(struct play *p)
{
    while (send_some(p, SIZE_MAX) > 0) {
        pull(p);
    }
}

static void block(struct play *p)
{
    wherry_exchange_blocked(p->x, p->now_ns);
}

static void wait(struct play *p)
{
    p->now_ns += feed_number(&p->feed, 2) * MS;
    wherry_exchange_expire(p->x, p->now_ns);
}

static void wait_for_deadline(struct play *p)
{
    uint64_t deadline_ns = wherry_exchange_deadline(p->x);

    if (deadline_ns != WHERRY_NEVER && deadline_ns > p->now_ns) {
        p->now_ns = deadline_ns;
    }
    wherry_exchange_expire(p->x, p->now_ns);
}

static void end_input(struct play *p)
{
    wherry_exchange_eof(p->x, p->now_ns);
}

static void go_away(struct play *p)
{
    enum res why = feed_number(&p->feed, 1) % 2 == 0 ? RES_SHUTDOWN : RES_BUSY;

    wherry_exchange_goaway(p->x, why, 1, p->now_ns);
}

static void hurry(struct play *p)
{
    wherry_exchange_hurry(p->x, p->now_ns);
}

static void lose(struct play *p)
{
    wherry_exchange_lose(p->x, RES_UNREACHABLE);
}

static void (*const steps[])(struct play *p) = {
    give_bytes,  give_hello, give_frame, give_request, give_of_running,
    say_entries, begin_data, put_data,   end,          take_piece,
    send_piece,  send_all,   block,      wait,         wait_for_deadline,
    end_input,   go_away,    hurry,      lose,         say_replies,
};

/* An adapter that does its duty, a client that is silent: a deadline ends every state. */
static void come_to_an_end(struct play *p)
{
    for (unsigned i = 0; !p->over; i++) {
        CHECK(i < LAST_STEPS_MAX);
        send_all(p);
        if (p->piece_due) {
            take_piece(p);
        }
        if (p->running != NULL) {
            CHECK(wherry_exchange_end(p->x, RES_IO, NULL, p->now_ns));
            p->running = NULL;
        }
        pull(p);
        send_all(p);
        if (!p->over && p->running == NULL) {
            CHECK(wherry_exchange_deadline(p->x) != WHERRY_NEVER);
            wait_for_deadline(p);
        }
        pull(p);
    }
    CHECK(wherry_exchange_deadline(p->x) == WHERRY_NEVER);
    CHECK(!wherry_exchange_wants_input(p->x));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        abort();
    }
    p->feed = (struct feed){.bytes = data, .len = size};
    begin(p);
    while (!feed_empty(&p->feed) && !p->over) {
        steps[feed_number(&p->feed, 1) % (sizeof(steps) / sizeof(steps[0]))](p);
        pull(p);
    }
    come_to_an_end(p);
    wherry_exchange_free(p->x);
    wherry_frame_decoder_clear(&p->from_client);
    wherry_frame_decoder_clear(&p->from_server);
    free(p);
    return 0;
}
