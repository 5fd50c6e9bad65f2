/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/packets.h"

static uint64_t widened(uint16_t wire, uint64_t near, uint16_t rollover)
{
    uint64_t block = UINT64_MAX;

    assert_true(block_from_wire(wire, near, rollover, &block));
    return block;
}

static void test_first_round_is_the_block_itself(void **state)
{
    (void)state;
    for (uint16_t rollover = 0; rollover <= 1; rollover++) {
        assert_int_equal(block_to_wire(0, rollover), 0);
        assert_int_equal(block_to_wire(1, rollover), 1);
        assert_int_equal(block_to_wire(65535, rollover), 65535);
    }
}

static void test_block_65535_is_followed_by_rollover(void **state)
{
    (void)state;
    assert_int_equal(block_to_wire(65536, 0), 0);
    assert_int_equal(block_to_wire(65537, 0), 1);
    assert_int_equal(block_to_wire(131071, 0), 65535);
    assert_int_equal(block_to_wire(131072, 0), 0);
    assert_int_equal(block_to_wire(65536, 1), 1);
    assert_int_equal(block_to_wire(65537, 1), 2);
    assert_int_equal(block_to_wire(131070, 1), 65535);
    assert_int_equal(block_to_wire(131071, 1), 1);
}

static void test_numbers_go_up_one_by_one_through_three_rounds(void **state)
{
    (void)state;
    for (uint16_t rollover = 0; rollover <= 1; rollover++) {
        uint16_t wire = 0;

        for (uint64_t block = 1; block < 200000; block++) {
            wire = wire == 65535 ? rollover : (uint16_t)(wire + 1);
            if (block_to_wire(block, rollover) != wire) {
                fail_msg("block %u, rollover %u", (unsigned)block, (unsigned)rollover);
            }
        }
    }
}

static void test_number_is_widened_to_the_nearest_block(void **state)
{
    (void)state;
    assert_int_equal(widened(5, 5, 0), 5);
    assert_int_equal(widened(6, 5, 0), 6);
    assert_int_equal(widened(0, 65535, 0), 65536);
    assert_int_equal(widened(1, 65535, 0), 65537);
    assert_int_equal(widened(1, 65535, 1), 65536);
    assert_int_equal(widened(65535, 65536, 0), 65535);
    assert_int_equal(widened(65535, 65536, 1), 65535);
    assert_int_equal(widened(65530, 65540, 0), 65530);
    assert_int_equal(widened(4, 1000000 * UINT64_C(65536), 0), 1000000 * UINT64_C(65536) + 4);
}

static void test_numbers_behind_block_zero_do_not_exist(void **state)
{
    (void)state;
    assert_int_equal(widened(65535, 0, 0),
                     65535); /* an ACK 65535 at the start is none of block -1 */
    assert_int_equal(widened(65535, 3, 0), 65535);
    assert_int_equal(widened(65535, 3, 1), 65535);
    assert_int_equal(widened(0, 0, 0), 0);
}

static void test_windows_around_any_block_come_back(void **state)
{
    /* Beginnings, roll-overs and a block of a file of an exabyte. */
    static const uint64_t nears[] = {0,      1,      32767,  32768,  65534,
                                     65535,  65536,  65537,  131069, 131070,
                                     131071, 131072, 196605, 196608, UINT64_C(1) << 50};

    (void)state;
    for (size_t i = 0; i < sizeof(nears) / sizeof(nears[0]); i++) {
        for (uint16_t rollover = 0; rollover <= 1; rollover++) {
            uint64_t first = nears[i] > 32767 ? nears[i] - 32767 : 1;

            for (uint64_t block = first; block <= nears[i] + 32767; block++) {
                uint64_t got = 0;

                if (!block_from_wire(packets_wire(block, rollover), nears[i], rollover, &got) ||
                    got != block) {
                    fail_msg("block %llu near %llu, rollover %u", (unsigned long long)block,
                             (unsigned long long)nears[i], (unsigned)rollover);
                }
            }
        }
    }
}

static void test_of_two_equally_near_the_older_is_meant(void **state)
{
    (void)state;
    /* A repeated old packet does no harm, one taken for a new block would. */
    assert_int_equal(widened(0, 65536 + 32768, 0), 65536);
}

static void test_zero_is_block_zero_alone_where_the_wire_rolls_over_to_one(void **state)
{
    uint64_t block = 7;

    (void)state;
    assert_int_equal(widened(0, 0, 1), 0);
    assert_int_equal(widened(0, 100, 1), 0);
    assert_false(block_from_wire(0, 65536, 1, &block));
    assert_false(block_from_wire(0, 1000000, 1, &block));
    assert_int_equal(block, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_round_is_the_block_itself),
        cmocka_unit_test(test_block_65535_is_followed_by_rollover),
        cmocka_unit_test(test_numbers_go_up_one_by_one_through_three_rounds),
        cmocka_unit_test(test_number_is_widened_to_the_nearest_block),
        cmocka_unit_test(test_numbers_behind_block_zero_do_not_exist),
        cmocka_unit_test(test_windows_around_any_block_come_back),
        cmocka_unit_test(test_of_two_equally_near_the_older_is_meant),
        cmocka_unit_test(test_zero_is_block_zero_alone_where_the_wire_rolls_over_to_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
