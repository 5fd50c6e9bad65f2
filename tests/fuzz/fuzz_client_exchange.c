/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole client's exchange, fed with an arbitrary server and an arbitrary caller.
 *
 * Input: steps: a byte that chooses the row of steps[], and what that step reads. What must hold at
 * any time: what it sends are frames that a server takes (judge_frame()), events come in order and
 * add up (judge_event()), each request ends once. */
#include <wherry/client_exchange.h>

#include "fuzz/check.h"
#include "support/feed.h"

#define MS UINT64_C(1000000)
#define NAME_MAX_BYTES WHERRY_COMPONENT_MAX

struct asked {
    uint32_t id;
    uint8_t type;
    bool replied;
    uint64_t offset; /* GET: of the next byte */
    uint64_t count;  /* GET: still to come */
    uint8_t name[NAME_MAX_BYTES];
    size_t name_len;
};

struct play {
    struct feed feed;
    struct wherry_client_exchange *x;
    uint64_t now_ns;
    struct asked asked[WHERRY_PIPELINE_MAX];
    size_t count;
    enum wherry_client_state state;
    bool closed; /* CLOSED was said */
    /* Of what it sends. */
    struct wherry_frame_decoder decoder;
    uint32_t open_put; /* 0: none */
    uint32_t last_id;
};

/* Between a PUT and its END or CANCEL comes no request; DATA and END belong to it. */
static void judge_frame(struct play *p, const struct wherry_frame *f)
{
    if (wherry_frame_is_request(f->type)) {
        CHECK(p->open_put == 0);
        CHECK(f->id == p->last_id + 1);
        p->last_id = f->id;
        p->open_put = f->type == WHERRY_FRAME_PUT ? f->id : 0;
    } else if (f->type == WHERRY_FRAME_DATA || f->type == WHERRY_FRAME_END) {
        CHECK(f->id == p->open_put);
    }
    if ((f->type == WHERRY_FRAME_END || f->type == WHERRY_FRAME_CANCEL) && f->id == p->open_put) {
        p->open_put = 0;
    }
}

static void judge_sent(struct play *p, const uint8_t *bytes, size_t len)
{
    struct wherry_decoded d;

    while (len > 0) {
        size_t used = wherry_frame_decode(&p->decoder, bytes, len, &d);

        CHECK(d.kind != WHERRY_DECODED_BAD);
        if (d.kind == WHERRY_DECODED_WHOLE || (d.kind == WHERRY_DECODED_DATA && d.first)) {
            judge_frame(p, &d.frame);
        }
        bytes += used;
        len -= used;
    }
}

static void send_some(struct play *p)
{
    size_t most = 1 + (size_t)feed_number(&p->feed, 2);
    struct wherry_view out = wherry_client_exchange_output(p->x);
    uint32_t body = wherry_client_exchange_body(p->x);
    static const uint8_t zeros[256];

    if (out.len > 0) {
        out.len = out.len < most ? out.len : most;
        judge_sent(p, out.bytes, out.len);
        wherry_client_exchange_output_sent(p->x, out.len, p->now_ns);
    } else if (body > 0) {
        uint32_t len = body < most ? body : (uint32_t)most;

        wherry_client_exchange_body_sent(p->x, len, p->now_ns);
        CHECK(wherry_client_exchange_body(p->x) == body - len);
        for (uint32_t left = len; left > 0;) {
            uint32_t piece = left < sizeof(zeros) ? left : (uint32_t)sizeof(zeros);

            judge_sent(p, zeros, piece);
            left -= piece;
        }
    }
}

static void send_all(struct play *p)
{
    while (wherry_client_exchange_output(p->x).len > 0 || wherry_client_exchange_body(p->x) > 0) {
        struct feed all = {.bytes = (const uint8_t *)"\xff\xff", .len = 2};
        struct feed kept = p->feed;

        p->feed = all;
        send_some(p);
        p->feed = kept;
    }
}

static void judge_name(struct asked *a, struct wherry_view name)
{
    size_t common = name.len < a->name_len ? name.len : a->name_len;
    int order = memcmp(name.bytes, a->name, common);

    CHECK(wherry_message_check_path(name) == RES_OK && name.len > 0);
    CHECK(name.len <= sizeof(a->name) && memchr(name.bytes, '/', name.len) == NULL);
    CHECK(order > 0 || (order == 0 && name.len > a->name_len));
    memcpy(a->name, name.bytes, name.len);
    a->name_len = name.len;
}

static void judge_end(struct play *p, bool ok)
{
    const struct asked *a = &p->asked[0];
    bool has_reply = a->type != WHERRY_FRAME_LIST && a->type != WHERRY_FRAME_MKDIR;

    CHECK(!ok || !has_reply || a->replied);
    CHECK(!ok || a->type != WHERRY_FRAME_GET || a->count == 0);
    CHECK(!ok || a->type != WHERRY_FRAME_PUT || p->open_put != a->id);
    if (p->open_put == a->id && !a->replied) {
        p->open_put = 0; /* refused before READY: it is over at once */
    }
    p->count--;
    memmove(p->asked, p->asked + 1, p->count * sizeof(p->asked[0]));
}

static void judge_reply(struct asked *a, uint8_t type)
{
    CHECK(a->type == type && !a->replied);
    a->replied = true;
}

static void judge_event(struct play *p, const struct wherry_client_event *e)
{
    struct asked *a = &p->asked[0];

    CHECK(!p->closed);
    CHECK(e->request == 0 || (p->count > 0 && e->request == a->id));
    switch (e->kind) {
    case WHERRY_CLIENT_ENTRY:
        CHECK(a->type == WHERRY_FRAME_LIST);
        judge_name(a, e->entry.name);
        break;
    case WHERRY_CLIENT_INFO:
        judge_reply(a, WHERRY_FRAME_STAT);
        break;
    case WHERRY_CLIENT_GET_REPLY:
        judge_reply(a, WHERRY_FRAME_GET);
        CHECK(e->get.offset == a->offset && e->get.count <= a->count);
        a->count = e->get.count;
        break;
    case WHERRY_CLIENT_BYTES:
        CHECK(a->type == WHERRY_FRAME_GET && a->replied && e->bytes.offset == a->offset);
        CHECK(e->bytes.view.len > 0 && e->bytes.view.len <= a->count);
        a->offset += e->bytes.view.len;
        a->count -= e->bytes.view.len;
        break;
    case WHERRY_CLIENT_READY:
        judge_reply(a, WHERRY_FRAME_PUT);
        break;
    case WHERRY_CLIENT_HASH_REPLY:
        judge_reply(a, WHERRY_FRAME_HASH);
        break;
    case WHERRY_CLIENT_END:
        judge_end(p, e->end.status == WHERRY_STATUS_OK);
        break;
    case WHERRY_CLIENT_LOST:
        judge_end(p, false);
        break;
    case WHERRY_CLIENT_CLOSED:
        CHECK(p->count == 0 && e->closed.why != NULL);
        p->closed = true;
        break;
    default:
        CHECK(e->request == 0);
    }
}

static void give(struct play *p, const uint8_t *bytes, size_t len)
{
    struct wherry_client_event e;
    size_t used = 0;

    do {
        size_t n = wherry_client_exchange_input(p->x, len > 0 ? bytes + used : NULL, len - used,
                                                p->now_ns, &e);

        CHECK(n <= len - used);
        used += n;
        if (e.kind != WHERRY_CLIENT_NONE) {
            judge_event(p, &e);
        }
    } while (e.kind != WHERRY_CLIENT_NONE);
    CHECK(used == len);
}

static void give_bytes(struct play *p)
{
    struct wherry_view bytes = feed_bytes(&p->feed, feed_length(&p->feed, 1));

    give(p, bytes.bytes, bytes.len);
}

static void give_hello(struct play *p)
{
    static const uint8_t hello[] = "\0\0\0\15\x81\0\0\0\0\0\0\0WHRY\1\0\1\0\0\0\0\0";

    give(p, hello, sizeof(hello));
}

static bool of_connection(uint8_t type)
{
    return type == 0x89 || type == 0x8f || type == 0x09 || type == 0x90;
}

/* For the oldest request, or what is random would hardly ever be taken. */
static void give_frame(struct play *p)
{
    static const uint8_t types[] = {0x82, 0x83, 0x84, 0x85, 0x87, 0x8a,
                                    0x06, 0x89, 0x8f, 0x09, 0x90};
    struct wherry_frame f = {.type = types[feed_number(&p->feed, 1) % sizeof(types)]};
    uint8_t header[WHERRY_FRAME_HEADER_BYTES];
    struct wherry_view payload;

    f.status = (uint16_t)feed_number(&p->feed, 1);
    f.id = of_connection(f.type) || p->count == 0 ? 0 : p->asked[0].id;
    payload = feed_bytes(&p->feed, feed_length(&p->feed, 1));
    f.length = (uint32_t)payload.len;
    wherry_frame_write(header, &f);
    give(p, header, sizeof(header));
    give(p, payload.bytes, payload.len);
}

static void ask(struct play *p)
{
    uint8_t type = (uint8_t)feed_number(&p->feed, 1);
    struct wherry_view path = feed_bytes(&p->feed, feed_length(&p->feed, 1) % 32);
    struct asked a = {.id = UINT32_MAX, .offset = feed_number(&p->feed, 1)};
    struct wherry_message_list list = {.path = path};
    struct wherry_message_get get = {.path = path, .offset = a.offset};
    struct wherry_message_put put = {.path = path, .mode = WHERRY_PUT_CREATE};
    enum res r;

    a.count = feed_number(&p->feed, 1);
    a.count = a.count == 255 ? WHERRY_COUNT_ALL : a.count;
    get.count = a.count;
    put.size = a.count;
    list.after = feed_bytes(&p->feed, (size_t)a.offset);
    switch (type % 6) {
    case 0:
        a.type = WHERRY_FRAME_LIST;
        r = wherry_client_exchange_list(p->x, &list, p->now_ns, &a.id);
        a.name_len = list.after.len;
        if (list.after.len > 0) {
            memcpy(a.name, list.after.bytes, list.after.len);
        }
        break;
    case 1:
        a.type = WHERRY_FRAME_GET;
        r = wherry_client_exchange_get(p->x, &get, p->now_ns, &a.id);
        break;
    case 2:
        a.type = WHERRY_FRAME_PUT;
        r = wherry_client_exchange_put(p->x, &put, p->now_ns, &a.id);
        break;
    case 3:
        a.type = WHERRY_FRAME_STAT;
        r = wherry_client_exchange_stat(p->x, path, p->now_ns, &a.id);
        break;
    case 4:
        a.type = WHERRY_FRAME_HASH;
        r = wherry_client_exchange_hash(p->x, path, p->now_ns, &a.id);
        break;
    default:
        a.type = WHERRY_FRAME_MKDIR;
        r = wherry_client_exchange_mkdir(p->x, path, p->now_ns, &a.id);
        break;
    }
    CHECK((r == RES_OK) == (a.id != UINT32_MAX));
    if (r == RES_OK) {
        CHECK(p->count < WHERRY_PIPELINE_MAX);
        p->asked[p->count++] = a;
    }
}

static void cancel(struct play *p)
{
    uint32_t id = (uint32_t)feed_number(&p->feed, 1);

    (void)wherry_client_exchange_cancel(p->x, id, p->now_ns);
}

static void ping(struct play *p)
{
    struct wherry_view bytes = feed_bytes(&p->feed, feed_length(&p->feed, 1));

    (void)wherry_client_exchange_ping(p->x, bytes, p->now_ns);
}

static void data_begin(struct play *p)
{
    uint32_t len = (uint32_t)feed_number(&p->feed, 2);

    if (wherry_client_exchange_data_begin(p->x, len, p->now_ns) == RES_OK) {
        CHECK(wherry_client_exchange_body(p->x) == len && len > 0);
        CHECK(len <= wherry_client_exchange_max_frame(p->x));
    }
}

static void put_end(struct play *p)
{
    static const uint8_t sha256[WHERRY_SHA256_BYTES];
    bool digest = feed_number(&p->feed, 1) % 2 == 1;

    (void)wherry_client_exchange_put_end(p->x, digest ? sha256 : NULL, p->now_ns);
}

static void wait(struct play *p)
{
    p->now_ns += feed_number(&p->feed, 2) * MS;
    wherry_client_exchange_expire(p->x, p->now_ns);
}

static void wait_for_deadline(struct play *p)
{
    uint64_t deadline_ns = wherry_client_exchange_deadline(p->x);

    if (deadline_ns != WHERRY_NEVER) {
        p->now_ns = deadline_ns > p->now_ns ? deadline_ns : p->now_ns;
        wherry_client_exchange_expire(p->x, p->now_ns);
        CHECK(wherry_client_exchange_state(p->x) == WHERRY_CLIENT_OVER);
    }
}

static void hold(struct play *p)
{
    wherry_client_exchange_hold(p->x, feed_number(&p->feed, 1) % 2 == 1, p->now_ns);
}

static void close_stream(struct play *p)
{
    wherry_client_exchange_closed(p->x, feed_number(&p->feed, 1) % 2 == 1 ? RES_IO : RES_OK);
    give(p, NULL, 0);
    CHECK(p->closed && p->count == 0);
}

static void (*const steps[])(struct play *p) = {
    give_frame, ask,  send_all, give_bytes, send_some,         data_begin, put_end,
    cancel,     ping, wait,     hold,       wait_for_deadline, give_hello, close_stream,
};

static void judge(struct play *p)
{
    enum wherry_client_state state = wherry_client_exchange_state(p->x);

    CHECK(state >= p->state);
    CHECK(wherry_client_exchange_outstanding(p->x) == p->count);
    p->state = state;
    if (state == WHERRY_CLIENT_OVER) {
        CHECK(wherry_client_exchange_output(p->x).len == 0);
        CHECK(wherry_client_exchange_body(p->x) == 0);
        CHECK(wherry_client_exchange_deadline(p->x) == WHERRY_NEVER);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play p = {.feed = {.bytes = data, .len = size}};
    const struct wherry_client_params params = {.hello_patience_ns = 5000 * MS,
                                                .silence_patience_ns = 30000 * MS};

    if (wherry_client_exchange_new(&p.x, &params) != RES_OK) {
        abort();
    }
    wherry_frame_decoder_init(&p.decoder, WHERRY_FROM_CLIENT, WHERRY_MAX_FRAME_HIGHEST, true);
    while (!feed_empty(&p.feed)) {
        steps[feed_number(&p.feed, 1) % (sizeof(steps) / sizeof(steps[0]))](&p);
        judge(&p);
    }
    wherry_client_exchange_closed(p.x, RES_OK);
    give(&p, NULL, 0);
    CHECK(p.closed);
    judge(&p);
    wherry_frame_decoder_clear(&p.decoder);
    wherry_client_exchange_free(p.x);
    return 0;
}
