/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/command.h"

#include <unistd.h>

#include "base/text.h"
#include "client/entry_print.h"
#include "client/inquiry.h"

static void print_entry(struct inquiry *q, const struct wherry_message_entry *e)
{
    const struct client_settings *s = q->call->settings;

    if (s->json) {
        entry_print_object(q->output.to, e, q->call->count > 1 ? q->url_text : NULL);
    } else if (s->names_only) {
        entry_print_name(q->output.to, e, isatty(STDOUT_FILENO) != 1);
    } else {
        entry_print_row(q->output.to, e);
    }
}

/* Between the listings of several URLs, where people read them. */
static void print_heading(struct inquiry *q)
{
    const struct client_settings *s = q->call->settings;
    struct wherry_view path = url_path(&q->url);
    char shown[4 * WHERRY_STRING_MAX + 8];

    if (q->call->count > 1 && !s->json && !s->names_only) {
        (void)fprintf(q->output.to, "%s%s:\n", q->number > 0 ? "\n" : "",
                      path.len == 0 ? "/" : text_quote(path.bytes, path.len, shown, sizeof(shown)));
    }
}

/* LIST knows directories only; a file lists as itself, under the path that was asked for. */
static bool list_file(struct inquiry *q, struct outcome *why)
{
    struct wherry_message_info info = {.kind = WHERRY_KIND_FILE};
    struct wherry_message_entry entry = {.name = url_path(&q->url)};

    if (!inquiry_stat(q, &info, why)) {
        return false;
    }
    entry.kind = info.kind;
    entry.size = info.size;
    entry.mtime_ns = info.mtime_ns;
    print_entry(q, &entry);
    return output_good(&q->output, why);
}

static bool ask(struct inquiry *q, struct outcome *why)
{
    const struct wherry_message_list m = {.path = url_path(&q->url)};
    struct wherry_client_event event = {.kind = WHERRY_CLIENT_NONE};
    bool begun = false;
    uint32_t id = 0;
    enum res issued = wherry_client_exchange_list(link_exchange(q->remote.link), &m,
                                                  link_now_ns(q->remote.link), &id);

    while (event.kind != WHERRY_CLIENT_END) {
        if (!inquiry_next(q, issued, &event, why)) {
            bool may_be_file =
                why->side == OUTCOME_END && why->error_code == WHERRY_STATUS_NOT_FOUND && !begun;

            return may_be_file && list_file(q, why);
        }
        if (!begun) {
            print_heading(q);
            begun = true;
        }
        if (event.kind == WHERRY_CLIENT_ENTRY) {
            print_entry(q, &event.entry);
            if (!output_good(&q->output, why)) {
                return false;
            }
        }
    }
    return true;
}

enum exit_code cmd_list(const struct command_call *call)
{
    return inquiry_run(call, "listings", ask);
}
