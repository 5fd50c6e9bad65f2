# SPDX-License-Identifier: BSD-2-Clause
wherry_test(tcp_get DIR net LINK server SOURCES ${tcp_served_sources})
wherry_test(tcp_ask DIR net LINK server SOURCES ${tcp_served_sources})
# No machine here is cold, and no disk fails.
target_link_options(test_tcp_get PRIVATE
  -Wl,--wrap=preadv2 -Wl,--wrap=preadv64v2 -Wl,--wrap=exact_open_file -Wl,--wrap=tcp_send_file)
target_link_options(test_tcp_ask PRIVATE -Wl,--wrap=exact_stat)
