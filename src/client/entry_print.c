/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/entry_print.h"

#include <inttypes.h>
#include <time.h>

#include "base/number.h"
#include "base/text.h"
#include "client/json.h"

#define NAME_SHOWN_BYTES (4 * WHERRY_STRING_MAX + 8) /* each byte as \xNN */

const char *entry_kind_word(enum wherry_kind kind)
{
    return kind == WHERRY_KIND_DIRECTORY ? "directory" : "file";
}

static struct tm local_time(uint64_t since_1970_ns)
{
    time_t seconds = (time_t)(since_1970_ns / NUMBER_SECOND); /* 2^64 ns end in the year 2554 */
    struct tm tm = {0};

    (void)localtime_r(&seconds, &tm);
    return tm;
}

char *entry_print_time_exact(uint64_t since_1970_ns, char buf[ENTRY_TIME_BYTES])
{
    struct tm tm = local_time(since_1970_ns);
    char seconds[24];
    char zone[8];

    (void)strftime(seconds, sizeof(seconds), "%Y-%m-%d %H:%M:%S", &tm);
    (void)strftime(zone, sizeof(zone), "%z", &tm);
    (void)snprintf(buf, ENTRY_TIME_BYTES, "%s.%09u %s", seconds,
                   (unsigned)(since_1970_ns % NUMBER_SECOND), zone);
    return buf;
}

void entry_print_row(FILE *to, const struct wherry_message_entry *e)
{
    bool is_directory = e->kind == WHERRY_KIND_DIRECTORY;
    struct tm tm = local_time(e->mtime_ns);
    char size[NUMBER_TEXT_BYTES] = "-";
    char time[24];
    char name[NAME_SHOWN_BYTES];

    if (!is_directory) {
        (void)number_print_digits(e->size, size);
    }
    (void)strftime(time, sizeof(time), "%Y-%m-%d %H:%M", &tm);
    (void)fprintf(to, "%c %12s %s %s%s\n", is_directory ? 'd' : '-', size, time,
                  text_quote(e->name.bytes, e->name.len, name, sizeof(name)),
                  is_directory ? "/" : "");
}

void entry_print_name(FILE *to, const struct wherry_message_entry *e, bool bare)
{
    char name[NAME_SHOWN_BYTES];

    if (bare) {
        (void)fwrite(e->name.bytes, 1, e->name.len, to);
    } else {
        (void)fputs(text_quote(e->name.bytes, e->name.len, name, sizeof(name)), to);
    }
    (void)fputc('\n', to);
}

void entry_print_object(FILE *to, const struct wherry_message_entry *e, const char *url)
{
    struct json j;

    json_begin(&j, to);
    json_text(&j, "kind", entry_kind_word(e->kind));
    json_number(&j, "size", e->size);
    json_time(&j, "mtime", e->mtime_ns);
    json_bytes(&j, "name", e->name);
    if (url != NULL) {
        json_text(&j, "url", url);
    }
    json_end(&j);
}
