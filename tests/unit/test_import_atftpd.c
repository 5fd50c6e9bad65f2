/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/import_story.h"

static void give(const char *text, enum res r)
{
    import_gives(IMPORT_ATFTPD, text, r);
}

/* The shape that the package's questions leave behind: multicast, a number of threads, a level. */
static void test_settings_of_a_fresh_installation_name_multicast_threads_and_retries(void **state)
{
    (void)state;
    give(
        "USE_INETD=true\n# a comment\nOPTIONS=\"--tftpd-timeout 300 --retry-timeout 5 --mcast-port "
        "1758 --mcast-addr 239.255.0.0-255 --mcast-ttl 1 --maxthread 100 --verbose=5 /srv/tftp\"\n",
        RES_UNSUPPORTED);
    import_has_below("# OPTIONS \"/srv/tftp\"", "root = \"/srv/tftp\"");
    import_has_below("# OPTIONS --verbose \"5\"", "log-level = \"info\"");
    import_misses("3: OPTIONS --retry-timeout \"5\"", "leave it out");
    import_misses("3: OPTIONS --mcast-port \"1758\"", "no multicast");
    import_misses("3: OPTIONS --mcast-addr", "no multicast");
    import_misses("3: OPTIONS --mcast-ttl \"1\"", "no multicast");
    import_misses("3: OPTIONS --maxthread \"100\"", "leave it out");
    import_complaints(5);
    import_lacks("listen");
    import_lacks("write");
}

static void test_declined_options_are_refused(void **state)
{
    (void)state;
    give("OPTIONS='--no-timeout --no-tsize --no-blksize --no-windowsize --no-multicast /srv/tftp'",
         RES_OK);
    import_has_below("# OPTIONS --no-windowsize",
                     "refuse-options = {\"blksize\", \"timeout\", \"tsize\", \"windowsize\"}");
}

static void test_address_and_port_become_an_endpoint(void **state)
{
    (void)state;
    give("OPTIONS='--daemon --port 6969 --bind-address 192.0.2.1 /srv/tftp'", RES_OK);
    import_has("listen = {\"tftp://192.0.2.1:6969\"}");
    give("OPTIONS='--bind-address 2001:db8::1 /srv/tftp'", RES_OK);
    import_has("listen = {\"tftp://[2001:db8::1]:69\"}");
    give("OPTIONS='--port 6969 /srv/tftp'", RES_OK);
    import_has("listen = {\"tftp://[::]:6969\"}");
    give("OPTIONS='--port 69 /srv/tftp'", RES_OK);
    import_lacks("listen");
    give("OPTIONS='--port x69 /srv/tftp'", RES_UNSUPPORTED);
    import_misses("1: OPTIONS --port \"x69\": listen: ", "tftp://");
}

static void test_levels_become_the_nearest_of_ours(void **state)
{
    (void)state;
    give("OPTIONS='-v3 /srv/tftp'", RES_OK);
    import_has("log-level = \"error\"");
    give("OPTIONS='--verbose=4 /srv/tftp'", RES_OK);
    import_has("log-level = \"warning\"");
    give("OPTIONS='-v /srv/tftp'", RES_OK); /* one more than LOG_NOTICE */
    import_has("log-level = \"info\"");
    give("OPTIONS='-v -v /srv/tftp'", RES_OK);
    import_has("log-level = \"debug\"");
    give("OPTIONS='--verbose=8 /srv/tftp'", RES_UNSUPPORTED);
    import_misses("1: OPTIONS --verbose \"8\"", "0 to 7");
}

static void test_users_and_groups_of_the_package_are_no_failure(void **state)
{
    (void)state;
    give("OPTIONS='--user nobody --group nogroup /srv/tftp'", RES_OK);
    give("OPTIONS='--user nobody.nogroup /srv/tftp'", RES_OK);
    give("OPTIONS='--user boot.boot --group boot /srv/tftp'", RES_UNSUPPORTED);
    import_misses("1: OPTIONS --user \"boot.boot\"", "User=");
    import_misses("1: OPTIONS --group \"boot\"", "usermod");
}

static void test_log_goes_where_it_can(void **state)
{
    (void)state;
    give("OPTIONS='--logfile - /srv/tftp'", RES_OK);
    import_has("log = \"stderr\"");
    give("OPTIONS='--logfile /var/log/atftpd.log /srv/tftp'", RES_UNSUPPORTED);
    import_misses("1: OPTIONS --logfile \"/var/log/atftpd.log\"", "journalctl");
}

static void test_what_has_no_equal_is_named_with_what_to_do(void **state)
{
    (void)state;
    give("OPTIONS='--trace --pidfile /run/a.pid --pcre /etc/a.pcre --mtftp /etc/m --mtftp-port 75 "
         "--no-source-port-checking --mcast-switch-client --listen-local /srv/tftp /srv/b'",
         RES_UNSUPPORTED);
    import_misses("1: OPTIONS --trace", "tcpdump");
    import_misses("1: OPTIONS --pidfile \"/run/a.pid\"", "MainPID");
    import_misses("1: OPTIONS --pcre \"/etc/a.pcre\"", "symbolic links");
    import_misses("1: OPTIONS --mtftp \"/etc/m\"", "plain TFTP");
    import_misses("1: OPTIONS --mtftp-port \"75\"", "plain TFTP");
    import_misses("1: OPTIONS --no-source-port-checking", "keep the port");
    import_misses("1: OPTIONS --mcast-switch-client", "no multicast");
    import_misses("1: OPTIONS --listen-local", "listen = ");
    import_misses("1: OPTIONS \"/srv/b\"", "a second directory");
    import_complaints(9);
}

static void test_settings_without_meaning_here_are_no_failure(void **state)
{
    (void)state;
    give("USE_INETD=false\nOPTIONS='--daemon --no-fork --prevent-sas -t 60'", RES_OK);
    import_lacks("root"); /* the default of both is the same */
    give("", RES_OK);
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, import_setup, import_teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_settings_of_a_fresh_installation_name_multicast_threads_and_retries),
        STORY(test_declined_options_are_refused),
        STORY(test_address_and_port_become_an_endpoint),
        STORY(test_levels_become_the_nearest_of_ours),
        STORY(test_users_and_groups_of_the_package_are_no_failure),
        STORY(test_log_goes_where_it_can),
        STORY(test_what_has_no_equal_is_named_with_what_to_do),
        STORY(test_settings_without_meaning_here_are_no_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
