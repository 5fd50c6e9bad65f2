/* SPDX-License-Identifier: BSD-2-Clause */
/* sandbox_list: prints the table of allowed system calls as the list of doc/security.md. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "server/sandbox_calls.h"

static bool go_together(const struct sandbox_call *a, const struct sandbox_call *b)
{
    return a->when == b->when && a->error == b->error && strcmp(a->reason, b->reason) == 0;
}

static const char *note(const struct sandbox_call *call)
{
    if (call->error != 0) {
        return "not allowed, fails with ENOSYS: ";
    }
    switch (call->when) {
    case SANDBOX_WRITE:
        return "with uploads: ";
    case SANDBOX_SYSLOG:
        return "with `log = syslog`: ";
    default:
        return "";
    }
}

/* Rows of one call in a row give its name once. */
static size_t print_row(const struct sandbox_call *calls, size_t count)
{
    size_t n = 0;

    printf("| ");
    do {
        if (n > 0 && calls[n].only != NULL && strcmp(calls[n].name, calls[n - 1].name) == 0) {
            printf("; %s", calls[n].only);
        } else {
            printf("%s`%s`%s%s", n > 0 ? ", " : "", calls[n].name,
                   calls[n].only != NULL ? ": " : "", calls[n].only != NULL ? calls[n].only : "");
        }
        n++;
    } while (n < count && go_together(&calls[0], &calls[n]));
    printf(" | %s%s |\n", note(&calls[0]), calls[0].reason);
    return n;
}

int main(void)
{
    size_t count;
    const struct sandbox_call *calls = sandbox_calls(&count);

    puts("| call, and with which arguments only | for |\n|---|---|");
    for (size_t i = 0; i < count;) {
        i += print_row(&calls[i], count - i);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
