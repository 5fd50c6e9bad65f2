/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/command.h"

#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/text.h"
#include "client/inquiry.h"
#include "client/json.h"

#define NAME_SHOWN_BYTES (4 * WHERRY_STRING_MAX + 8) /* each byte as \xNN */

/* As sha256sum does, so that `sha256sum --check` reads it: a backslash in front of a line whose
 * name had to be escaped. On a terminal, which sha256sum does not read from, the name is quoted. */
static void print_line(FILE *to, const char *name, const struct wherry_message_hash_reply *m)
{
    char digits[2 * sizeof(m->sha256) + 1];
    char shown[NAME_SHOWN_BYTES];

    if (isatty(STDOUT_FILENO) == 1) {
        (void)fprintf(to, "%s  %s\n", hex_print(m->sha256, sizeof(m->sha256), digits),
                      text_quote((const uint8_t *)name, strlen(name), shown, sizeof(shown)));
        return;
    }
    if (strpbrk(name, "\\\n\r") != NULL) {
        (void)fputc('\\', to);
    }
    (void)hex_print(m->sha256, sizeof(m->sha256), digits);
    (void)fprintf(to, "%s  ", digits);
    for (; *name != '\0'; name++) {
        switch (*name) {
        case '\\':
            (void)fputs("\\\\", to);
            break;
        case '\n':
            (void)fputs("\\n", to);
            break;
        case '\r':
            (void)fputs("\\r", to);
            break;
        default:
            (void)fputc(*name, to);
            break;
        }
    }
    (void)fputc('\n', to);
}

static void print_object(FILE *to, const char *name, const struct wherry_message_hash_reply *m)
{
    struct json j;

    json_begin(&j, to);
    json_bytes(&j, "name", (struct wherry_view){(const uint8_t *)name, strlen(name)});
    json_hex(&j, "sha256", (struct wherry_view){m->sha256, sizeof(m->sha256)});
    json_hex(&j, "validator", (struct wherry_view){m->validator, sizeof(m->validator)});
    json_end(&j);
}

static bool ask(struct inquiry *q, struct outcome *why)
{
    struct wherry_message_hash_reply reply = {.sha256 = {0}};
    struct wherry_client_event event = {.kind = WHERRY_CLIENT_NONE};
    uint32_t id = 0;
    enum res issued = wherry_client_exchange_hash(link_exchange(q->remote.link), url_path(&q->url),
                                                  link_now_ns(q->remote.link), &id);

    while (event.kind != WHERRY_CLIENT_END) {
        if (!inquiry_next(q, issued, &event, why)) {
            return false;
        }
        if (event.kind == WHERRY_CLIENT_HASH_REPLY) {
            reply = event.hash;
        }
    }
    if (q->call->settings->json) {
        print_object(q->output.to, q->url.name, &reply);
    } else {
        print_line(q->output.to, q->url.name, &reply);
    }
    return output_good(&q->output, why);
}

enum exit_code cmd_hash(const struct command_call *call)
{
    return inquiry_run(call, "digests", ask);
}
