/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/command.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define SUBJECT_BYTES 512

enum exit_code command_fail(const struct command_call *call, enum exit_code code,
                            const char *subject, const char *why)
{
    char quoted[SUBJECT_BYTES];

    (void)text_quote((const uint8_t *)subject, strlen(subject), quoted, sizeof(quoted));
    console_say(call->console, CONSOLE_ERROR, "%s %s: %s", call->name, quoted, why);
    return code;
}

enum exit_code command_fail_as(const struct command_call *call, const char *subject,
                               const struct outcome *o)
{
    char text[OUTCOME_PRINT_BYTES];

    return command_fail(call, outcome_exit_code(o), subject, outcome_print(o, text));
}

enum exit_code command_read_url(const struct command_call *call, const char *text, struct url *ret)
{
    char why[URL_WHY_BYTES];
    char option_why[OPTION_WHY_BYTES];
    struct url url;

    if (!url_parse(&url, text, why)) {
        return command_fail(call, EXIT_CODE_USAGE, text, why);
    }
    if (!option_check_url(call->given, url.scheme, option_why)) {
        return command_fail(call, EXIT_CODE_USAGE, text, option_why);
    }
    *ret = url;
    return EXIT_CODE_OK;
}

enum exit_code command_read_wherry_url(const struct command_call *call, const char *text,
                                       const char *without, struct url *ret)
{
    char why[URL_WHY_BYTES];

    if (url_has_scheme(text, URL_TFTP)) { /* first: a name in it would not help */
        (void)snprintf(why, sizeof(why), "TFTP has no %s: %s needs wherry://", without, call->name);
        return command_fail(call, EXIT_CODE_USAGE, text, why);
    }
    return command_read_url(call, text, ret);
}
