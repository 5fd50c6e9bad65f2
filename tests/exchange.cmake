# SPDX-License-Identifier: BSD-2-Clause
# The server's side of a connection of the Wherry file protocol, and the parts of its machine.
set(exchange_story support/exchange_story.c)

wherry_test(exchange LINK proto SOURCES ${exchange_story})
wherry_test(exchange_bad LINK proto SOURCES ${exchange_story})
wherry_test(exchange_pipeline LINK proto SOURCES ${exchange_story})
wherry_test(exchange_put LINK proto SOURCES ${exchange_story})

# These run out of memory on purpose.
target_link_options(test_exchange PRIVATE -Wl,--wrap=calloc)
