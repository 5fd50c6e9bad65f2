/* SPDX-License-Identifier: BSD-2-Clause */
/* wherry and wherryd, the programs as they are, with a bad link between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/relay.h"
#include "net/server_process.h"
#include "support/scratch.h"
#include "support/scripted_server.h"

#define MS UINT64_C(1000000)
#define PLAIN_BYTES 20000u    /* 40 blocks of 512 */
#define WINDOWED_BYTES 150000 /* 106 blocks of 1428 */
#define ETHERNET 1472u        /* of payload in 1,500 bytes */

static struct server_process server;

static int start_server(void **state)
{
    static const char *const words[] = {"--write", "replace", NULL};

    (void)state;
    server_process_start(&server, words);
    server_process_file(&server, "plain", PLAIN_BYTES);
    server_process_file(&server, "windowed", WINDOWED_BYTES);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    server_process_stop(&server);
    return 0;
}

/* From here on the URLs of the program lead through the link. */
static struct relay open_link(struct scripted *s, uint32_t loss_permille, size_t largest_bytes)
{
    struct relay_params p = {
        .server = server.addr,
        .link = {.loss_permille = {loss_permille, loss_permille}, .delay_ns = 5 * MS},
        .largest_bytes = largest_bytes,
        .seed = 1,
    };
    struct relay r;

    relay_start(&r, &p);
    s->program.port = r.port;
    return r;
}

static void get(struct scripted *s, const char *words, const char *name, size_t bytes)
{
    char line[128];

    (void)snprintf(line, sizeof(line), "get -v %s URL/%s got", words, name);
    program_start(&s->program, line);
    program_ends(&s->program, 0);
    program_file_is("got", program_pattern(bytes), bytes);
}

static void put(struct scripted *s, const char *words, size_t bytes)
{
    char line[128];

    program_put_file("sent", program_pattern(bytes), bytes);
    (void)snprintf(line, sizeof(line), "put -v %s sent URL/taken", words);
    program_start(&s->program, line);
    program_ends(&s->program, 0);
    (void)snprintf(line, sizeof(line), "%s/taken", server.root);
    program_file_is(line, program_pattern(bytes), bytes);
}

static void test_plain_transfers_arrive_over_a_link_that_loses_one_in_ten(void **state)
{
    struct scripted *s = *state;
    struct relay r = open_link(s, 100, LINK_DATAGRAM_MAX);

    get(s, "--no-options", "plain", PLAIN_BYTES);
    put(s, "--no-options", PLAIN_BYTES);
    relay_stop(&r);
}

static void test_windows_arrive_over_a_link_that_loses_one_in_ten(void **state)
{
    struct scripted *s = *state;
    struct relay r = open_link(s, 100, LINK_DATAGRAM_MAX);

    get(s, "--blksize 1428", "windowed", WINDOWED_BYTES);
    put(s, "--blksize 1428", WINDOWED_BYTES);
    relay_stop(&r);
}

/* Nothing but a smaller block helps where fragments are dropped: loopback's own MTU suggests blocks
 * of 65,464 bytes. */
static void test_get_falls_back_to_smaller_blocks_where_fragments_vanish(void **state)
{
    struct scripted *s = *state;
    struct relay r = open_link(s, 0, ETHERNET);

    get(s, "", "windowed", WINDOWED_BYTES);
    program_says("asking for blksize 8192");
    program_says("asking for blksize 1428");
    program_says("agreed blksize=1428");
    relay_stop(&r);
}

static void test_put_falls_back_to_smaller_blocks_where_fragments_vanish(void **state)
{
    struct scripted *s = *state;
    struct relay r = open_link(s, 0, ETHERNET - 100);

    put(s, "--blksize 1428", WINDOWED_BYTES);
    program_says("asking for blksize 1024");
    program_says("agreed blksize=1024");
    relay_stop(&r);
}

#define WIRE(test) cmocka_unit_test_setup_teardown(test, scripted_setup, scripted_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE(test_plain_transfers_arrive_over_a_link_that_loses_one_in_ten),
        WIRE(test_windows_arrive_over_a_link_that_loses_one_in_ten),
        WIRE(test_get_falls_back_to_smaller_blocks_where_fragments_vanish),
        WIRE(test_put_falls_back_to_smaller_blocks_where_fragments_vanish),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
