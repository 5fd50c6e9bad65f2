/* SPDX-License-Identifier: BSD-2-Clause */
/* When the progress line appears, and what takes its place. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/number.h"
#include "client/meter.h"

#define MIB UINT64_C(1048576)
#define START (7 * NUMBER_SECOND)

struct fixture {
    char *text; /* what was said so far */
    size_t len;
    struct console console;
    struct meter meter;
};

/* A console that takes itself for a terminal. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->console.err = open_memstream(&f->text, &f->len);
    assert_non_null(f->console.err);
    f->console.terminal = true;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    (void)fclose(f->console.err);
    free(f->text);
    free(f);
    return 0;
}

static const char *said(struct fixture *f)
{
    assert_int_equal(fflush(f->console.err), 0);
    return f->text;
}

static void test_line_appears_after_a_second(void **state)
{
    struct fixture *f = *state;

    meter_begin(&f->meter, &f->console, "x", -1, START);
    meter_tick(&f->meter, MIB, 4 * MIB, START + NUMBER_SECOND - 1);
    assert_string_equal(said(f), "");
    meter_tick(&f->meter, MIB, 4 * MIB, START + NUMBER_SECOND);
    assert_non_null(strstr(said(f), "x  1.0 MiB of 4.0 MiB  25 %"));
}

static void test_closing_line_takes_the_place_of_the_line(void **state)
{
    struct fixture *f = *state;
    const char *closing;

    meter_begin(&f->meter, &f->console, "x", -1, START);
    meter_tick(&f->meter, MIB, 4 * MIB, START + NUMBER_SECOND);
    meter_close(&f->meter, 4 * MIB, START + 2 * NUMBER_SECOND);
    closing = strstr(said(f), "\r\033[K"
                              "x: 4194304 bytes in 2.0 s, 2.0 MiB/s\n");
    assert_non_null(closing);
    assert_false(f->console.line_drawn);
}

static void test_quiet_says_nothing(void **state)
{
    struct fixture *f = *state;

    f->console.quiet = true;
    meter_begin(&f->meter, &f->console, "x", -1, START);
    assert_false(f->meter.draws);
    meter_tick(&f->meter, MIB, 4 * MIB, START + 2 * NUMBER_SECOND);
    meter_close(&f->meter, 4 * MIB, START + 2 * NUMBER_SECOND);
    assert_string_equal(said(f), "");
}

static void test_no_terminal_has_no_line(void **state)
{
    struct fixture *f = *state;

    f->console.terminal = false;
    meter_begin(&f->meter, &f->console, "x", -1, START);
    assert_false(f->meter.draws);
    meter_tick(&f->meter, MIB, 4 * MIB, START + 2 * NUMBER_SECOND);
    assert_string_equal(said(f), "");
}

/* The file is shown on a terminal, or typed at one. */
static void test_a_terminal_that_moves_the_file_has_no_line_to_spare(void **state)
{
    struct fixture *f = *state;
    int fd = posix_openpt(O_RDWR | O_NOCTTY);

    if (fd == -1) {
        print_message("no pseudo terminals here (/dev/pts is not mounted)\n");
        skip();
    }
    meter_begin(&f->meter, &f->console, "x", fd, START);
    assert_false(f->meter.draws);
    assert_int_equal(close(fd), 0);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_line_appears_after_a_second),
        STORY(test_closing_line_takes_the_place_of_the_line),
        STORY(test_quiet_says_nothing),
        STORY(test_no_terminal_has_no_line),
        STORY(test_a_terminal_that_moves_the_file_has_no_line_to_spare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
