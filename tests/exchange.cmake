# SPDX-License-Identifier: BSD-2-Clause
# The server's side of a connection of the Wherry file protocol, and the parts of its machine.
set(exchange_story support/exchange_story.c)

foreach(name exchange exchange_bad exchange_close exchange_pipeline exchange_put exchange_time)
  wherry_test(${name} LINK proto SOURCES ${exchange_story})
endforeach()

# These run out of memory on purpose.
target_link_options(test_exchange PRIVATE -Wl,--wrap=calloc)
