# the worker and its transfers, over loopback
wherry_test(tid LINK server)
wherry_test(tftp_seats LINK server)
foreach(name loopback_requests loopback_reads loopback_peers loopback_writes loopback_worker)
  wherry_test(${name} DIR net LINK server
    SOURCES net/served.c net/served_client.c support/pattern.c support/scratch.c)
  foreach(ports own shared)
    add_test(NAME ${name}_ports_${ports} COMMAND test_${name})
    set_tests_properties(${name}_ports_${ports} PROPERTIES
      ENVIRONMENT TRANSFER_PORTS=${ports} TIMEOUT 120 LABELS self-contained)
  endforeach()
endforeach()
wherry_test(loopback_ports DIR net LINK server
  SOURCES net/served.c net/served_client.c support/pattern.c support/scratch.c)
wherry_wrap(test_loopback_ports sendmmsg sendto sendmsg)
wherry_test(tftp_port DIR net LINK server)
wherry_wrap(test_tftp_port setsockopt)
wherry_test(spare_sockets DIR net LINK server SOURCES net/udp_story.c)
wherry_wrap(test_spare_sockets socket sendto sendmsg sendmmsg recvmsg recvmmsg setsockopt)
wherry_test(large_ports DIR net
    SOURCES net/plain_client.c net/server_process.c support/pattern.c support/scratch.c LINK server)
target_compile_definitions(test_large_ports PRIVATE WHERRYD="$<TARGET_FILE:wherryd>")
add_dependencies(test_large_ports wherryd)
# No file system here is slow, and loopback never fails to route.
wherry_wrap(test_loopback_writes sink_commit)
wherry_wrap(test_loopback_peers sendmmsg sendto)
wherry_test(loopback_behind DIR net LINK server
  SOURCES net/served.c net/served_client.c support/pattern.c support/scratch.c)
wherry_wrap(test_loopback_behind writer_write)
