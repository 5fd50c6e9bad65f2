/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/command.h"

#include <inttypes.h>
#include <string.h>

#include "base/hex.h"
#include "base/text.h"
#include "client/entry_print.h"
#include "client/inquiry.h"
#include "client/json.h"

#define NAME_SHOWN_BYTES (4 * WHERRY_STRING_MAX + 8)

static void print_lines(FILE *to, struct wherry_view path, const struct wherry_message_info *m)
{
    char name[NAME_SHOWN_BYTES];
    char time[ENTRY_TIME_BYTES];
    char validator[2 * sizeof(m->validator) + 1];

    (void)fprintf(to, "%s\n",
                  path.len == 0 ? "/" : text_quote(path.bytes, path.len, name, sizeof(name)));
    (void)fprintf(to, "  kind       %s\n", entry_kind_word(m->kind));
    (void)fprintf(to, "  size       %" PRIu64 "\n", m->size);
    (void)fprintf(to, "  mtime      %s\n", entry_print_time_exact(m->mtime_ns, time));
    (void)hex_print(m->validator, sizeof(m->validator), validator);
    (void)fprintf(to, "  validator  %s\n", validator);
}

static void print_object(FILE *to, struct wherry_view path, const struct wherry_message_info *m)
{
    struct json j;

    json_begin(&j, to);
    json_text(&j, "kind", entry_kind_word(m->kind));
    json_number(&j, "size", m->size);
    json_time(&j, "mtime", m->mtime_ns);
    json_hex(&j, "validator", (struct wherry_view){m->validator, sizeof(m->validator)});
    json_bytes(&j, "name", path);
    json_end(&j);
}

static bool ask(struct inquiry *q, struct outcome *why)
{
    struct wherry_message_info info = {.kind = WHERRY_KIND_FILE};
    struct wherry_view path = url_path(&q->url);

    if (!inquiry_stat(q, &info, why)) {
        return false;
    }
    if (q->call->settings->json) {
        print_object(q->output.to, path, &info);
    } else {
        print_lines(q->output.to, path, &info);
    }
    return output_good(&q->output, why);
}

enum exit_code cmd_stat(const struct command_call *call)
{
    return inquiry_run(call, "way to ask about files", ask);
}
