/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/option_rows.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include <wherry/options.h>

#include "base/number.h"
#include "base/text.h"

#define QUOTED_BYTES 80 /* of what the user wrote, in a message */
#define RANGE_BYTES 96
#define TO(member) offsetof(struct client_settings, member)
#define HOUR (3600 * NUMBER_SECOND)
#define ROW_CODE 256 /* getopt's answer for row i is ROW_CODE + i; operands answer 1 */

#define MOVES (OPTION_OF_GET | OPTION_OF_PUT)
#define LOOKS (OPTION_OF_LIST | OPTION_OF_STAT | OPTION_OF_HASH)
#define TFTP OPTION_OVER_TFTP
#define WHERRY OPTION_OVER_WHERRY
#define ANY OPTION_OVER_ANY

/* clang-format off */
const struct option_row option_rows[] = {
    /* name         letter kind        stored in           lowest highest                 commands        protocols value help */
    {"blksize",      0,  OPTION_NUMBER, TO(blksize),        WHERRY_BLKSIZE_MIN, WHERRY_BLKSIZE_MAX, MOVES, TFTP, "BYTES",
     "block size; default: what the route fits (tftp://)"},
    {"windowsize",   0,  OPTION_NUMBER, TO(windowsize),     1,     WHERRY_WINDOWSIZE_MAX,  MOVES,          TFTP,   "BLOCKS",
     "blocks between two ACKs; default: 16 (tftp://)"},
    {"tftp-timeout", 0,  OPTION_NUMBER, TO(tftp_timeout_s), 1,     255,                    MOVES,          TFTP,   "SECONDS",
     "a fixed time before packets are repeated (tftp://)"},
    {"timeout",      0,  OPTION_TIME,   TO(patience_ns),    NUMBER_SECOND, 24 * HOUR,      OPTION_OF_ALL,  ANY,    "TIME",
     "give up without progress for so long; default: 60s"},
    {"no-options",   0,  OPTION_FLAG,   TO(no_options),     0,     0,                      MOVES,          TFTP,   NULL,
     "ask for no options: plain RFC 1350 (tftp://)"},
    {"strict-size",  0,  OPTION_FLAG,   TO(strict_size),    0,     0,                      OPTION_OF_GET,  TFTP,   NULL,
     "fail when the announced size is wrong (tftp://)"},
    {"no-clobber",   0,  OPTION_FLAG,   TO(no_clobber),     0,     0,                      OPTION_OF_GET,  ANY,    NULL,
     "fail when the local file exists"},
    {"no-replace",   0,  OPTION_FLAG,   TO(no_replace),     0,     0,                      OPTION_OF_PUT,  WHERRY, NULL,
     "fail when the server has the name (wherry://)"},
    {"resume",       0,  OPTION_FLAG,   TO(resume),         0,     0,                      MOVES,          WHERRY, NULL,
     "go on where an earlier try stopped (wherry://)"},
    {"verify",       0,  OPTION_FLAG,   TO(verify),         0,     0,                      MOVES,          WHERRY, NULL,
     "compare SHA-256 after the transfer (wherry://)"},
    {"recursive",   'r', OPTION_FLAG,   TO(recursive),      0,     0,                      MOVES,          WHERRY, NULL,
     "a directory and all that is in it (wherry://)"},
    {"json",         0,  OPTION_FLAG,   TO(json),           0,     0,                      LOOKS,          ANY,    NULL,
     "one JSON object a line"},
    {"names-only",  '1', OPTION_FLAG,   TO(names_only),     0,     0,                      OPTION_OF_LIST, ANY,    NULL,
     "names alone, one a line"},
    {"ipv4",        '4', OPTION_FLAG,   TO(ipv4),           0,     0,                      OPTION_OF_ALL,  ANY,    NULL,
     "use IPv4 only"},
    {"ipv6",        '6', OPTION_FLAG,   TO(ipv6),           0,     0,                      OPTION_OF_ALL,  ANY,    NULL,
     "use IPv6 only"},
    {"quiet",       'q', OPTION_FLAG,   TO(quiet),          0,     0,                      OPTION_OF_ALL,  ANY,    NULL,
     "say nothing but errors"},
    {"verbose",     'v', OPTION_FLAG,   TO(verbose),        0,     0,                      OPTION_OF_ALL,  ANY,    NULL,
     "say what was agreed and what is tried"},
    {"help",        'h', OPTION_FLAG,   TO(help),           0,     0,                      OPTION_OF_ALL,  ANY,    NULL,
     "print help and exit"},
    {"version",     'V', OPTION_FLAG,   TO(version),        0,     0,                      OPTION_OF_ALL,  ANY,    NULL,
     "print the version and exit"},
};
/* clang-format on */

#define ROW_COUNT (sizeof(option_rows) / sizeof(option_rows[0]))
_Static_assert(ROW_COUNT <= 32, "the set of rows seen has 32 bits");

const size_t option_row_count = ROW_COUNT;

void option_settings_init(struct client_settings *ret)
{
    *ret = (struct client_settings){.patience_ns = 60 * NUMBER_SECOND};
}

static const char *quote(const char *text, char buf[QUOTED_BYTES])
{
    return text_quote((const uint8_t *)text, strlen(text), buf, QUOTED_BYTES);
}

/* "a number from 8 to 65464"; nothing for flags. */
static const char *print_range(const struct option_row *row, char buf[RANGE_BYTES])
{
    char lowest[NUMBER_TEXT_BYTES];
    char highest[NUMBER_TEXT_BYTES];

    buf[0] = '\0';
    if (row->kind == OPTION_NUMBER) {
        (void)snprintf(buf, RANGE_BYTES, "a number from %" PRIu64 " to %" PRIu64, row->lowest,
                       row->highest);
    } else if (row->kind == OPTION_TIME) {
        (void)snprintf(buf, RANGE_BYTES, "a time from %s to %s, such as 30s or 2m",
                       number_print_time(row->lowest, lowest),
                       number_print_time(row->highest, highest));
    }
    return buf;
}

static bool store_value(struct client_settings *s, const struct option_row *row, const char *text,
                        char why[OPTION_WHY_BYTES])
{
    char *to = (char *)s + row->offset;
    char quoted[QUOTED_BYTES];
    char range[RANGE_BYTES];
    uint64_t value = 0;
    bool fits = false;

    switch (row->kind) {
    case OPTION_FLAG:
        memcpy(to, &(bool){true}, sizeof(bool));
        return true;
    case OPTION_NUMBER:
        fits = number_parse(text, row->lowest, row->highest, &value);
        break;
    case OPTION_TIME:
        fits = number_parse_time(text, row->lowest, row->highest, &value);
        break;
    }
    if (!fits) {
        (void)snprintf(why, OPTION_WHY_BYTES, "--%s: \"%s\" is not %s", row->name,
                       quote(text, quoted), print_range(row, range));
        return false;
    }
    memcpy(to, &value, sizeof(value));
    return true;
}

/* getopt's two descriptions of the rows. '-' in front: operands are answered in their place,
 * whatever POSIXLY_CORRECT says; ':' tells a missing value from an unknown option. */
static void describe_rows(struct option longs[ROW_COUNT + 1], char shorts[2 * ROW_COUNT + 3])
{
    size_t used = 0;

    shorts[used++] = '-';
    shorts[used++] = ':';
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct option_row *row = &option_rows[i];

        longs[i] = (struct option){
            .name = row->name,
            .has_arg = row->kind == OPTION_FLAG ? no_argument : required_argument,
            .val = ROW_CODE + (int)i,
        };
        if (row->letter != 0) {
            shorts[used++] = row->letter; /* only flags have letters */
        }
    }
    longs[ROW_COUNT] = (struct option){0};
    shorts[used] = '\0';
}

/* The row of getopt's answer; ROW_COUNT: none. */
static size_t find_row(int answer)
{
    size_t i;

    if (answer >= ROW_CODE) {
        return (size_t)(answer - ROW_CODE);
    }
    for (i = 0; i < ROW_COUNT; i++) {
        if (option_rows[i].letter != 0 && option_rows[i].letter == answer) {
            break;
        }
    }
    return i;
}

/* The long options that begin like this one: "--no-options, --no-clobber". */
static size_t list_similar(const char *name, char list[OPTION_WHY_BYTES])
{
    size_t len = strcspn(name, "=");
    size_t used = 0;
    size_t similar = 0;

    for (size_t i = 0; i < ROW_COUNT && len > 0; i++) {
        if (strncmp(option_rows[i].name, name, len) == 0) {
            used += (size_t)snprintf(list + used, OPTION_WHY_BYTES - used, "%s--%s",
                                     similar > 0 ? ", " : "", option_rows[i].name);
            similar++;
        }
    }
    return similar;
}

static void explain_refusal(int answer, char **argv, char why[OPTION_WHY_BYTES])
{
    const struct option_row *row = optopt >= ROW_CODE ? &option_rows[optopt - ROW_CODE] : NULL;
    const char *word = argv[optind - 1];
    const char letter[] = {(char)optopt, '\0'};
    char quoted[QUOTED_BYTES];
    char range[RANGE_BYTES];
    char similar[OPTION_WHY_BYTES];

    if (answer == ':' && row != NULL) {
        (void)snprintf(why, OPTION_WHY_BYTES, "--%s needs a value: %s", row->name,
                       print_range(row, range));
    } else if (row != NULL) {
        (void)snprintf(why, OPTION_WHY_BYTES, "--%s takes no value", row->name);
    } else if (optopt != 0) {
        (void)snprintf(why, OPTION_WHY_BYTES, "unknown option -%s", quote(letter, quoted));
    } else if (list_similar(word + 2, similar) > 1) {
        (void)snprintf(why, OPTION_WHY_BYTES, "ambiguous option \"%s\": one of %.150s",
                       quote(word, quoted), similar);
    } else {
        (void)snprintf(why, OPTION_WHY_BYTES, "unknown option \"%s\"", quote(word, quoted));
    }
}

bool option_parse(int argc, char **argv, struct client_settings *ret, char **operands,
                  size_t *ret_count, uint32_t *ret_given, char why[OPTION_WHY_BYTES])
{
    struct client_settings settings;
    struct option longs[ROW_COUNT + 1];
    char shorts[2 * ROW_COUNT + 3];
    uint32_t given = 0;
    size_t count = 0;
    int answer;

    option_settings_init(&settings);
    describe_rows(longs, shorts);
    optind = 0; /* glibc: begin anew, also with the new description */
    opterr = 0;
    while ((answer = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        size_t row;

        if (answer == 1) {
            operands[count++] = optarg;
            continue;
        }
        row = answer == '?' || answer == ':' ? ROW_COUNT : find_row(answer);
        if (row == ROW_COUNT) {
            explain_refusal(answer, argv, why);
            return false;
        }
        if (!store_value(&settings, &option_rows[row], optarg, why)) {
            return false;
        }
        given |= 1u << row;
    }
    while (optind < argc) {
        operands[count++] = argv[optind++];
    }
    *ret = settings;
    *ret_count = count;
    *ret_given = given;
    return true;
}

bool option_check(const struct client_settings *s, uint32_t given, unsigned command,
                  const char *command_name, char why[OPTION_WHY_BYTES])
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if ((given & (1u << i)) != 0 && (option_rows[i].commands & command) == 0) {
            (void)snprintf(why, OPTION_WHY_BYTES, "--%s means nothing to %s", option_rows[i].name,
                           command_name);
            return false;
        }
    }
    if (s->ipv4 && s->ipv6) {
        (void)snprintf(why, OPTION_WHY_BYTES, "-4 and -6 exclude each other");
        return false;
    }
    if (s->quiet && s->verbose) {
        (void)snprintf(why, OPTION_WHY_BYTES, "-q and -v exclude each other");
        return false;
    }
    if (s->no_options && (s->blksize != 0 || s->windowsize != 0 || s->tftp_timeout_s != 0)) {
        (void)snprintf(why, OPTION_WHY_BYTES,
                       "--no-options asks for nothing: --blksize, --windowsize and --tftp-timeout "
                       "cannot stand beside it");
        return false;
    }
    return true;
}

bool option_check_url(uint32_t given, enum url_scheme scheme, char why[OPTION_WHY_BYTES])
{
    unsigned protocol = scheme == URL_TFTP ? OPTION_OVER_TFTP : OPTION_OVER_WHERRY;
    enum url_scheme other = scheme == URL_TFTP ? URL_WHERRY : URL_TFTP;

    for (size_t i = 0; i < ROW_COUNT; i++) {
        if ((given & (1u << i)) != 0 && (option_rows[i].protocols & protocol) == 0) {
            (void)snprintf(why, OPTION_WHY_BYTES, "--%s means nothing to %s, it is for %s",
                           option_rows[i].name, url_scheme_text(scheme), url_scheme_text(other));
            return false;
        }
    }
    return true;
}

void option_print_help(FILE *out, unsigned commands)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        char left[64];
        char range[RANGE_BYTES];

        if ((row->commands & commands) == 0) {
            continue;
        }
        (void)snprintf(left, sizeof(left), "%c%c%c --%s%s%s", row->letter != 0 ? '-' : ' ',
                       row->letter != 0 ? row->letter : ' ', row->letter != 0 ? ',' : ' ',
                       row->name, row->value != NULL ? " " : "",
                       row->value != NULL ? row->value : "");
        (void)fprintf(out, "  %-26s %s\n", left, row->help);
        if (row->kind != OPTION_FLAG) {
            (void)fprintf(out, "%29s%s\n", "", print_range(row, range));
        }
    }
}
