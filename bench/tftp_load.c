/* SPDX-License-Identifier: BSD-2-Clause */
/* tftp_load: many TFTP clients in one thread, the same for every server, on libwherry's cores.
 *
 *   tftp_load pattern BYTES K         the bytes of file K, to standard output
 *   tftp_load get|put PORT NAME BYTES [-n CLIENTS] [-t TRANSFERS] [-f FILES] [-b BLKSIZE]
 *             [-w WINDOWSIZE] [-l PERCENT] [-r SEED] [-p PATIENCE] [-d SECONDS] [-g] [-s] [-q] [-h]
 *
 * CLIENTS at once, TRANSFERS in all, each of a socket of its own, at 127.0.0.1. Transfer i moves
 * file NAME-k, k = i mod FILES (default: TRANSFERS for uploads, else 1), which is BYTES long and
 * holds the pattern of k. -l throws away so much of what arrives, -g takes joined datagrams
 * (UDP_GRO), -s sends an upload's windows in one piece (UDP_SEGMENT). -d: what is not done after so
 * long has failed. -h stops each read at its first block, says "held COUNT" and waits for the end
 * of standard input.
 *
 * Prints one line of NAME=VALUE. Exit status 0: every transfer went well; 1: some did not; 2: it
 * could not run. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "load_client.h"

#define SECOND UINT64_C(1000000000)
#define TICK_NS (SECOND / 100)
#define FEW_CLIENTS 16u /* whose deadlines are looked at after each wake-up */
#define EVENTS 256

struct load {
    struct load_plan plan;
    struct load_tally tally;
    uint32_t clients;
    uint64_t transfers;
    uint64_t last_ns; /* what is not done then has failed */
    uint64_t begun;   /* transfers */
    uint64_t ended;
    uint64_t failed;
    uint64_t held;
    uint64_t next_look_ns;
    int epoll;
    struct load_client *client;
    uint64_t *took_ns; /* of each transfer that went well */
    struct load_inbox *inbox;
};

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "tftp_load: %s\n", what);
    exit(2);
}

static uint64_t now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static uint64_t number_of(const char *what, const char *text, uint64_t lowest, uint64_t highest)
{
    char *end;
    uint64_t n;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || n < lowest || n > highest) {
        (void)fprintf(stderr,
                      "tftp_load: %s is '%s': must be a number from %" PRIu64 " to %" PRIu64 "\n",
                      what, text, lowest, highest);
        exit(2);
    }
    return n;
}

static uint64_t loss_of(const char *text)
{
    char *end;
    double percent = strtod(text, &end);

    if (end == text || *end != '\0' || !(percent >= 0 && percent < 100)) {
        die("-l must be a percentage from 0 to below 100");
    }
    return (uint64_t)(percent / 100 * 4294967296.0);
}

static int print_pattern(const struct pattern *p, uint64_t bytes, uint32_t file)
{
    for (uint64_t at = 0; at < bytes;) {
        size_t n = bytes - at < PATTERN_VIEW_BYTES ? (size_t)(bytes - at) : PATTERN_VIEW_BYTES;

        if (fwrite(pattern_at(p, file, at), 1, n, stdout) != n) {
            die("cannot write");
        }
        at += n;
    }
    return fflush(stdout) == 0 ? 0 : 2;
}

/* --- the transfers --- */

static struct epoll_event event_of(uint32_t i)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};

    return e;
}

static void open_next(struct load *l, uint32_t i)
{
    struct epoll_event e = event_of(i);
    enum res r = load_client_open(&l->client[i], &l->plan, l->begun, now());

    if (r != RES_OK || epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->client[i].fd, &e) == -1) {
        (void)fprintf(stderr, "tftp_load: transfer %" PRIu64 " cannot begin: %s, %s\n", l->begun,
                      wherry_res_text(r), strerror(errno));
        exit(2);
    }
    l->begun++;
}

static void end(struct load *l, uint32_t i, uint64_t now_ns)
{
    struct load_client *c = &l->client[i];
    uint64_t took_ns = now_ns - c->begun_ns;

    if (load_client_end(c, &l->plan, &l->tally)) {
        l->took_ns[l->ended - l->failed] = took_ns;
    } else {
        l->failed++;
    }
    l->ended++;
}

static void advance(struct load *l, uint32_t i, enum load_state s, uint64_t now_ns)
{
    if (s == LOAD_RUNNING) {
        return;
    }
    if (s == LOAD_HELD) {
        l->held++;
        (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->client[i].fd, NULL);
        return;
    }
    end(l, i, now_ns);
    if (l->begun < l->transfers) {
        open_next(l, i);
        load_client_begin(&l->client[i], &l->plan, &l->tally, now_ns);
    }
}

/* Ends what is overdue, and finds out when to look again: with few clients exactly, with many at
 * the next tick. */
static void look_at_deadlines(struct load *l, uint64_t now_ns)
{
    uint64_t next_ns = now_ns + TICK_NS;

    for (uint32_t i = 0; i < l->clients; i++) {
        struct load_client *c = &l->client[i];

        if (c->fd != -1 && load_client_deadline(c, &l->plan) <= now_ns) {
            advance(l, i, load_client_expire(c, &l->plan, &l->tally, now_ns), now_ns);
        }
        if (l->clients <= FEW_CLIENTS && c->fd != -1 &&
            load_client_deadline(c, &l->plan) < next_ns) {
            next_ns = load_client_deadline(c, &l->plan);
        }
    }
    l->next_look_ns = next_ns;
}

static void give_up(struct load *l, uint64_t now_ns)
{
    for (uint32_t i = 0; i < l->clients; i++) {
        if (l->client[i].fd != -1) {
            end(l, i, now_ns);
        }
    }
    l->failed += l->transfers - l->ended;
    l->ended = l->transfers;
}

static void wait_for_events(struct load *l)
{
    struct epoll_event events[EVENTS];
    struct timespec wait = {0};
    uint64_t now_ns = now();
    int n;

    if (l->next_look_ns > now_ns) {
        wait.tv_sec = (time_t)((l->next_look_ns - now_ns) / SECOND);
        wait.tv_nsec = (long)((l->next_look_ns - now_ns) % SECOND);
    }
    n = epoll_pwait2(l->epoll, events, EVENTS, &wait, NULL);
    if (n == -1 && errno != EINTR) {
        die("cannot wait for events");
    }
    now_ns = now();
    for (int k = 0; k < n; k++) {
        uint32_t i = events[k].data.u32;

        advance(l, i, load_client_readable(&l->client[i], &l->plan, l->inbox, &l->tally, now_ns),
                now_ns);
    }
    if (l->clients <= FEW_CLIENTS || now_ns >= l->next_look_ns) {
        look_at_deadlines(l, now_ns);
    }
    if (now_ns >= l->last_ns) {
        give_up(l, now_ns);
    }
}

/* --- beginning and end --- */

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* In seconds; 0 if none went well. */
static double percentile(const struct load *l, unsigned percent)
{
    uint64_t count = l->ended - l->failed;
    uint64_t rank;

    if (count == 0) {
        return 0;
    }
    rank = (count - 1) * percent / 100;
    return (double)l->took_ns[rank] / (double)SECOND;
}

static double own_cpu(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void report(struct load *l, double seconds, double cpu)
{
    qsort(l->took_ns, (size_t)(l->ended - l->failed), sizeof(*l->took_ns), by_size);
    printf("transfers=%" PRIu64 " failures=%" PRIu64 " wrong=%" PRIu64 " bytes=%" PRIu64
           " seconds=%.6f p50=%.6f p99=%.6f requests_again=%" PRIu64 " repeated=%" PRIu64
           " thrown_away=%" PRIu64 " cpu=%.6f blksize=%u windowsize=%u\n",
           l->ended - l->failed, l->failed, l->tally.wrong, l->tally.bytes, seconds,
           percentile(l, 50), percentile(l, 99), l->tally.requests_again, l->tally.repeated,
           l->tally.thrown_away, cpu, l->tally.agreed.blksize, l->tally.agreed.windowsize);
    if (l->tally.first_failure != RES_OK) {
        (void)fprintf(stderr, "tftp_load: the first failure: %s; the first error: %s\n",
                      wherry_res_text(l->tally.first_failure),
                      l->tally.first_error[0] == '\0' ? "none" : l->tally.first_error);
    }
}

static void hold(struct load *l)
{
    char byte;

    printf("held %" PRIu64 "\n", l->held);
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) == 1) {
    }
    for (uint32_t i = 0; i < l->clients; i++) {
        if (l->client[i].fd != -1) {
            (void)load_client_end(&l->client[i], &l->plan, &l->tally);
        }
    }
}

static int run(struct load *l)
{
    struct rlimit files;
    double cpu;
    uint64_t begun_ns;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->client = calloc(l->clients, sizeof(*l->client));
    l->took_ns = calloc((size_t)l->transfers, sizeof(*l->took_ns));
    l->inbox = load_inbox_new(l->plan.windowsize, (size_t)l->plan.blksize + WHERRY_HEADER_BYTES + 1,
                              l->plan.gro);
    if (l->epoll == -1 || l->client == NULL || l->took_ns == NULL || l->inbox == NULL) {
        die("no memory");
    }
    for (uint32_t i = 0; i < l->clients; i++) {
        open_next(l, i);
    }
    cpu = own_cpu();
    begun_ns = now();
    l->last_ns = l->last_ns == 0 ? UINT64_MAX : begun_ns + l->last_ns;
    for (uint32_t i = 0; i < l->clients; i++) {
        load_client_begin(&l->client[i], &l->plan, &l->tally, now());
    }
    while (l->ended + l->held < l->transfers) {
        wait_for_events(l);
    }
    if (l->plan.hold) {
        hold(l);
    } else {
        report(l, (double)(now() - begun_ns) / (double)SECOND, own_cpu() - cpu);
    }
    load_inbox_free(l->inbox);
    free(l->client);
    free(l->took_ns);
    (void)close(l->epoll);
    return l->failed == 0 ? 0 : 1;
}

/* Every option as asked of the server; plain RFC 1350 if all are the protocol's own. */
static void ask(struct load_plan *p)
{
    if (p->blksize != WHERRY_BLKSIZE_DEFAULT) {
        p->pairs_len = wherry_options_append(p->pairs, p->pairs_len, sizeof(p->pairs),
                                             WHERRY_BLKSIZE, p->blksize);
    }
    if (p->windowsize != 1) {
        p->pairs_len = wherry_options_append(p->pairs, p->pairs_len, sizeof(p->pairs),
                                             WHERRY_WINDOWSIZE, p->windowsize);
    }
    wherry_options_parse(&p->asked, (struct wherry_view){p->pairs, p->pairs_len});
}

static void parse_switches(struct load *l, int argc, char **argv)
{
    struct load_plan *p = &l->plan;
    int c;

    while ((c = getopt(argc, argv, "n:t:f:b:w:l:r:p:d:gsqh")) != -1) {
        switch (c) {
        case 'n':
            l->clients = (uint32_t)number_of("-n", optarg, 1, 20000);
            break;
        case 't':
            l->transfers = number_of("-t", optarg, 1, 100000000);
            break;
        case 'f':
            p->files = (uint32_t)number_of("-f", optarg, 1, 1000000);
            break;
        case 'b':
            p->blksize = (uint16_t)number_of("-b", optarg, WHERRY_BLKSIZE_MIN, WHERRY_BLKSIZE_MAX);
            break;
        case 'w':
            p->windowsize = (uint16_t)number_of("-w", optarg, 1, WHERRY_WINDOWSIZE_MAX);
            break;
        case 'l':
            p->loss = loss_of(optarg);
            break;
        case 'r':
            p->seed = number_of("-r", optarg, 0, UINT32_MAX);
            break;
        case 'p':
            p->patience_ns = number_of("-p", optarg, 1, 3600) * SECOND;
            break;
        case 'd':
            l->last_ns = number_of("-d", optarg, 1, 86400) * SECOND;
            break;
        case 'g':
            p->gro = true;
            break;
        case 's':
            p->in_segments = true;
            break;
        case 'q':
            p->quiet = true;
            break;
        case 'h':
            p->hold = true;
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    static struct load l; /* the pattern is too large for a stack */

    pattern_init(&l.plan.pattern);
    if (argc == 4 && strcmp(argv[1], "pattern") == 0) {
        return print_pattern(&l.plan.pattern, number_of("BYTES", argv[2], 0, INT64_MAX),
                             (uint32_t)number_of("K", argv[3], 0, UINT32_MAX));
    }
    if (argc < 5 || (strcmp(argv[1], "get") != 0 && strcmp(argv[1], "put") != 0)) {
        die("usage: tftp_load pattern BYTES K | tftp_load get|put PORT NAME BYTES [switches]");
    }
    l.clients = 1;
    l.plan.upload = strcmp(argv[1], "put") == 0;
    l.plan.server = (struct sockaddr_in){.sin_family = AF_INET};
    l.plan.server.sin_port = htons((uint16_t)number_of("PORT", argv[2], 1, UINT16_MAX));
    l.plan.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l.plan.name = argv[3];
    l.plan.bytes = number_of("BYTES", argv[4], 0, INT64_MAX);
    l.plan.blksize = WHERRY_BLKSIZE_DEFAULT;
    l.plan.windowsize = 1;
    l.plan.patience_ns = 20 * SECOND;
    parse_switches(&l, argc - 4, argv + 4);
    l.transfers = l.transfers == 0 ? l.clients : l.transfers;
    l.clients = l.clients > l.transfers ? (uint32_t)l.transfers : l.clients;
    if (l.plan.files == 0) {
        l.plan.files = l.plan.upload ? (uint32_t)l.transfers : 1;
    }
    if (l.plan.hold && (l.plan.upload || l.transfers != l.clients)) {
        die("-h is for reads, one a client");
    }
    ask(&l.plan);
    return run(&l);
}
