/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/inquiry.h"

#include <unistd.h>

#include "client/standard.h"

static enum exit_code check_urls(const struct command_call *call, const char *without)
{
    struct url url;

    for (size_t i = 0; i < call->count; i++) {
        enum exit_code code = command_read_wherry_url(call, call->operands[i], without, &url);

        if (code != EXIT_CODE_OK) {
            return code;
        }
    }
    return EXIT_CODE_OK;
}

static bool reach(struct inquiry *q, struct outcome *why)
{
    bool reached;

    q->output.link = NULL; /* the old one may go */
    reached = remote_reach(&q->remote, &q->url, why);
    q->output.link = q->remote.link;
    return reached;
}

/* Whether the next URL is to be asked after this failure. */
static bool goes_on(const struct inquiry *q, const struct outcome *o)
{
    return !q->output.failed && o->side != OUTCOME_SIGNAL;
}

static enum exit_code ask_all(struct inquiry *q, const char *without,
                              bool (*ask)(struct inquiry *q, struct outcome *why))
{
    enum exit_code first = EXIT_CODE_OK;
    struct outcome why = {.side = OUTCOME_DONE};

    for (size_t i = 0; i < q->call->count && goes_on(q, &why); i++) {
        enum exit_code code;

        q->number = i;
        q->url_text = q->call->operands[i];
        code = command_read_wherry_url(q->call, q->url_text, without, &q->url);
        if (code == EXIT_CODE_OK && !(reach(q, &why) && ask(q, &why))) {
            (void)fflush(q->output.to); /* so that the answers before it come before it */
            code = command_fail_as(q->call, q->url_text, &why);
        }
        if (first == EXIT_CODE_OK || code > EXIT_CODE_SIGNAL) {
            first = code;
        }
    }
    return first;
}

enum exit_code inquiry_run(const struct command_call *call, const char *without,
                           bool (*ask)(struct inquiry *q, struct outcome *why))
{
    struct inquiry q = {
        .call = call,
        .remote = {.settings = call->settings, .console = call->console},
    };
    struct outcome why = {.side = OUTCOME_DONE};
    enum exit_code code = check_urls(call, without);

    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (!standard_writable(STDOUT_FILENO)) {
        return command_fail(call, EXIT_CODE_LOCAL, "standard output", "it is not open for writing");
    }
    if (output_open(&q.output) != RES_OK) {
        return command_fail(call, EXIT_CODE_OTHER, call->operands[0], "out of memory");
    }
    code = ask_all(&q, without, ask);
    if (!output_close(&q.output, &why) && code == EXIT_CODE_OK) {
        code = command_fail_as(call, q.url_text, &why);
    }
    remote_leave(&q.remote);
    return code;
}

bool inquiry_next(struct inquiry *q, enum res issued, struct wherry_client_event *ret,
                  struct outcome *why)
{
    if (issued != RES_OK) {
        link_explain(q->remote.link, issued, why);
        return false;
    }
    if (!link_next(q->remote.link, ret, why)) {
        return false;
    }
    if (ret->kind == WHERRY_CLIENT_END && ret->end.result != RES_OK) {
        outcome_set_end(why, &ret->end);
        return false;
    }
    return true;
}

bool inquiry_stat(struct inquiry *q, struct wherry_message_info *ret, struct outcome *why)
{
    struct wherry_client_event event = {.kind = WHERRY_CLIENT_NONE};
    uint32_t id = 0;
    enum res issued = wherry_client_exchange_stat(link_exchange(q->remote.link), url_path(&q->url),
                                                  link_now_ns(q->remote.link), &id);

    while (event.kind != WHERRY_CLIENT_END) {
        if (!inquiry_next(q, issued, &event, why)) {
            return false;
        }
        if (event.kind == WHERRY_CLIENT_INFO) {
            *ret = event.info;
        }
    }
    return true;
}
