# SPDX-License-Identifier: BSD-2-Clause
# The codec of the Wherry file protocol: frames and the messages in them.
wherry_test(frame LINK proto SOURCES support/decode_exact.c)
wherry_test(frame_pieces LINK proto SOURCES support/decode_exact.c)
wherry_test(message_names LINK proto)
wherry_test(message_parse LINK proto)
wherry_test(message_write LINK proto)

# It runs out of memory on purpose.
wherry_wrap(test_frame_pieces calloc)
