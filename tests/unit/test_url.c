/* SPDX-License-Identifier: BSD-2-Clause */
/* URLs of RFC 3617: tftp://host[:port]/name[;mode=octet|netascii], and those of the file protocol:
 * wherry://host[:port][/path]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/url.h"

static struct url parse(const char *text)
{
    struct url u;
    char why[URL_WHY_BYTES] = "";

    if (!url_parse(&u, text, why)) {
        fail_msg("%s: %s", text, why);
    }
    return u;
}

/* The message has to hold this word. */
static void refuse(const char *text, const char *word)
{
    struct url u = {.port = 7};
    char why[URL_WHY_BYTES] = "";

    if (url_parse(&u, text, why)) {
        fail_msg("%s was accepted", text);
    }
    assert_int_equal(u.port, 7); /* untouched */
    if (strstr(why, word) == NULL) {
        fail_msg("%s: \"%s\" does not say \"%s\"", text, why, word);
    }
}

static void test_host_and_name_are_enough(void **state)
{
    struct url u = parse("tftp://boot.example.org/pxelinux.0");

    (void)state;
    assert_string_equal(u.host, "boot.example.org");
    assert_int_equal(u.port, 69);
    assert_string_equal(u.name, "pxelinux.0");
    assert_int_equal(u.mode, WHERRY_OCTET);
}

static void test_scheme_is_taken_in_any_case(void **state)
{
    (void)state;
    assert_string_equal(parse("TFTP://h/x").host, "h");
}

static void test_port_follows_a_colon(void **state)
{
    (void)state;
    assert_int_equal(parse("tftp://192.0.2.1:6969/x").port, 6969);
    assert_int_equal(parse("tftp://h:1/x").port, 1);
    assert_int_equal(parse("tftp://h:65535/x").port, 65535);
}

static void test_ipv6_address_stands_in_brackets(void **state)
{
    struct url u = parse("tftp://[2001:db8::1]:6969/x");

    (void)state;
    assert_string_equal(u.host, "2001:db8::1");
    assert_int_equal(u.port, 6969);
    assert_string_equal(parse("tftp://[::1]/x").host, "::1");
    assert_int_equal(parse("tftp://[::1]/x").port, 69);
}

/* RFC 6874 writes the zone's percent sign as %25; people type it plainly. */
static void test_zone_of_a_link_local_address_is_kept(void **state)
{
    (void)state;
    assert_string_equal(parse("tftp://[fe80::1%25eth0]/x").host, "fe80::1%eth0");
    assert_string_equal(parse("tftp://[fe80::1%eth0]/x").host, "fe80::1%eth0");
}

static void test_mode_is_taken_from_behind_the_name(void **state)
{
    struct url u = parse("tftp://h/motd;mode=netascii");

    (void)state;
    assert_string_equal(u.name, "motd");
    assert_int_equal(u.mode, WHERRY_NETASCII);
    assert_int_equal(parse("tftp://h/motd;mode=octet").mode, WHERRY_OCTET);
    assert_int_equal(parse("tftp://h/motd;MODE=NetASCII").mode, WHERRY_NETASCII);
}

static void test_first_slash_is_not_part_of_the_name(void **state)
{
    (void)state;
    assert_string_equal(parse("tftp://h/a/b/c").name, "a/b/c");
    assert_string_equal(parse("tftp://h//a/b").name, "/a/b");
    assert_string_equal(parse("tftp://h/dir/").name, "dir/");
    assert_string_equal(parse("tftp://h/").name, "");
}

static void test_name_is_percent_decoded(void **state)
{
    (void)state;
    assert_string_equal(parse("tftp://h/a%20b").name, "a b");
    assert_string_equal(parse("tftp://h/%2Fetc%2fx").name, "/etc/x");
    assert_string_equal(parse("tftp://h/100%25").name, "100%");
    assert_string_equal(parse("tftp://h/%C3%A9").name, "\xc3\xa9");
    assert_string_equal(parse("tftp://h/a%3Bmode=octet").name, "a;mode=octet");
}

static void test_broken_percent_sign_is_refused(void **state)
{
    (void)state;
    refuse("tftp://h/50%", "hexadecimal");
    refuse("tftp://h/50%2", "hexadecimal");
    refuse("tftp://h/50%zz", "hexadecimal");
    refuse("tftp://h/50%4;mode=octet", "hexadecimal");
}

/* A NUL ends the name in the request, so it would ask for another file. */
static void test_nul_in_the_name_is_refused(void **state)
{
    (void)state;
    refuse("tftp://h/a%00b", "%00");
    refuse("tftp://h%00x/a", "%00");
}

static void test_other_schemes_are_refused(void **state)
{
    (void)state;
    refuse("http://h/x", "tftp://HOST");
    refuse("h/x", "tftp://HOST");
    refuse("", "tftp://HOST");
    refuse("tftp:/h/x", "tftp://HOST");
}

static void test_missing_parts_are_refused(void **state)
{
    (void)state;
    refuse("tftp:///x", "host is missing");
    refuse("tftp://:69/x", "host is missing");
    refuse("tftp://h", "names no file");
    refuse("tftp://h:69", "names no file");
}

static void test_bad_ports_are_refused(void **state)
{
    (void)state;
    refuse("tftp://h:/x", "1 to 65535");
    refuse("tftp://h:0/x", "1 to 65535");
    refuse("tftp://h:65536/x", "1 to 65535");
    refuse("tftp://h:+69/x", "1 to 65535");
    refuse("tftp://h:69a/x", "1 to 65535");
    refuse("tftp://[::1]:x/x", "1 to 65535");
}

static void test_bad_brackets_are_refused(void **state)
{
    (void)state;
    refuse("tftp://[::1/x", "[ADDRESS]");
    refuse("tftp://[::1]69/x", "[ADDRESS]");
    refuse("tftp://2001:db8::1/x", "brackets");
    refuse("tftp://[]/x", "IPv6");
    refuse("tftp://[192.0.2.1]/x", "IPv6");
}

static void test_users_are_refused(void **state)
{
    (void)state;
    refuse("tftp://me@h/x", "knows users");
}

static void test_unknown_modes_are_refused(void **state)
{
    (void)state;
    refuse("tftp://h/x;mode=mail", ";mode=octet");
    refuse("tftp://h/x;type=a", ";mode=octet");
    refuse("tftp://h/x;", ";mode=octet");
    refuse("tftp://h/x;mode=octet;mode=octet", ";mode=octet");
}

static void test_overlong_parts_are_refused(void **state)
{
    char text[URL_NAME_BYTES + 64];
    int used = snprintf(text, sizeof(text), "tftp://h/");

    (void)state;
    memset(text + used, 'a', URL_NAME_BYTES);
    text[used + URL_NAME_BYTES - 1] = '\0';
    assert_int_equal(strlen(parse(text).name), URL_NAME_BYTES - 1);
    text[used + URL_NAME_BYTES - 1] = 'a';
    text[used + URL_NAME_BYTES] = '\0';
    refuse(text, "longer than");
    used = snprintf(text, sizeof(text), "tftp://");
    memset(text + used, 'h', URL_HOST_BYTES);
    (void)snprintf(text + used + URL_HOST_BYTES, 8, "/x");
    refuse(text, "longer than");
}

static void test_last_component_follows_the_last_slash(void **state)
{
    (void)state;
    assert_string_equal(url_last_component("a/b/zImage"), "zImage");
    assert_string_equal(url_last_component("zImage"), "zImage");
    assert_string_equal(url_last_component("a/"), "");
    assert_string_equal(url_last_component(""), "");
}

/* --- wherry:// --- */

static void path_is(const char *text, const char *path)
{
    struct url u = parse(text);
    struct wherry_view v = url_path(&u);

    assert_int_equal(u.scheme, URL_WHERRY);
    assert_int_equal(v.len, strlen(path));
    assert_memory_equal(v.bytes, path, v.len);
}

static void test_scheme_tells_the_protocol_and_its_port(void **state)
{
    (void)state;
    assert_int_equal(parse("tftp://h/x").scheme, URL_TFTP);
    assert_int_equal(parse("wherry://h/x").scheme, URL_WHERRY);
    assert_int_equal(parse("WHERRY://h/x").port, 7069);
    assert_int_equal(parse("wherry://[::1]:7070/x").port, 7070);
    assert_int_equal(parse("wherry://h:7070").port, 7070);
    assert_string_equal(url_scheme_text(URL_WHERRY), "wherry://");
}

static void test_root_of_a_server_needs_no_slash(void **state)
{
    (void)state;
    path_is("wherry://h", "");
    path_is("wherry://h/", "");
    path_is("wherry://[::1]", "");
}

static void test_path_is_all_behind_the_host(void **state)
{
    (void)state;
    path_is("wherry://h/boot/x", "boot/x");
    path_is("wherry://h/a;mode=octet", "a;mode=octet");
    path_is("wherry://h/a?b#c", "a?b#c");
    path_is("wherry://h/a%20b%5Cc%0A", "a b\\c\n");
    path_is("wherry://h/a%2Fb", "a/b");
}

/* It says that a directory is meant, and is no part of what requests carry. */
static void test_one_slash_at_the_end_may_stand(void **state)
{
    (void)state;
    path_is("wherry://h/boot/", "boot");
    assert_string_equal(parse("wherry://h/boot/").name, "boot/");
    refuse("wherry://h/boot//", "single slashes");
    refuse("wherry://h//", "single slashes");
}

static void test_paths_that_the_protocol_never_allows_are_refused(void **state)
{
    char text[2048];
    int used = snprintf(text, sizeof(text), "wherry://h/");

    (void)state;
    refuse("wherry://h//etc", "single slashes");
    refuse("wherry://h/a/../b", "neither . nor ..");
    refuse("wherry://h/./b", "neither . nor ..");
    refuse("wherry://h/%2e%2e", "neither . nor ..");
    refuse("wherry://h/a/.wherry-x", ".wherry-");
    refuse("wherry://h/a%00", "%00");
    memset(text + used, 'a', 256);
    text[used + 256] = '\0';
    refuse(text, "1 to 255 bytes");
    text[used + 255] = '\0';
    assert_int_equal(strlen(parse(text).name), 255);
    for (int i = 0; i < 1025; i++) { /* 1025 bytes of short components */
        text[used + i] = i % 2 == 0 ? 'a' : '/';
    }
    text[used + 1025] = '\0';
    refuse(text, "1024 bytes in all");
}

static void test_wherry_hosts_are_judged_like_those_of_tftp(void **state)
{
    (void)state;
    refuse("wherry://", "wherry://HOST/PATH");
    refuse("wherry:///x", "wherry://HOST/PATH");
    refuse("wherry://::1/x", "wherry://[ADDRESS]/PATH");
    refuse("wherry://h:0", "1 to 65535");
    refuse("wherry://me@h/x", "knows users");
    refuse("http://h/x", "wherry://HOST");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_and_name_are_enough),
        cmocka_unit_test(test_scheme_is_taken_in_any_case),
        cmocka_unit_test(test_port_follows_a_colon),
        cmocka_unit_test(test_ipv6_address_stands_in_brackets),
        cmocka_unit_test(test_zone_of_a_link_local_address_is_kept),
        cmocka_unit_test(test_mode_is_taken_from_behind_the_name),
        cmocka_unit_test(test_first_slash_is_not_part_of_the_name),
        cmocka_unit_test(test_name_is_percent_decoded),
        cmocka_unit_test(test_broken_percent_sign_is_refused),
        cmocka_unit_test(test_nul_in_the_name_is_refused),
        cmocka_unit_test(test_other_schemes_are_refused),
        cmocka_unit_test(test_missing_parts_are_refused),
        cmocka_unit_test(test_bad_ports_are_refused),
        cmocka_unit_test(test_bad_brackets_are_refused),
        cmocka_unit_test(test_users_are_refused),
        cmocka_unit_test(test_unknown_modes_are_refused),
        cmocka_unit_test(test_overlong_parts_are_refused),
        cmocka_unit_test(test_last_component_follows_the_last_slash),
        cmocka_unit_test(test_scheme_tells_the_protocol_and_its_port),
        cmocka_unit_test(test_root_of_a_server_needs_no_slash),
        cmocka_unit_test(test_path_is_all_behind_the_host),
        cmocka_unit_test(test_one_slash_at_the_end_may_stand),
        cmocka_unit_test(test_paths_that_the_protocol_never_allows_are_refused),
        cmocka_unit_test(test_wherry_hosts_are_judged_like_those_of_tftp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
