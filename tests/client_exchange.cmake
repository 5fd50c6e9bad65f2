# SPDX-License-Identifier: BSD-2-Clause
# The client's side of a connection of the Wherry file protocol.
set(client_exchange_story support/client_exchange_story.c)

wherry_test(client_exchange LINK proto SOURCES ${client_exchange_story})
wherry_test(client_exchange_put LINK proto SOURCES ${client_exchange_story})
wherry_test(client_exchange_lies LINK proto SOURCES ${client_exchange_story})
wherry_test(client_exchange_end LINK proto SOURCES ${client_exchange_story})
wherry_test(client_exchange_pieces LINK proto SOURCES ${client_exchange_story})
wherry_test(client_exchange_loop LINK proto SOURCES support/loop_server.c support/chance.c)

# It runs out of memory on purpose.
wherry_wrap(test_client_exchange calloc)
