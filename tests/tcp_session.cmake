# connections of the file protocol, over loopback
set(tcp_served_sources net/tcp_served.c net/tcp_client.c support/log_lines.c support/pattern.c
  support/scratch.c)
foreach(name tcp_session tcp_strangers tcp_time tcp_turns tcp_drain)
  wherry_test(${name} DIR net LINK server SOURCES ${tcp_served_sources})
endforeach()
wherry_test(tcp_crowd DIR net LINK server SOURCES ${tcp_served_sources} support/chance.c)
