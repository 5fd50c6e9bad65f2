# SPDX-License-Identifier: BSD-2-Clause
# Rules of the file protocol that only show on a whole connection.
wherry_test(tcp_rules DIR net LINK server
  SOURCES net/tcp_served.c net/tcp_client.c support/log_lines.c support/pattern.c support/scratch.c)
target_compile_definitions(test_tcp_rules PRIVATE
  WHERRY_PROTOCOL_7="${PROJECT_SOURCE_DIR}/man/wherry-protocol.7")
# Everybody here comes from loopback, where all networks are one.
wherry_wrap(test_tcp_rules tcp_accept)
