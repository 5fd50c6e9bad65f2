/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests as boot ROMs, phones and tools were seen to send them, byte for byte, through the codec
 * and the negotiation of a server that grants blksize to the path's 1468 and windows of up to 64.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <wherry/options.h>
#include <wherry/packet.h>

#include "support/option_pairs.h"

#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

static void expect_served(const uint8_t *datagram, size_t len, enum wherry_opcode opcode,
                          const char *name, const char *answer)
{
    const struct wherry_offer offer = {.blksize_max = WHERRY_BLKSIZE_MAX,
                                       .blksize_path = 1468,
                                       .windowsize_max = 64,
                                       .window_bytes_max = 4u << 20,
                                       .tsize_offered = true,
                                       .size = 12345};
    struct wherry_packet p;
    struct wherry_options asked;
    struct wherry_agreed agreed;
    uint8_t pairs[WHERRY_OPTIONS_BYTES];
    char text[OPTION_PAIRS_BYTES];

    assert_int_equal(wherry_packet_decode(&p, datagram, len), RES_OK);
    assert_int_equal(p.opcode, opcode);
    assert_int_equal(p.request.mode, WHERRY_OCTET);
    assert_int_equal(p.request.name.len, strlen(name));
    assert_memory_equal(p.request.name.bytes, name, strlen(name));
    wherry_options_parse(&asked, p.request.options);
    len = wherry_options_answer(&asked, opcode, &offer, &agreed, pairs);
    assert_string_equal(option_pairs_text(pairs, len, text), answer);
}

static void test_ipxe_asks_blksize_and_tsize(void **state)
{
    (void)state;
    expect_served(BYTES("\0\1boot/zImage\0octet\0blksize\0001432\0tsize\0000\0"), WHERRY_RRQ,
                  "boot/zImage", "blksize=1432 tsize=12345");
}

static void test_pxelinux_asks_tsize_and_blksize(void **state)
{
    (void)state;
    expect_served(BYTES("\0\1ldlinux.c32\0octet\0tsize\0000\0blksize\0001408\0"), WHERRY_RRQ,
                  "ldlinux.c32", "tsize=12345 blksize=1408");
}

static void test_grub_asks_with_a_leading_slash(void **state)
{
    (void)state;
    expect_served(BYTES("\0\1/grub/grub.cfg\0octet\0blksize\0001024\0tsize\0000\0"), WHERRY_RRQ,
                  "/grub/grub.cfg", "blksize=1024 tsize=12345");
}

static void test_ovmf_asks_for_the_size_first(void **state)
{
    (void)state;
    expect_served(BYTES("\0\1bootx64.efi\0octet\0tsize\0000\0blksize\0001468\0windowsize\0004\0"),
                  WHERRY_RRQ, "bootx64.efi", "tsize=12345 blksize=1468 windowsize=4");
    expect_served(BYTES("\0\1bootx64.efi\0octet\0blksize\0001468\0windowsize\0004\0"), WHERRY_RRQ,
                  "bootx64.efi", "blksize=1468 windowsize=4");
}

static void test_u_boot_asks_with_a_timeout(void **state)
{
    (void)state;
    expect_served(BYTES("\0\1uImage\0octet\0timeout\0005\0blksize\0001468\0"), WHERRY_RRQ, "uImage",
                  "timeout=5 blksize=1468");
    expect_served(
        BYTES("\0\1uImage\0octet\0timeout\0005\0tsize\0000\0blksize\0001468\0windowsize\0008\0"),
        WHERRY_RRQ, "uImage", "timeout=5 tsize=12345 blksize=1468 windowsize=8");
    expect_served(BYTES("\0\1uImage\0octet\0timeout\0005\0blksize\0008192\0"), WHERRY_RRQ, "uImage",
                  "timeout=5 blksize=1468"); /* built with IP reassembly */
}

static void test_u_boot_writes_without_tsize(void **state)
{
    (void)state;
    expect_served(BYTES("\0\2dump.bin\0octet\0timeout\0005\0blksize\0001468\0"), WHERRY_WRQ,
                  "dump.bin", "timeout=5 blksize=1468");
}

static void test_raspberry_pi_asks_tsize_alone(void **state)
{
    (void)state;
    expect_served(BYTES("\0\1f00dcafe/start4.elf\0octet\0tsize\0000\0"), WHERRY_RRQ,
                  "f00dcafe/start4.elf", "tsize=12345");
}

static void test_curl_asks_tsize_blksize_timeout(void **state)
{
    (void)state;
    expect_served(BYTES("\0\1file\0octet\0tsize\0000\0blksize\000512\0timeout\0006\0"), WHERRY_RRQ,
                  "file", "tsize=12345 blksize=512 timeout=6");
}

static void test_plain_rfc_1350_client_gets_no_oack(void **state)
{
    (void)state;
    expect_served(BYTES("\0\1vmlinuz\0OCTET\0"), WHERRY_RRQ, "vmlinuz", "");
}

static void test_windows_boot_manager_gets_no_private_window(void **state)
{
    (void)state;
    expect_served(BYTES("\0\1\\Boot\\BCD\0octet\0tsize\0000\0blksize\0001456\0"
                        "windowsize\0004\0msftwindow\00031416\0"),
                  WHERRY_RRQ, "\\Boot\\BCD", "tsize=12345 blksize=1456 windowsize=4");
}

static void test_grandstream_phones_add_options_of_their_own(void **state)
{
    (void)state;
    /* Six and more of them, one empty, one with spaces. */
    expect_served(BYTES("\0\1cfg020000000001.xml\0octet\0blksize\0001024\0tsize\0000\0"
                        "grandstream_MODEL\0GXV3450  V1.3A\0grandstream_ID\000020000000001\0"
                        "grandstream_REV_BOOT\0001.0.1.2\0grandstream_REV_CORE\0001.0.1.2\0"
                        "grandstream_REV_BASE\0001.0.1.2\0grandstream_REV_PROG\0001.0.1.2\0"
                        "grandstream_OEM\0\0timeout\00010\0"),
                  WHERRY_RRQ, "cfg020000000001.xml", "blksize=1024 tsize=12345 timeout=10");
}

static void test_old_roms_pad_requests_with_zeros(void **state)
{
    uint8_t request[516] = "\0\1kernel\0octet\0blksize\0001024";

    (void)state;
    expect_served(request, sizeof(request), WHERRY_RRQ, "kernel", "blksize=1024");
    memset(request, 0, sizeof(request));
    memcpy(request, "\0\1kernel\0octet", 14);
    expect_served(request, sizeof(request), WHERRY_RRQ, "kernel", "");
}

static void test_ipxe_with_multicast_is_served_without(void **state)
{
    (void)state;
    expect_served(BYTES("\0\1file\0octet\0multicast\0\0blksize\0001432\0tsize\0000\0"), WHERRY_RRQ,
                  "file", "blksize=1432 tsize=12345");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipxe_asks_blksize_and_tsize),
        cmocka_unit_test(test_pxelinux_asks_tsize_and_blksize),
        cmocka_unit_test(test_grub_asks_with_a_leading_slash),
        cmocka_unit_test(test_ovmf_asks_for_the_size_first),
        cmocka_unit_test(test_u_boot_asks_with_a_timeout),
        cmocka_unit_test(test_u_boot_writes_without_tsize),
        cmocka_unit_test(test_raspberry_pi_asks_tsize_alone),
        cmocka_unit_test(test_curl_asks_tsize_blksize_timeout),
        cmocka_unit_test(test_plain_rfc_1350_client_gets_no_oack),
        cmocka_unit_test(test_windows_boot_manager_gets_no_private_window),
        cmocka_unit_test(test_grandstream_phones_add_options_of_their_own),
        cmocka_unit_test(test_old_roms_pad_requests_with_zeros),
        cmocka_unit_test(test_ipxe_with_multicast_is_served_without),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
