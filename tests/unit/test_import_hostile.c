/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/chance.h"
#include "support/import_story.h"

#define MIB ((size_t)1 << 20)

static const enum import_kind kinds[] = {IMPORT_TFTPD_HPA, IMPORT_ATFTPD, IMPORT_DNSMASQ};

#define EACH(kind)                                                                                 \
    for (const enum import_kind *kind = kinds; kind < kinds + sizeof(kinds) / sizeof(kinds[0]);    \
         (kind)++)

static void test_nul_bytes_are_no_settings(void **state)
{
    (void)state;
    EACH(kind)
    {
        import_bytes_give(*kind, "A=1\0\n", 5, RES_PROTOCOL);
        import_misses(" it holds NUL", "no file of settings");
        import_complaints(1);
    }
}

static void test_a_file_over_the_limit_is_told_and_not_read(void **state)
{
    char *big = malloc(MIB + 1);

    (void)state;
    assert_non_null(big);
    memset(big, '\n', MIB + 1);
    EACH(kind)
    {
        import_bytes_give(*kind, big, MIB + 1, RES_TOO_LARGE);
        import_misses(" larger than 1 MiB", "");
        /* The limit itself is not over it. No directory: of the first that is a setting missed. */
        import_bytes_give(*kind, big, MIB, *kind == IMPORT_TFTPD_HPA ? RES_UNSUPPORTED : RES_OK);
    }
    free(big);
}

static void test_a_file_that_is_not_there_is_told(void **state)
{
    char *said = NULL;
    size_t len;
    FILE *say = open_memstream(&said, &len);

    (void)state;
    assert_non_null(say);
    assert_int_equal(import_print(IMPORT_ATFTPD, "no\x1bne", say, say), RES_NOT_FOUND);
    assert_int_equal(fclose(say), 0);
    assert_string_equal(said, "no\\x1bne: cannot be read: No such file or directory\n");
    free(said);
}

static void test_controls_are_shown_and_never_printed_raw(void **state)
{
    (void)state;
    import_gives(
        IMPORT_TFTPD_HPA,
        "TFTP_DIRECTORY=/srv/\x1b[2J\x9b\x7f\nTFTP_OPTIONS='-s --no\x1bpe -m \x1b]0;x\x07'\n"
        "TFTP_ADDRESS='\x1b[1m'\nTFTP_USERNAME=\x80\nOTHER=\xe2\x80\xae\n",
        RES_UNSUPPORTED);
    import_is_printable();
    import_lacks("root");
    import_misses("1: TFTP_DIRECTORY \"/srv/\\x1b[2J\\x9b\\x7f\": root: ", "do not print");
    import_gives(IMPORT_TFTPD_HPA, "TFTP_DIRECTORY=/srv/x\r\n", RES_UNSUPPORTED); /* a CR */
    import_is_printable();
    import_gives(IMPORT_ATFTPD, "OPTIONS=\"--logfile \x1b[A --port \x1b /srv/t\x9b\"\n",
                 RES_UNSUPPORTED);
    import_is_printable();
    import_gives(IMPORT_DNSMASQ,
                 "enable-tftp=\x1b[2J\ntftp-root=\"/srv/\\e\\n#\"\nconf-dir=\x9b\ntftp-\n",
                 RES_UNSUPPORTED);
    import_is_printable();
    import_lacks("root");
    import_gives(IMPORT_DNSMASQ, "\x1b[2J\n", RES_PROTOCOL);
    import_is_printable();
}

static void test_a_value_cannot_become_a_setting_of_its_own(void **state)
{
    (void)state;
    import_gives(IMPORT_TFTPD_HPA,
                 "TFTP_OPTIONS=-s\nTFTP_DIRECTORY='/srv/\"x\\\"write=replace#${A}'\n", RES_OK);
    import_has("root = \"/srv/\\\"x\\\\\\\"write=replace#\\${A}\"");
    import_lacks("write");
    import_gives(IMPORT_DNSMASQ, "enable-tftp\ntftp-root=\"/srv/x\\nwrite = replace\"\n",
                 RES_UNSUPPORTED);
    import_lacks("write");
}

/* Long lines and many of them: nothing is cut in silence, and nothing takes for ever. */
static void test_a_full_mebibyte_of_one_setting_is_taken_in_time(void **state)
{
    static const struct {
        enum import_kind kind;
        const char *begin;
        const char *again;
        enum res r;
    } cases[] = {
        {IMPORT_TFTPD_HPA, "TFTP_OPTIONS='", "-x ", RES_UNSUPPORTED},
        {IMPORT_TFTPD_HPA, "TFTP_OPTIONS='-s /srv/t ", "-B512 ", RES_OK},
        {IMPORT_TFTPD_HPA, "TFTP_DIRECTORY='/", "abcdefg", RES_UNSUPPORTED},
        {IMPORT_ATFTPD, "OPTIONS='", "-v ", RES_OK},
        {IMPORT_DNSMASQ, "", "tftp-max\n", RES_UNSUPPORTED},
        {IMPORT_DNSMASQ, "tftp-root=", ",,,", RES_UNSUPPORTED},
        {IMPORT_DNSMASQ, "enable-tftp\ntftp-root=/t\nlisten-address=127.0.0.1", ",127.0.0.1",
         RES_OK},
        {IMPORT_DNSMASQ, "enable-tftp\ntftp-root=/t\n", "tftp-no-blocksize\n", RES_OK},
    };
    char *text = malloc(MIB + 1);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t piece = strlen(cases[i].again);
        size_t len = strlen(cases[i].begin);

        memcpy(text, cases[i].begin, len);
        while (len + piece < MIB) {
            memcpy(text + len, cases[i].again, piece);
            len += piece;
        }
        text[len++] = cases[i].kind == IMPORT_DNSMASQ ? '\n' : '\'';
        import_bytes_give(cases[i].kind, text, len, cases[i].r);
    }
    free(text);
}

/* Any bytes at all: an answer, nothing raw in it, and what is printed can be read back. The pieces
 * are those that get far. */
static void test_heaps_of_pieces_do_no_harm(void **state)
{
    static const char *const pieces[] = {"TFTP_OPTIONS=",
                                         "TFTP_DIRECTORY=",
                                         "OPTIONS=",
                                         "enable-tftp",
                                         "tftp-root=",
                                         "tftp-mtu=",
                                         "listen-address=",
                                         "--",
                                         "-",
                                         "s",
                                         "B",
                                         "port ",
                                         "127.0.0.1",
                                         ":",
                                         "69",
                                         "/srv",
                                         "'",
                                         "\"",
                                         "\\",
                                         "\n",
                                         " ",
                                         "#",
                                         "=",
                                         ",",
                                         ";",
                                         "$",
                                         "`",
                                         "export ",
                                         "\x1b",
                                         "\xff",
                                         "\xc3\xa9",
                                         "~"};
    const uint64_t last = sizeof(pieces) / sizeof(pieces[0]) - 1;
    struct chance chance;
    char text[512];

    (void)state;
    chance_init(&chance, 20);
    for (unsigned round = 0; round < 600; round++) {
        size_t len = 0;

        while (len < sizeof(text) - 32 && !chance_happens(&chance, 40)) {
            const char *piece = pieces[chance_between(&chance, 0, last)];

            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
        }
        text[len] = '\0';
        import_any(kinds[round % 3], text);
    }
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, import_setup, import_teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_nul_bytes_are_no_settings),
        STORY(test_a_file_over_the_limit_is_told_and_not_read),
        STORY(test_a_file_that_is_not_there_is_told),
        STORY(test_controls_are_shown_and_never_printed_raw),
        STORY(test_a_value_cannot_become_a_setting_of_its_own),
        STORY(test_a_full_mebibyte_of_one_setting_is_taken_in_time),
        STORY(test_heaps_of_pieces_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
