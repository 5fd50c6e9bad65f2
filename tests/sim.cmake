# Sender against receiver over a simulated network: thousands of seeds in seconds.
wherry_test(bad_link DIR sim LINK proto
  SOURCES sim/scene.c sim/world.c sim/sending.c sim/receiving.c
          support/link.c support/mem_file.c support/chance.c support/packets.c)
