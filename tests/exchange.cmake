# SPDX-License-Identifier: BSD-2-Clause
# The server's side of a connection of the Wherry file protocol, and the parts of its machine.
set(exchange_story support/exchange_story.c)

foreach(name exchange exchange_bad exchange_close exchange_pipeline exchange_put exchange_time)
  wherry_test(${name} LINK proto SOURCES ${exchange_story})
endforeach()
foreach(name exchange_output exchange_queue exchange_rate exchange_timers)
  wherry_test(${name} LINK proto)
endforeach()
# One session, its stream cut everywhere.
wherry_test(pieces DIR sim LINK proto SOURCES ${exchange_story})

# These run out of memory on purpose.
foreach(name exchange exchange_output exchange_queue)
  wherry_wrap(test_${name} calloc)
endforeach()
