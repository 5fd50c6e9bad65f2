# SPDX-License-Identifier: BSD-2-Clause
wherry_test(addr LINK net)

# Loopback never fills a socket and never fails to route: udp_story.c plays a kernel that does.
foreach(name udp udp_send)
  wherry_test(${name} LINK net SOURCES net/udp_story.c DIR net)
  target_link_options(test_${name} PRIVATE
    -Wl,--wrap=socket -Wl,--wrap=sendto -Wl,--wrap=sendmmsg -Wl,--wrap=recvmsg
    -Wl,--wrap=recvmmsg)
endforeach()
