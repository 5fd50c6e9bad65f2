# SPDX-License-Identifier: BSD-2-Clause
# The way in to the file protocol: sockets, limits, the door.
wherry_test(tcp DIR net LINK net)
wherry_test(crowd LINK server)
# Everybody here comes from loopback, and the limit for one address does not count loopback.
wherry_test(tcp_door DIR net LINK server
  SOURCES net/tcp_served.c net/tcp_client.c support/log_lines.c support/pattern.c support/scratch.c)
wherry_wrap(test_tcp_door tcp_accept)
