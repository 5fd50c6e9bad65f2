/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/import_story.h"

#define ROOT "TFTP_DIRECTORY=/srv/tftp\n"

static void give(const char *text, enum res r)
{
    import_gives(IMPORT_TFTPD_HPA, text, r);
}

/* What a fresh installation asks for: this user, this directory, port 69 and --secure. */
static void test_settings_of_a_fresh_installation_are_carried_over_whole(void **state)
{
    (void)state;
    give(
        "# settings\n\nTFTP_USERNAME=\"tftp\"\nTFTP_DIRECTORY=\"/srv/tftp\"\nTFTP_ADDRESS=\":69\"\n"
        "TFTP_OPTIONS=\"--secure\"\n",
        RES_OK);
    import_complaints(0);
    import_has_below("# TFTP_DIRECTORY \"/srv/tftp\"", "root = \"/srv/tftp\"");
    import_lacks("listen"); /* the default is the same, and works without IPv6 too */
    import_lacks("user");
    import_lacks("write");
}

static void test_addresses_and_ports_become_endpoints(void **state)
{
    (void)state;
    give(ROOT "TFTP_OPTIONS=-s\nTFTP_ADDRESS=192.0.2.1:6969", RES_OK);
    import_has_below("# TFTP_ADDRESS \"192.0.2.1:6969\"", "listen = {\"tftp://192.0.2.1:6969\"}");
    give(ROOT "TFTP_OPTIONS=-s\nTFTP_ADDRESS=192.0.2.1", RES_OK);
    import_has("listen = {\"tftp://192.0.2.1:69\"}");
    give(ROOT "TFTP_OPTIONS=-s\nTFTP_ADDRESS=[2001:db8::1]:70", RES_OK);
    import_has("listen = {\"tftp://[2001:db8::1]:70\"}");
    give(ROOT "TFTP_OPTIONS=-s\nTFTP_ADDRESS=[2001:db8::1]", RES_OK);
    import_has("listen = {\"tftp://[2001:db8::1]:69\"}");
    give(ROOT "TFTP_OPTIONS=-s\nTFTP_ADDRESS=:6969", RES_OK);
    import_has("listen = {\"tftp://[::]:6969\"}");
    give(ROOT "TFTP_OPTIONS='-s -a 192.0.2.2:1'\nTFTP_ADDRESS=:70", RES_OK); /* options win */
    import_has("listen = {\"tftp://192.0.2.2:1\"}");
    give(ROOT "TFTP_OPTIONS=-s\nTFTP_ADDRESS=2001:db8::1", RES_UNSUPPORTED);
    import_misses("3: TFTP_ADDRESS", "brackets");
    give(ROOT "TFTP_OPTIONS=-s\nTFTP_ADDRESS=192.0.2.1:70000", RES_UNSUPPORTED);
    import_misses("3: TFTP_ADDRESS \"192.0.2.1:70000\": listen: ", "70000");
}

static void test_one_family_is_kept_or_named(void **state)
{
    (void)state;
    give(ROOT "TFTP_ADDRESS=:69\nTFTP_OPTIONS='-4 -s'", RES_OK);
    import_has("listen = {\"tftp://0.0.0.0:69\"}");
    give(ROOT "TFTP_ADDRESS=192.0.2.1\nTFTP_OPTIONS='--ipv4 -s'", RES_OK);
    import_has("listen = {\"tftp://192.0.2.1:69\"}");
    give(ROOT "TFTP_ADDRESS=[2001:db8::1]\nTFTP_OPTIONS='--ipv6 -s'", RES_OK);
    give(ROOT "TFTP_ADDRESS=:69\nTFTP_OPTIONS='-6 -s'", RES_UNSUPPORTED);
    import_misses("2: TFTP_ADDRESS", "[::] takes IPv4 too");
    give(ROOT "TFTP_ADDRESS=[2001:db8::1]\nTFTP_OPTIONS='-4 -s'", RES_UNSUPPORTED);
    import_misses("2: TFTP_ADDRESS", "--ipv4");
}

static void test_uploads_follow_create(void **state)
{
    (void)state;
    give(ROOT "TFTP_OPTIONS='--secure --create --umask 027'", RES_OK);
    import_has_below("# TFTP_OPTIONS --create", "write = \"replace\"");
    import_has_below("# TFTP_OPTIONS --umask \"027\"", "umask = 0027");
    give(ROOT "TFTP_OPTIONS='-s -c -p'", RES_OK);
    give(ROOT "TFTP_OPTIONS='-s -p'", RES_UNSUPPORTED); /* existing names alone: nothing is that */
    import_misses("2: TFTP_OPTIONS --permissive", "write = replace");
    import_lacks("write");
    give(ROOT "TFTP_OPTIONS='-sc -U 99'", RES_UNSUPPORTED);
    import_misses("2: TFTP_OPTIONS --umask \"99\": umask: ", "0777");
}

static void test_options_of_the_protocol_become_keys(void **state)
{
    (void)state;
    give(ROOT "TFTP_OPTIONS='-s --blocksize 1468 -r blksize --refuse=tsize'", RES_OK);
    import_has_below("# TFTP_OPTIONS --blocksize \"1468\"", "blksize-max = 1468");
    import_has_below("# TFTP_OPTIONS --refuse \"tsize\"",
                     "refuse-options = {\"blksize\", \"tsize\"}");
    give(ROOT "TFTP_OPTIONS='-s -B70000 -r multicast'", RES_UNSUPPORTED);
    import_misses("2: TFTP_OPTIONS --blocksize \"70000\": blksize-max: ", "65464");
    import_misses("2: TFTP_OPTIONS --refuse \"multicast\": refuse-options: ", "windowsize");
    import_lacks("refuse-options");
}

static void test_words_are_read_as_getopt_does(void **state)
{
    (void)state;
    give("TFTP_OPTIONS='/srv/tftp -vvsB1468 --umas=022 --foreground -L -l -v'", RES_OK);
    import_has("root = \"/srv/tftp\"");
    import_has("blksize-max = 1468");
    import_has("umask = 0022");
    give(ROOT "TFTP_OPTIONS='-s -B 512 -B 1024'", RES_OK); /* the last one wins */
    import_has_below("# TFTP_OPTIONS --blocksize \"1024\"", "blksize-max = 1024");
    give(ROOT "TFTP_OPTIONS='-sx --verb --bogus --secure=1 -m'", RES_UNSUPPORTED);
    import_misses("2: TFTP_OPTIONS \"-x\"", "no such option");
    import_misses("2: TFTP_OPTIONS \"--verb\"", "no such option"); /* --verbose or --verbosity */
    import_misses("2: TFTP_OPTIONS \"--bogus\"", "no such option");
    import_misses("2: TFTP_OPTIONS \"--secure=1\"", "takes no value");
    import_misses("2: TFTP_OPTIONS \"-m\"", "needs a value");
    import_complaints(5);
}

static void test_what_has_no_equal_is_named_with_what_to_do(void **state)
{
    (void)state;
    give(ROOT "TFTP_OPTIONS='-s -m /etc/tftpd.map --port-range 4000:4100 -T 500000 -P /run/x.pid'\n"
              "TFTP_USERNAME=netboot\nTFTP_OPTION=-c",
         RES_UNSUPPORTED);
    import_misses("2: TFTP_OPTIONS --map-file \"/etc/tftpd.map\"", "symbolic links");
    import_misses("2: TFTP_OPTIONS --port-range \"4000:4100\"", "nf_conntrack_tftp");
    import_misses("2: TFTP_OPTIONS --retransmit \"500000\"", "leave it out");
    import_misses("2: TFTP_OPTIONS --pidfile \"/run/x.pid\"", "MainPID");
    import_misses("3: TFTP_USERNAME \"netboot\"", "systemctl edit wherryd");
    import_misses("4: TFTP_OPTION \"-c\"", "typing error");
    import_complaints(6);
    import_has("root = \"/srv/tftp\""); /* the rest is carried over all the same */
}

static void test_directories_without_secure_are_named(void **state)
{
    (void)state;
    give("TFTP_DIRECTORY='/srv/tftp /srv/more'\n", RES_UNSUPPORTED);
    import_has("root = \"/srv/tftp\"");
    import_misses("1: TFTP_DIRECTORY \"/srv/tftp\"", "without --secure");
    import_misses("1: TFTP_DIRECTORY \"/srv/more\"", "a second directory");
    give("TFTP_OPTIONS=--secure\n", RES_UNSUPPORTED);
    import_misses("1: TFTP_DIRECTORY", "choose one");
    give("TFTP_DIRECTORY=tftp\nTFTP_OPTIONS=-s\n", RES_UNSUPPORTED);
    import_misses("1: TFTP_DIRECTORY \"tftp\"", "no absolute path");
}

static void test_settings_without_meaning_here_are_no_failure(void **state)
{
    (void)state;
    give(ROOT "TFTP_OPTIONS='-s -l -t 60 -v --verbosity 4'", RES_OK);
    import_complaints(0);
    import_lacks("log-level");
    give(ROOT "TFTP_OPTIONS='-s --verbosity 0'", RES_OK);
    import_has("log-level = \"warning\"");
}

static void test_a_variable_set_twice_counts_the_last_time(void **state)
{
    (void)state;
    give(ROOT "TFTP_OPTIONS='--bogus'\nTFTP_DIRECTORY=/srv/b\nTFTP_OPTIONS=-s\n", RES_OK);
    import_has("root = \"/srv/b\"");
    import_complaints(0);
}

static void test_a_file_that_is_no_list_of_assignments_prints_nothing(void **state)
{
    (void)state;
    give(ROOT "TFTP_OPTIONS=\"$EXTRA -s\"\n", RES_PROTOCOL);
    import_misses("2: ", "work out");
    import_complaints(1);
    import_lacks("root");
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, import_setup, import_teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_settings_of_a_fresh_installation_are_carried_over_whole),
        STORY(test_addresses_and_ports_become_endpoints),
        STORY(test_one_family_is_kept_or_named),
        STORY(test_uploads_follow_create),
        STORY(test_options_of_the_protocol_become_keys),
        STORY(test_words_are_read_as_getopt_does),
        STORY(test_what_has_no_equal_is_named_with_what_to_do),
        STORY(test_directories_without_secure_are_named),
        STORY(test_settings_without_meaning_here_are_no_failure),
        STORY(test_a_variable_set_twice_counts_the_last_time),
        STORY(test_a_file_that_is_no_list_of_assignments_prints_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
