/* SPDX-License-Identifier: BSD-2-Clause */
/* Many clients at once that send and read in pieces of any size, in any order, and pause where they
 * like: every one of them gets all its answers, in order, and none is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/tcp_served.h"
#include "support/chance.h"
#include "support/scratch.h"

#define SEEDS 12u
#define CLIENTS 10u
#define ASKED 15u /* by each, all at once */
#define STEPS 1500u
#define FRAME_ROOM 64u
#define PIECE_MAX 100000u

/* Small enough to be copied, sent in one frame, and in several. */
static const struct {
    const char *name; /* of 4 bytes */
    uint64_t size;
} files[] = {{"none", 0}, {"tiny", 10}, {"some", 16384}, {"more", 16385}, {"most", 700001}};
#define FILES (sizeof(files) / sizeof(files[0]))

struct asked {
    uint8_t type;
    size_t file;
    uint64_t offset;
    uint64_t count;
};

struct member {
    struct tcp_client client;
    struct asked asked[ASKED];
    uint8_t bytes[(ASKED + 1) * FRAME_ROOM];
    size_t len, sent;
};

static void add(struct member *m, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        m->bytes[m->len++] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    }
}

static void add_header(struct member *m, uint32_t len, uint8_t type, uint32_t id)
{
    add(m, len, 4);
    add(m, type, 1);
    add(m, 0, 3);
    add(m, id, 4);
}

static void add_request(struct member *m, uint32_t id, struct chance *chance)
{
    static const uint8_t types[] = {WHERRY_FRAME_GET,  WHERRY_FRAME_GET,  WHERRY_FRAME_GET,
                                    WHERRY_FRAME_STAT, WHERRY_FRAME_HASH, WHERRY_FRAME_LIST};
    struct asked *a = &m->asked[id - 1];

    a->type = types[chance_between(chance, 0, sizeof(types) - 1)];
    a->file = (size_t)chance_between(chance, 0, FILES - 1);
    a->offset = chance_between(chance, 0, files[a->file].size);
    a->count = chance_between(chance, 0, files[a->file].size - a->offset);
    if (a->type == WHERRY_FRAME_LIST) {
        add_header(m, 4, a->type, id);
        add(m, 0, 4);
        return;
    }
    add_header(m, a->type == WHERRY_FRAME_GET ? 22 : 6, a->type, id);
    if (a->type == WHERRY_FRAME_GET) {
        add(m, a->offset, 8);
        add(m, a->count, 8);
    }
    add(m, 4, 2);
    memcpy(m->bytes + m->len, files[a->file].name, 4);
    m->len += 4;
}

static void join(struct member *m, struct tcp_served *f, struct chance *chance)
{
    static const uint8_t hello[] = {'W', 'H', 'R', 'Y', 1, 1};

    memset(m, 0, sizeof(*m));
    add_header(m, sizeof(hello), WHERRY_FRAME_HELLO, 0);
    memcpy(m->bytes + m->len, hello, sizeof(hello));
    m->len += sizeof(hello);
    for (uint32_t id = 1; id <= ASKED; id++) {
        add_request(m, id, chance);
    }
    tcp_client_open(&m->client, f);
}

static void step(struct member *m, struct chance *chance)
{
    size_t left = m->len - m->sent;

    if (left > 0 && chance_happens(chance, 500)) {
        m->sent +=
            tcp_client_try(&m->client, m->bytes + m->sent, (size_t)chance_between(chance, 1, left));
    } else {
        (void)tcp_client_take(&m->client, (size_t)chance_between(chance, 1, PIECE_MAX));
    }
    for (uint64_t turns = chance_between(chance, 0, 2); turns > 0; turns--) {
        loop_turn(m->client.f->loop, false);
    }
}

static void expect_listing(struct tcp_client *c, uint32_t id)
{
    struct wherry_message_entry entry;

    tcp_client_expect(c, WHERRY_FRAME_ENTRIES, id);
    for (size_t i = 0; i < FILES; i++) {
        assert_int_equal(wherry_message_next_entry(&c->payload, &entry), RES_OK);
    }
    assert_int_equal(c->payload.len, 0);
    tcp_client_expect_end(c, id, WHERRY_STATUS_OK);
}

static void expect_answer(struct tcp_client *c, uint32_t id, const struct asked *a)
{
    struct wherry_message_info info;

    switch (a->type) {
    case WHERRY_FRAME_GET:
        tcp_client_expect_body(c, id, a->offset, a->count);
        break;
    case WHERRY_FRAME_STAT:
        tcp_client_expect(c, WHERRY_FRAME_INFO, id);
        assert_int_equal(wherry_message_parse_info(&info, c->payload), RES_OK);
        assert_int_equal(info.size, files[a->file].size);
        tcp_client_expect_end(c, id, WHERRY_STATUS_OK);
        break;
    case WHERRY_FRAME_HASH:
        tcp_client_expect(c, WHERRY_FRAME_HASH_REPLY, id);
        tcp_client_expect_end(c, id, WHERRY_STATUS_OK);
        break;
    default:
        expect_listing(c, id);
        break;
    }
}

static void finish(struct member *m)
{
    tcp_client_send(&m->client, m->bytes + m->sent, m->len - m->sent);
    tcp_client_shut(&m->client);
    tcp_client_expect(&m->client, WHERRY_FRAME_HELLO_REPLY, 0);
    for (uint32_t id = 1; id <= ASKED; id++) {
        expect_answer(&m->client, id, &m->asked[id - 1]);
    }
    tcp_client_expect_shut(&m->client);
    tcp_client_close(&m->client);
}

static void run(struct tcp_served *f, uint64_t seed)
{
    struct member *members = calloc(CLIENTS, sizeof(*members));
    struct chance chance;

    assert_non_null(members);
    chance_init(&chance, seed);
    f->config.turn_max = (uint32_t)chance_between(&chance, 4096, 200000);
    f->config.output_max = (uint32_t)chance_between(&chance, 32768, 100000);
    for (size_t i = 0; i < CLIENTS; i++) {
        join(&members[i], f, &chance);
    }
    for (size_t i = 0; i < STEPS; i++) {
        step(&members[chance_between(&chance, 0, CLIENTS - 1)], &chance);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        finish(&members[i]);
    }
    free(members);
    tcp_served_connections(f, 0);
}

static void test_every_client_of_a_crowd_gets_all_its_answers(void **state)
{
    for (size_t i = 0; i < FILES; i++) {
        tcp_served_pattern(files[i].name, (size_t)files[i].size);
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run(*state, seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_client_of_a_crowd_gets_all_its_answers,
                                        tcp_served_setup, tcp_served_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
