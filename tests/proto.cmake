# SPDX-License-Identifier: BSD-2-Clause
# The codec. What moves a transfer is in machine.cmake.
set(option_pairs support/option_pairs.c)

wherry_test(block LINK proto SOURCES support/packets.c)
wherry_test(netascii LINK proto)
wherry_test(options LINK proto SOURCES ${option_pairs})
wherry_test(options_answer LINK proto SOURCES ${option_pairs})
wherry_test(options_accept LINK proto SOURCES ${option_pairs})
wherry_test(packet LINK proto)
wherry_test(real_requests LINK proto SOURCES ${option_pairs})
wherry_test(wire_error LINK proto)
