# The machines of a transfer. Their tests link the room proto and verbs to tell a story in.
set(sender_story support/sender_story.c support/packets.c)
set(receiver_story support/receiver_story.c support/packets.c)

wherry_test(rtt LINK proto)
wherry_test(sender LINK proto SOURCES ${sender_story})
wherry_test(sender_window LINK proto SOURCES ${sender_story})
wherry_test(sender_time LINK proto SOURCES ${sender_story})
wherry_test(sender_end LINK proto SOURCES ${sender_story})
wherry_test(receiver LINK proto SOURCES ${receiver_story})
wherry_test(receiver_ack LINK proto SOURCES ${receiver_story})
wherry_test(receiver_time LINK proto SOURCES ${receiver_story})
wherry_test(receiver_end LINK proto SOURCES ${receiver_story})

# These two run out of memory on purpose.
wherry_wrap(test_sender calloc)
wherry_wrap(test_receiver calloc)
