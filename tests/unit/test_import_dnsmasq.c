/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/import_story.h"

#define ROOT "enable-tftp\ntftp-root=/srv/tftp\n"

static void give(const char *text, enum res r)
{
    import_gives(IMPORT_DNSMASQ, text, r);
}

/* Everything is a comment there. */
static void test_settings_of_a_fresh_installation_serve_no_tftp(void **state)
{
    (void)state;
    give("# Configuration file.\n#port=5353\n\n#enable-tftp\n#tftp-root=/srv/boot\n", RES_OK);
    import_lacks("root");
    import_complaints(0);
}

static void test_settings_of_tftp_are_carried_over_and_others_stay(void **state)
{
    (void)state;
    give("domain-needed\ndhcp-range=192.0.2.10,192.0.2.90,12h\n" ROOT
         "tftp-no-blocksize\nquiet-tftp\ndhcp-boot=pxelinux.0\n",
         RES_OK);
    import_has_below("# tftp-root \"/srv/tftp\"", "root = \"/srv/tftp\"");
    import_has_below("# tftp-no-blocksize", "refuse-options = {\"blksize\"}");
    import_has_below("# quiet-tftp", "log-level = \"warning\"");
    import_has(
        "# Settings of DNS and DHCP stay with dnsmasq: 3 of them. Take its TFTP settings out "
        "there.");
    import_complaints(0);
}

static void test_mtu_becomes_the_block_that_it_carries(void **state)
{
    (void)state;
    give(ROOT "tftp-mtu=1500\n", RES_OK);
    import_has_below("# tftp-mtu \"1500\"", "blksize-max = 1468");
    give(ROOT "tftp-mtu=39\ntftp-mtu=x\ntftp-mtu\n", RES_UNSUPPORTED);
    import_misses("3: tftp-mtu \"39\": blksize-max: ", "65464");
    import_misses("4: tftp-mtu \"x\"", "MTU");
    import_misses("5: tftp-mtu", "MTU");
    import_lacks("blksize-max");
}

static void test_interfaces_are_named_so_that_nobody_serves_more_than_before(void **state)
{
    (void)state;
    give("enable-tftp=eth0,eth1\ntftp-root=/srv/tftp\ninterface=eth2\nlisten-address=192.0.2.1\n",
         RES_UNSUPPORTED);
    import_misses("1: enable-tftp \"eth0\"", "addresses, not interfaces");
    import_complaints(1); /* the others do not count for TFTP then */
    import_lacks("listen");
    give("interface=eth2\nexcept-interface=lo\nno-dhcp-interface=eth3\n" ROOT, RES_UNSUPPORTED);
    import_misses("1: interface \"eth2\"", "listen = ");
    import_misses("2: except-interface \"lo\"", "listen = ");
    import_misses("3: no-dhcp-interface \"eth3\"", "listen = ");
    import_complaints(3);
    give("interface=eth2\n", RES_OK); /* no TFTP at all */
}

static void test_addresses_become_endpoints(void **state)
{
    (void)state;
    give(ROOT "listen-address=192.0.2.1 , 2001:db8::1\nlisten-address=127.0.0.1\n", RES_OK);
    import_has_below("# listen-address \"127.0.0.1\"",
                     "listen = {\"tftp://192.0.2.1:69\", \"tftp://[2001:db8::1]:69\", "
                     "\"tftp://127.0.0.1:69\"}");
}

static void test_roots_that_are_not_one_for_all_are_named(void **state)
{
    (void)state;
    give(ROOT "tftp-root=/srv/eth1,eth1\n", RES_UNSUPPORTED);
    import_has("root = \"/srv/tftp\"");
    import_misses("3: tftp-root \"/srv/eth1\"", "one interface");
    give("enable-tftp\n", RES_UNSUPPORTED);
    import_misses("1: tftp-root", "choose a directory");
    import_lacks("root");
}

static void test_what_has_no_equal_is_named_with_what_to_do(void **state)
{
    (void)state;
    give(ROOT "tftp-unique-root=mac\ntftp-secure\ntftp-lowercase\ntftp-max=200\ntftp-no-fail\n"
              "tftp-port-range=4000,4100\ntftp-single-port\ntftp-sekure\n",
         RES_UNSUPPORTED);
    import_misses("3: tftp-unique-root \"mac\"", "dhcp-boot");
    import_misses("4: tftp-secure", "the user wherry");
    import_misses("5: tftp-lowercase", "symbolic links");
    import_misses("6: tftp-max \"200\"", "leave it out");
    import_misses("7: tftp-no-fail", "RequiresMountsFor=");
    import_misses("8: tftp-port-range \"4000\"", "nf_conntrack_tftp");
    import_misses("9: tftp-single-port", "nf_conntrack_tftp");
    import_misses("10: tftp-sekure", "typing error");
    import_complaints(8);
}

static void test_other_files_are_named_and_not_followed(void **state)
{
    (void)state;
    give("conf-dir=/etc/dnsmasq.d/,*.conf\nconf-file=/etc/more.conf\nconf-script=/bin/make-it\n",
         RES_UNSUPPORTED);
    import_misses("1: conf-dir \"/etc/dnsmasq.d/\"", "import each of its files");
    import_misses("2: conf-file \"/etc/more.conf\"", "import that file");
    import_misses("3: conf-script \"/bin/make-it\"", "not run");
    import_complaints(3);
}

static void test_quotes_comments_and_blanks_are_read_as_dnsmasq_does(void **state)
{
    (void)state;
    give("  enable-tftp  # on\n\t tftp-root = \"/srv/a,b #c\" # here\n", RES_OK);
    import_has("root = \"/srv/a,b #c\"");
    give("enable-tftp\r\ntftp-root=/srv/a b\r\n", RES_OK); /* blanks within a value stay */
    import_has("root = \"/srv/a b\"");
    give("enable-tftp\ntftp-root=/srv/a#b", RES_OK); /* not at the begin of a word */
    import_has("root = \"/srv/a#b\"");
    give("enable-tftp\ntftp-root=\"/srv/\\\"q\\\" \\\\ \\z\"\n", RES_OK);
    import_has("root = \"/srv/\\\"q\\\" \\\\ \\\\z\""); /* \z means nothing and stays */
}

static void test_a_line_that_is_none_is_named_and_nothing_printed(void **state)
{
    (void)state;
    give(ROOT "tftp-root=\"/srv/x\nquiet-tftp\n", RES_PROTOCOL);
    import_misses("3: ", "never closed");
    import_lacks("root");
    give("enable-tftp\n--enable tftp\n", RES_PROTOCOL);
    import_misses("2: ", "name=value");
    give("=x\n", RES_PROTOCOL);
    import_misses("1: ", "name=value");
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, import_setup, import_teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_settings_of_a_fresh_installation_serve_no_tftp),
        STORY(test_settings_of_tftp_are_carried_over_and_others_stay),
        STORY(test_mtu_becomes_the_block_that_it_carries),
        STORY(test_interfaces_are_named_so_that_nobody_serves_more_than_before),
        STORY(test_addresses_become_endpoints),
        STORY(test_roots_that_are_not_one_for_all_are_named),
        STORY(test_what_has_no_equal_is_named_with_what_to_do),
        STORY(test_other_files_are_named_and_not_followed),
        STORY(test_quotes_comments_and_blanks_are_read_as_dnsmasq_does),
        STORY(test_a_line_that_is_none_is_named_and_nothing_printed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
