/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/get_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "client/fetch.h"
#include "client/local_file.h"
#include "client/partial.h"

#define SHOWN_BYTES 256
#define WHY_BYTES (OUTCOME_PRINT_BYTES + 96u)

static char *quote(const char *text, char buf[SHOWN_BYTES])
{
    return text_quote((const uint8_t *)text, strlen(text), buf, SHOWN_BYTES);
}

static enum exit_code say_failure(const struct get_file_params *p, const struct outcome *o,
                                  uint64_t kept)
{
    char text[OUTCOME_PRINT_BYTES];
    char why[WHY_BYTES];

    (void)outcome_print(o, text);
    if (kept > 0) {
        (void)snprintf(why, sizeof(why), "%s; %" PRIu64 " byte%s kept: run again with --resume",
                       text, kept, kept == 1 ? " is" : "s are");
    } else {
        (void)snprintf(why, sizeof(why), "%s", text);
    }
    return command_fail(p->call, outcome_exit_code(o), p->subject, why);
}

static enum res begin_partial(const struct get_file_params *p, struct partial **ret)
{
    const struct client_settings *settings = p->call->settings;
    const struct partial_params params = {
        .target = p->target,
        .url = p->url,
        .path = p->path,
        .replace = !settings->no_clobber,
        .mode = local_file_mode(),
        .resume = settings->resume,
        .none_kept = p->none_kept,
    };

    return partial_new(ret, &params);
}

enum exit_code get_file(const struct get_file_params *p, bool *lost)
{
    char label[SHOWN_BYTES];
    char local[SHOWN_BYTES];
    struct fetch_params params = {
        .remote = p->remote,
        .url = p->url,
        .path = p->path,
        .label = quote(p->label, label),
        .local = quote(p->local, local),
        .fd = p->fd,
    };
    enum exit_code code = EXIT_CODE_OK;
    enum res r = p->target != NULL ? begin_partial(p, &params.partial) : RES_OK;
    struct outcome why = {.side = OUTCOME_LOCAL, .result = r};
    uint64_t kept = 0;

    *lost = false;
    if (r != RES_OK) {
        (void)snprintf(why.detail, sizeof(why.detail), "%s", local);
        return say_failure(p, &why, 0);
    }
    if (!fetch_file(&params, &why, &kept)) {
        *lost = remote_lost(p->remote, &why);
        code = say_failure(p, &why, kept);
    }
    partial_free(params.partial);
    return code;
}
