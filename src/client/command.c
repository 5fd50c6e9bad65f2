/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/command.h"

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
